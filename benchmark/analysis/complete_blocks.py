"""Complete blocks: data sets on which every method has a value on every planned split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import MeanShare, mean_share
from howrobust.base.facts import REFERENCES
from howrobust.base.split_names import PLACES
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.metrics.builtin import METRICS


@dataclass(frozen=True)
class Blocks:
    """Complete blocks of a metric.

    Parameters
    ----------
    methods : list of str
        The k methods that are complete on some data set.
    values : dict of str to array of shape (k, J)
        By data set, the values of the methods on its J planned splits.
    missing : list of tuple of (str, str)
        Each data set and method without a value on every planned split.
    """

    methods: list[str]
    values: dict[str, Array]
    missing: list[tuple[str, str]]


def ranked_methods(scores: Scores) -> list[str]:
    """Return the methods of a run without its references and without second rows of models.

    Parameters
    ----------
    scores : Scores
        The run.

    Returns
    -------
    list of str
        Labels of the methods, in the order of the run.
    """
    facts = scores.about.method_facts
    return [m for m in scores.methods if m not in REFERENCES and not facts[m].row_of]


def complete_blocks(scores: Scores, metric: str, methods: Sequence[str]) -> Blocks:
    """Return the complete blocks of a metric.

    Parameters
    ----------
    scores : Scores
        The run.
    metric : str
        Name of the metric.
    methods : sequence of str
        Labels of the methods.

    Returns
    -------
    Blocks
        Values without those of methods that are complete on no data set, and then without the
        data sets on which any other method lacks a planned split.

    Notes
    -----
    Nothing is imputed. Repeats of a split are averaged first.
    """
    names = [data.name for data in scores.data]
    by_split: dict[tuple[str, str], pd.Series] = {
        (name, method): scores.values(name, method, metric) for name in names for method in methods
    }
    planned = {name: scores.planned_splits(name) for name in names}
    missing = [place for place, values in by_split.items() if len(values) < planned[place[0]]]
    kept = [m for m in methods if any((name, m) not in missing for name in names)]
    blocks: dict[str, Array] = {}
    for name in names:
        if kept and not any((name, m) in missing for m in kept):
            splits = by_split[name, kept[0]].index
            blocks[name] = np.array([by_split[name, m][splits].to_numpy() for m in kept])
    return Blocks(kept, blocks, missing)


def losses(scores: Scores, metric: str) -> Blocks:
    """Return the complete blocks of the ranked methods as losses.

    Parameters
    ----------
    scores : Scores
        The run.
    metric : str
        Name of the metric.

    Returns
    -------
    Blocks
        Values of the metric, negated if high is better.

    Raises
    ------
    BadInput
        For a metric of which neither low nor high is better.
    """
    known = {m.name: m.better for m in scores.about.metrics} | {m.name: m.better for m in METRICS}
    better = known.get(metric)
    if better not in ("low", "high"):
        raise BadInput(
            f"methods cannot be ranked by {metric!r}; name a metric of which low or high is "
            "better, such as nll, crps or r2"
        )
    blocks = complete_blocks(scores, metric, ranked_methods(scores))
    sign = 1 if better == "low" else -1
    return replace(blocks, values={name: sign * block for name, block in blocks.values.items()})


def over_datasets(scores: Scores, blocks: Blocks, shares: Array) -> MeanShare:
    """Average shares over the data sets of complete blocks.

    Parameters
    ----------
    scores : Scores
        The run.
    blocks : Blocks
        Complete blocks of M data sets.
    shares : array of shape (M, ...)
        Shares of each data set.

    Returns
    -------
    MeanShare
        Means and limits. The limits hold for other splits of these data sets, not for other data
        sets; they are NaN, with the reason, where splits are gaps or tails of a table, which are no
        random sample of splits.

    Notes
    -----
    J overlapping splits carry as much information on a share as J / (1 + J overlap) independent
    runs: the variance of its mean is (1/J + overlap) s^2 (Nadeau & Bengio 2003, eq. 9).
    """
    J = np.array([block.shape[1] for block in blocks.values.values()])
    n = J / (1 + J * np.array([scores.overlap(name) for name in blocks.values]))
    mean = mean_share(shares, n)
    fixed = [
        data.name
        for data in scores.data
        if data.name in blocks.values and not data.synthetic and data.split in PLACES
    ]
    if not fixed:
        return mean
    unknown = np.full_like(mean.mean, np.nan)
    reason = f"no random sample of splits: gaps or tails of {', '.join(fixed)}"
    return MeanShare(mean.mean, unknown, unknown, reason)
