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
    """Share of runs in which a method gains over marginal.

    Parameters
    ----------
    method : str
        Label of the method.
    taus : array of shape (k,)
        Thresholds, in nats per point; the first is 0.
    share : array of shape (k,)
        Share of runs with a larger gain: the nll of marginal less that of the method, on the same
        test rows.
    lower, upper : array of shape (k,)
        Pointwise limits of the share; NaN where there are none.
    datasets : tuple of str
        Data sets of the runs.
    reason : str, default=""
        Why there are no limits.
    """

    method: str
    taus: Array
    share: Array
    lower: Array
    upper: Array
    datasets: tuple[str, ...]
    reason: str = ""


def profiles(scores: Scores) -> list[Profile] | Undefined:
    """Return the performance profile of every ranked method.

    Parameters
    ----------
    scores : Scores
        The run.

    Returns
    -------
    list of Profile or Undefined
        Profiles in the order of the methods; `Undefined` without a complete data set, without
        marginal, or where no run beats it.

    Notes
    -----
    (1/M) sum_m (1/J) sum_j 1[x_mj > tau], x_mj the gain over marginal on split j of data set m
    (Agarwal et al. 2021, section 4.2). Gains are comparable between data sets: a change of the
    target's unit, or any smooth monotone transformation of it, adds the same to both nll.
    """
    blocks = complete_blocks(scores, "nll", [*ranked_methods(scores), REFERENCE])
    if not blocks.values or REFERENCE not in blocks.methods:
        return Undefined(
            f"a profile of gains over {REFERENCE} needs a data set on which it and every method "
            "have an nll on every planned split"
        )
    k = blocks.methods.index(REFERENCE)
    gains = [np.delete(block[k] - block, k, axis=0) for block in blocks.values.values()]
    largest = max(float(gain.max(initial=0.0)) for gain in gains)
    if largest <= 0:
        return Undefined(f"no run beats {REFERENCE}")
    taus = np.linspace(0.0, largest, TAUS)
    shares = np.array([(gain[:, :, None] > taus).mean(axis=1) for gain in gains])
    mean = over_datasets(scores, blocks, shares)
    methods = [m for m in blocks.methods if m != REFERENCE]
    return [
        Profile(
            method=method,
            taus=taus,
            share=mean.mean[i],
            lower=mean.lower[i],
            upper=mean.upper[i],
            datasets=tuple(blocks.values),
            reason=mean.reason,
        )
        for i, method in enumerate(methods)
    ]
