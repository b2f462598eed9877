"""Comparison of methods on one data set, pair by pair over the splits that both have."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from howrobust.analysis.complete_blocks import ranked_methods
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import ALPHA, Estimate, holm, paired


@dataclass(frozen=True)
class Difference:
    """A metric of one method minus that of another on one data set.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    method, other : str
        Labels of the methods.
    estimate : Estimate
        Mean difference over the splits that both have, with its corrected interval.
    p : float
        Two-sided p-value, see `howrobust.analysis.statistics.paired`; NaN for one split.
    p_holm : float
        The same, adjusted for all pairs of methods on the data set.
    pairs : int
        Number of splits that both have.
    missing : int
        Number of planned splits that one of the two lacks.

    Notes
    -----
    Gaps and tails of a table are no random sample of splits: their overlap counts as 0, and the
    estimate holds for those gaps of that table alone.
    """

    dataset: str
    method: str
    other: str
    estimate: Estimate
    p: float
    p_holm: float
    pairs: int
    missing: int

    @property
    def distinguishable(self) -> bool:
        """Whether the difference is significant at a family-wise level of 5 %."""
        return self.p_holm < ALPHA


def differences(scores: Scores, dataset: str, metric: str = "nll") -> list[Difference]:
    """Compare every two ranked methods on the splits that both have.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset : str
        Name of the data set.
    metric : str, default="nll"
        Name of the metric.

    Returns
    -------
    list of Difference
        One per pair with a common split, in the order of the run's methods.

    Notes
    -----
    Repeats of a split are averaged first. The test is the corrected resampled t-test (Nadeau &
    Bengio 2003), adjusted for all pairs by Holm's method.
    """
    values = {m: scores.values(dataset, m, metric) for m in ranked_methods(scores)}
    planned, overlap = scores.planned_splits(dataset), scores.overlap(dataset)
    tests, compared = [], []
    for method, other in combinations(values, 2):
        common = values[method].index.intersection(values[other].index)
        if len(common):
            one, two = (values[m][common].to_numpy() for m in (method, other))
            tests.append(paired(one, two, overlap))
            compared.append((method, other, len(common)))
    adjusted = holm(np.array([test.p for test in tests]))
    return [
        Difference(dataset, method, other, test.estimate, test.p, float(p), n, planned - n)
        for (method, other, n), test, p in zip(compared, tests, adjusted, strict=True)
    ]
