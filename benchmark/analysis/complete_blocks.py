"""Complete blocks: data sets on which every method has a value on every planned split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from howrobust.analysis.run_scores import REFERENCES, Scores
from howrobust.analysis.statistics import mean_share
from howrobust.base.split_names import PLACES
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.metrics.scoring import all_metrics


@dataclass(frozen=True)
class Blocks:
    """Complete blocks of a metric: by data set, values (k, J) of k methods on J planned splits."""

    methods: list[str]
    values: dict[str, Array]
    missing: list[tuple[str, str]]


def ranked_methods(scores: Scores) -> list[str]:
    """Methods of a run without its references."""
    return [method for method in scores.methods if method not in REFERENCES]


def complete_blocks(scores: Scores, metric: str, methods: Sequence[str]) -> Blocks:
    """Return the complete blocks of a metric.

    A method without a single complete data set is left out; then a data set on which any method
    that is left lacks a planned split. Repeats of a split are averaged first.
    """
    values: dict[str, Array] = {}
    missing: list[tuple[str, str]] = []
    found = {}
    names = [data.name for data in scores.data]
    for name in names:
        planned = scores.planned_splits(name)
        for method in methods:
            found[name, method] = scores.values(name, method, metric)
            if len(found[name, method]) < planned:
                missing.append((name, method))
    kept = [m for m in methods if any((name, m) not in missing for name in names)]
    for name in names:
        if kept and not any((name, m) in missing for m in kept):
            splits = found[name, kept[0]].index
            values[name] = np.array([found[name, m][splits].to_numpy() for m in kept])
    return Blocks(kept, values, missing)


def losses(scores: Scores, metric: str) -> Blocks:
    """Return the complete blocks of the ranked methods, negated if high is better.

    Raises BadInput for a metric of which neither low nor high is better.
    """
    better = {m.name: m.better for m in all_metrics()}.get(metric)
    if better not in ("low", "high"):
        raise BadInput(
            f"methods cannot be ranked by {metric!r}; name a metric of which low or high is "
            "better, such as nll, crps or r2"
        )
    found = complete_blocks(scores, metric, ranked_methods(scores))
    sign = 1 if better == "low" else -1
    values = {name: sign * block for name, block in found.values.items()}
    return Blocks(found.methods, values, found.missing)


def over_datasets(scores: Scores, blocks: Blocks, shares: Array) -> tuple[Array, Array, Array, str]:
    """Return the mean over the data sets of blocks of shares (M, ...), its limits, or why none.

    The limits are for other splits and tables of these data sets, not for other data sets. J splits
    that overlap say as much of a share as J / (1 + J overlap) independent runs: its variance is
    (1/J + overlap) s^2, as in `howrobust.analysis.statistics.over_splits`. Gaps and tails are no random
    sample of splits: NaN limits and the reason.
    """
    J = np.array([block.shape[1] for block in blocks.values.values()])
    n = J / (1 + J * np.array([scores.overlap(name) for name in blocks.values]))
    mean, lower, upper = mean_share(shares, n)
    fixed = [
        data.name
        for data in scores.data
        if data.name in blocks.values and not data.synthetic and data.split in PLACES
    ]
    if fixed:
        lower, upper = np.full_like(mean, np.nan), np.full_like(mean, np.nan)
        return (
            mean,
            lower,
            upper,
            f"no random sample of splits: gaps or tails of {', '.join(fixed)}",
        )
    return mean, lower, upper, ""
