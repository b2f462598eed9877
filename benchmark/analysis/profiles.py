"""Performance profiles: in which share of the runs a method gains so much over knowing no x.

A run is one split of one data set, its repeats averaged.
"""

from dataclasses import dataclass

import numpy as np

from howrobust.analysis.complete_blocks import complete_blocks, over_datasets, ranked_methods
from howrobust.analysis.run_scores import Scores
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array

REFERENCE = "marginal"
TAUS = 101


@dataclass(frozen=True)
class Profile:
    """Share of runs whose gain exceeds each of ``taus`` (k,), with pointwise limits (k,).

    The gain of a run is nll of marginal minus own nll on the same test rows, in nats per point. Its
    first share, at 0, is that of runs that beat marginal. Limits are NaN where there are none, and
    ``reason`` says why.
    """

    method: str
    taus: Array
    share: Array
    lower: Array
    upper: Array
    datasets: tuple[str, ...]
    reason: str = ""


def profiles(scores: Scores) -> list[Profile] | Undefined:
    """Return the performance profile of every ranked method: (1/M) sum_m (1/J) sum_j 1[x_mj > tau].

    Agarwal et al. 2021, section 4.2, x_mj the gain over marginal on split j of data set m. The gain
    is comparable between data sets: a change of the target's unit, or any smooth monotone
    transformation of it, adds the same to both nll. `Undefined` without a complete data set,
    without marginal, or where no run beats it.
    """
    blocks = complete_blocks(scores, "nll", [*ranked_methods(scores), REFERENCE])
    if not blocks.values or REFERENCE not in blocks.methods:
        return Undefined(
            f"a profile of gains over {REFERENCE} needs a data set on which it and every method "
            "have an nll on every planned split"
        )
    k = blocks.methods.index(REFERENCE)
    gains = [np.delete(block[k] - block, k, axis=0) for block in blocks.values.values()]
    most = max(float(gain.max(initial=0.0)) for gain in gains)
    if most <= 0:
        return Undefined(f"no run beats {REFERENCE}")
    taus = np.linspace(0.0, most, TAUS)
    shares = np.array([(gain[:, :, None] > taus).mean(axis=1) for gain in gains])
    mean, lower, upper, reason = over_datasets(scores, blocks, shares)
    methods = [m for m in blocks.methods if m != REFERENCE]
    return [
        Profile(method, taus, mean[i], lower[i], upper[i], tuple(blocks.values), reason)
        for i, method in enumerate(methods)
    ]
