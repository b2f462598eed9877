"""How the error of a forecaster, and the sd it states, grow along a ladder of severities.

A ladder has L levels, ascending and greater than 0; level 0 is clean and is given apart. ``rmse``
and ``sd`` (root of the mean total variance) are (L,) for one split or (J, L) for J splits, in the
target's units; only their ratios to the clean value of the same split are used. A ratio to an
error that is zero, infinite or not a number is no number: every function that forms one then
returns `Undefined`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import trapezoid

from howrobust.analysis.statistics import over_splits
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array

GROWN = 1.1
DOUBLED = 2.0
NO_RATIO = Undefined("an error or an sd is not positive and finite: no ratio can be formed")


@dataclass(frozen=True)
class Crossing:
    """The level at which a curve first reaches a threshold.

    Where ``censored`` the curve has not reached it at the top level, which ``level`` then is: the
    crossing is beyond it ("> .8"), and nothing is extrapolated.
    """

    level: float
    censored: bool


@dataclass(frozen=True)
class Tolerance:
    """The crossing of the mean curve over splits, and its interval; no interval of one split."""

    crossing: Crossing
    lower: Crossing | None
    upper: Crossing | None


def awareness(
    rmse: ArrayLike, sd: ArrayLike, clean_rmse: float, clean_sd: float
) -> float | Undefined:
    """Whether the stated sd keeps pace with the error, on one split.

    sum a b / sum b^2 over levels, a = log(sd / clean_sd), b = log(rmse / clean_rmse): the slope
    through the origin of a on b. 1 keeps pace, 0 is unaware (a constant sd), above 1 overreacts.
    `Undefined` if the largest rmse ratio is under 1.1.
    """
    b, a = _log_ratios(rmse, clean_rmse), _log_ratios(sd, clean_sd)
    if isinstance(b, Undefined) or isinstance(a, Undefined):
        return NO_RATIO
    if b.max() < np.log(GROWN):
        largest = np.exp(b.max())
        return Undefined(f"error did not grow: its largest ratio to clean is {largest:.3g}")
    return float(a @ b / (b @ b))


def tolerance_over_splits(
    levels: ArrayLike,
    rmse: ArrayLike,
    clean_rmse: ArrayLike,
    overlap: float,
    confidence: float = 0.95,
) -> Tolerance | Undefined:
    """Where the mean curve of J splits, rmse (J, L) and clean_rmse (J,), first reaches twice clean.

    The mean curve is the geometric mean over splits of rmse / clean rmse: 1 at level 0, linear in
    the level between neighbouring levels. Splits that are not crossed count with the ratios they
    reached; crossings themselves are never averaged.

    The interval comes from the limits of the mean log ratio at each level (`over_splits` with
    ``overlap``): ``lower`` is where the curve of upper limits first reaches 2, ``upper`` where the
    curve of lower limits does, each censored or not in its own right. It holds the true crossing t
    with at least the confidence of those limits, to first order, where the lower limits rise with
    the level. For t < ``lower`` needs an upper limit under 2 at t, and t > ``upper`` a lower limit
    above 2 at t; at a level each has probability (1 - confidence) / 2, and between levels no more,
    because limits interpolated between two means are at least as wide as the limits of the
    interpolated mean (sds obey the triangle inequality). Where lower limits fall and rise again
    they have several chances to reach 2 before t.
    """
    b = _log_ratios(rmse, np.asarray(clean_rmse, dtype=np.float64)[:, None])
    if isinstance(b, Undefined):
        return NO_RATIO
    means = [over_splits(column, overlap, confidence) for column in b.T]
    crossing = _doubling(levels, [found.mean for found in means])
    if len(b) < 2:
        return Tolerance(crossing, None, None)
    return Tolerance(
        crossing,
        lower=_doubling(levels, [found.upper for found in means]),
        upper=_doubling(levels, [found.lower for found in means]),
    )


def first_level_above(
    levels: ArrayLike, rmse: ArrayLike, reference: ArrayLike
) -> float | Undefined | None:
    """Return the first level at which rmse exceeds the reference's (`marginal`'s) at that level.

    Not interpolated; None where it never does. Of J splits, both (J, L), it is where the geometric
    mean of the paired ratio exceeds 1. ``levels`` may begin with 0, to ask of the clean rows too.
    """
    b = _log_ratios(rmse, reference)
    if isinstance(b, Undefined):
        return NO_RATIO
    above = np.atleast_2d(b).mean(axis=0) > 0
    return float(np.asarray(levels)[above.argmax()]) if above.any() else None


def degradation_area(levels: ArrayLike, rmse: ArrayLike, clean_rmse: float) -> float | Undefined:
    """Area under log2(rmse / clean_rmse) against level / top level, on one split.

    By the trapezoid rule from (0, 0): the log2 ratio averaged over the ladder. 0 where the error
    never grows, 1 where it doubled on average, negative where it fell.
    """
    b = _log_ratios(rmse, clean_rmse)
    if isinstance(b, Undefined):
        return NO_RATIO
    x = np.concatenate([[0.0], np.asarray(levels, dtype=np.float64)])
    return float(trapezoid(np.concatenate([[0.0], b]), x) / (x[-1] * np.log(2)))


def _log_ratios(values: ArrayLike, clean: ArrayLike) -> Array | Undefined:
    values, clean = np.asarray(values, dtype=np.float64), np.asarray(clean, dtype=np.float64)
    for given in (values, clean):
        if not (np.isfinite(given) & (given > 0)).all():
            return NO_RATIO
    # A difference of logs: the ratio itself may overflow.
    return np.asarray(np.log(values) - np.log(clean))


def _doubling(levels: ArrayLike, log_ratios: ArrayLike) -> Crossing:
    """First crossing of 2 by exp(log_ratios), linear in the level from (0, 1)."""
    x = np.concatenate([[0.0], np.asarray(levels, dtype=np.float64)])
    with np.errstate(over="ignore"):  # a limit of two splits may be infinite: it crosses at once
        curve = np.concatenate([[1.0], np.exp(log_ratios)])
    reached = curve >= DOUBLED
    if not reached.any():
        return Crossing(float(x[-1]), censored=True)
    k = int(reached.argmax())
    share = (DOUBLED - curve[k - 1]) / (curve[k] - curve[k - 1])
    return Crossing(float(x[k - 1] + share * (x[k] - x[k - 1])), censored=False)
