"""Changes: whether a method is better or worse than it was in an earlier run.

A change counts if it is statistically significant and large enough to matter.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from howrobust.analysis.statistics import Estimate, holm, over_splits
from howrobust.comparison.baseline import Snapshot, SnapshotData
from howrobust.comparison.losses import gate_of, paired_losses

WORSE, BETTER, UNCHANGED, INCONCLUSIVE = "worse", "better", "unchanged", "inconclusive"
ROUNDING = 1e-3  # of the least difference that matters: what processors differ by
MOST_SPLITS = 1000


@dataclass(frozen=True)
class Change:
    """A metric of a method, new less base, on one data set or on all of them.

    Parameters
    ----------
    dataset : str
        Name of the data set; "" for all of them.
    method, stress, metric : str
        Names of the method, the stress ("none" for clean rows, else the mean over its levels) and
        the metric.
    base, new : float
        Means of the metric; NaN over several data sets.
    estimate : Estimate
        Difference of losses, see `Gate`, with a 95 % interval.
    p : float
        One-sided p-value of no change in the direction seen, adjusted for all tests of that
        direction (Holm); NaN where nothing was tested: one split, or ``same``.
    splits : int
        Number of splits.
    verdict : {"worse", "better", "unchanged", "inconclusive"}
        What follows.
    same : bool
        Whether no split differs by more than rounding.
    splits_needed : int or None, default=None
        Number of splits with which a difference of this size would be significant; None where it
        is not inconclusive, or where no number up to 1,000 would do.
    """

    dataset: str
    method: str
    stress: str
    metric: str
    base: float
    new: float
    estimate: Estimate
    p: float
    splits: int
    verdict: str
    same: bool
    splits_needed: int | None = None

    @property
    def in_sizes(self) -> float:
        """The difference over the least that matters; above 1 it is worse."""
        return self.estimate.mean / gate_of(self.metric).size


def changes(base: Snapshot, new: Snapshot, changed: Set[str], alpha: float) -> list[Change]:
    """Compare the scores of the cells that two runs share.

    Parameters
    ----------
    base, new : Snapshot
        The earlier and the later run.
    changed : set of str
        Data sets that are not compared, because their data differ.
    alpha : float
        Family-wise level of the tests.

    Returns
    -------
    list of Change
        One per method, data set, stress and metric, and one over all data sets.

    Notes
    -----
    Tested are the means over common splits per method, data set and metric, clean and under each
    stress, and over all data sets together, by the corrected resampled t-test (Nadeau & Bengio
    2003, eq. 9) in both directions, adjusted by Holm's method (1979): an unchanged method is called
    worse with probability ``alpha`` at most, in the whole comparison. The test is paired where the
    runs have the same seed and thus the same rows on every split, and of two samples otherwise.
    What differs by no more than rounding on every split cannot be called worse and is not counted
    as a test.
    """
    pairs = paired_losses(base, new, changed)
    if pairs.empty:
        return []
    tests = [*_tests(pairs, base, new)]
    tests += _over_datasets(tests)
    p = {sign: holm(np.array([test.p(sign) for test in tests])) for sign in (1, -1)}
    counted = sum(not np.isnan(test.p(1)) for test in tests)
    return [
        _judged(test, float(p[1 if test.mean > 0 else -1][k]), alpha, counted)
        for k, test in enumerate(tests)
    ]


@dataclass(frozen=True)
class _Test:
    """A mean loss difference with its standard error and degrees of freedom.

    ``same``: no split differs by more than rounding. ``overlap`` and ``splits`` are what the error
    came from, of one data set.
    """

    dataset: str
    method: str
    stress: str
    metric: str
    mean: float
    se: float
    df: float
    splits: int
    same: bool
    overlap: float = np.nan
    base: float = np.nan
    new: float = np.nan

    def p(self, sign: int) -> float:
        """One-sided p of no difference in the direction of ``sign``."""
        if self.same or not self.df >= 1:
            return np.nan
        if self.se == 0:
            return float(sign * self.mean <= 0)
        return float(stats.t.sf(sign * self.mean / self.se, self.df))

    def estimate(self) -> Estimate:
        """The mean with its 95 % interval."""
        half = float(stats.t.ppf(0.975, self.df)) * self.se if self.df >= 1 else np.nan
        return Estimate(self.mean, self.se, self.mean - half, self.mean + half)


def _tests(pairs: pd.DataFrame, base: Snapshot, new: Snapshot) -> Iterator[_Test]:
    """Tests of each data set, method, stress and metric."""
    names = ["dataset", "method", "stress", "metric"]
    for address, group in pairs.groupby(names, sort=False):
        dataset, method, stress, metric = map(str, address)
        data = [taken.data[dataset] for taken in (base, new)]
        same_rows = base.seed == new.seed  # splits of another seed have other rows
        difference = _difference(group, metric, data, same_rows)
        same = (group["loss_new"] - group["loss_base"]).abs() <= ROUNDING * gate_of(metric).size
        yield _Test(
            dataset=dataset,
            method=method,
            stress=stress,
            metric=metric,
            mean=difference.mean,
            se=difference.se,
            df=difference.df,
            splits=difference.splits,
            same=bool(same.all()),
            overlap=difference.overlap,
            base=float(group["base"].mean()),
            new=float(group["new"].mean()),
        )


@dataclass(frozen=True)
class _Difference:
    """A mean loss difference over splits."""

    mean: float
    se: float
    df: float
    splits: int
    overlap: float


def _difference(
    group: pd.DataFrame, metric: str, data: Sequence[SnapshotData], same_rows: bool
) -> _Difference:
    """The corrected mean loss difference, paired where the splits have the same rows."""
    losses = group.groupby("split", sort=False)[["loss_base", "loss_new"]].mean()
    values = (losses["loss_new"] - losses["loss_base"]).to_numpy()
    overlap = max(facts.overlap for facts in data)
    se, df = over_splits(values, overlap).se, len(values) - 1
    if not same_rows:
        errors = [over_splits(losses[run].to_numpy(), overlap).se for run in losses]
        se = float(np.sqrt(np.sum(np.square(errors))))
        df *= 2
    if metric == "coverage_90" and len(values) > 1:
        # Shares of n points can repeat from split to split at random, with an sd of 0. A difference
        # d takes n |d| points that one run covers alone, each with a variance of at most 1 / n^2.
        least = np.mean(np.abs(values)) / min(facts.n_test for facts in data)
        se = max(se, float(np.sqrt(least * (1 / len(values) + overlap))))
    return _Difference(float(values.mean()), se, df, len(values), overlap)


def _over_datasets(tests: list[_Test]) -> list[_Test]:
    """Tests of the mean over data sets of a method's differences, where several have one.

    The error is of independent data sets, with Welch and Satterthwaite's degrees of freedom:
    (sum_k se_k^2)^2 / sum_k (se_k^4 / df_k).
    """
    by_method: dict[tuple[str, str, str], list[_Test]] = {}
    for test in tests:
        if not np.isnan(test.p(1)):
            by_method.setdefault((test.method, test.stress, test.metric), []).append(test)
    return [
        _mean_test(method, stress, metric, several)
        for (method, stress, metric), several in by_method.items()
        if len(several) > 1
    ]


def _mean_test(method: str, stress: str, metric: str, tests: list[_Test]) -> _Test:
    squares = np.array([test.se**2 for test in tests])
    df, total = np.array([test.df for test in tests]), squares.sum()
    return _Test(
        dataset="",
        method=method,
        stress=stress,
        metric=metric,
        mean=float(np.mean([test.mean for test in tests])),
        se=float(np.sqrt(total)) / len(tests),
        df=float(total**2 / np.sum(squares**2 / df)) if total > 0 else float(df.sum()),
        splits=sum(test.splits for test in tests),
        same=False,
    )


def _judged(test: _Test, p: float, alpha: float, counted: int) -> Change:
    size = gate_of(test.metric).size
    verdict, needed = UNCHANGED, None
    if not test.same and abs(test.mean) > size:
        if p < alpha:
            verdict = WORSE if test.mean > 0 else BETTER
        elif test.mean > 0:
            verdict = INCONCLUSIVE
            needed = _splits_needed(test, alpha / max(counted, 1))
    return Change(
        dataset=test.dataset,
        method=test.method,
        stress=test.stress,
        metric=test.metric,
        base=test.base,
        new=test.new,
        estimate=test.estimate(),
        p=p,
        splits=test.splits,
        verdict=verdict,
        same=test.same,
        splits_needed=needed,
    )


def _splits_needed(test: _Test, alpha: float) -> int | None:
    """The least number of splits with which such a difference would be significant.

    At ``alpha``, the strictest step of Holm's method.
    """
    if not test.df >= 1 or np.isnan(test.overlap):
        return None
    J = np.arange(2, MOST_SPLITS + 1)
    spread = test.se / np.sqrt(1 / test.splits + test.overlap)
    df = (J - 1) * test.df / (test.splits - 1)
    least = stats.t.isf(alpha, df) * spread * np.sqrt(1 / J + test.overlap)
    enough = np.flatnonzero(least < test.mean)
    return int(J[enough[0]]) if len(enough) else None
