"""How the error of a forecaster, and the sd that it states, grow with the severity of a stress.

``rmse`` and ``sd`` (root of the mean total variance) are in the target's units; only their ratios
to the clean value of the same split are used. A ratio to an error that is zero, infinite or not a
number is no number: every function that forms one then returns `Undefined`.
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

    Parameters
    ----------
    level : float
        The level; the highest one that was tested where ``censored``.
    censored : bool
        Whether the curve has not reached the threshold at the highest level: read "more than".
    """

    level: float
    censored: bool


@dataclass(frozen=True)
class Tolerance:
    """The level at which the mean curve doubles, with its interval.

    Parameters
    ----------
    crossing : Crossing
        Where the mean curve reaches twice its clean value.
    lower, upper : Crossing or None
        Limits of the interval; None for one split.
    """

    crossing: Crossing
    lower: Crossing | None
    upper: Crossing | None


def awareness(
    rmse: ArrayLike, sd: ArrayLike, clean_rmse: float, clean_sd: float
) -> float | Undefined:
    """Measure whether the stated sd grows as the error grows, on one split.

    Parameters
    ----------
    rmse : array of shape (L,)
        Error at each level of a stress.
    sd : array of shape (L,)
        Stated sd at each level.
    clean_rmse, clean_sd : float
        Error and stated sd of clean rows.

    Returns
    -------
    float or Undefined
        1 where the sd grows in proportion to the error, 0 where it is constant, above 1 where it
        grows faster; `Undefined` if the largest rmse ratio is under 1.1.

    Notes
    -----
    sum a b / sum b^2 over levels, a = log(sd / clean_sd), b = log(rmse / clean_rmse): the
    least-squares slope of a on b through the origin.
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
    """Return the level at which the mean error is first twice the clean one.

    Parameters
    ----------
    levels : array of shape (L,)
        Ascending levels greater than 0.
    rmse : array of shape (J, L)
        Error on J splits at each level.
    clean_rmse : array of shape (J,)
        Error of clean rows on each split.
    overlap : float
        n_test / n_train for random splits of one table; 0 for independent data.
    confidence : float, default=0.95
        Confidence of the interval.

    Returns
    -------
    Tolerance or Undefined
        The crossing and its interval, each limit censored or not in its own right; `Undefined`
        where an error is not positive and finite.

    Notes
    -----
    The mean curve is the geometric mean over splits of rmse / clean rmse: 1 at level 0, linear in
    the level between neighbouring levels. Splits that do not cross count with the ratios they
    reached; crossings themselves are never averaged.

    The interval comes from the limits of the mean log ratio at each level (`over_splits` with
    ``overlap``): ``lower`` is where the curve of upper limits first reaches 2, ``upper`` where the
    curve of lower limits does. It contains the true crossing t with at least the confidence of
    those limits, to first order, where the lower limits rise with the level: t < ``lower`` needs an
    upper limit under 2 at t, and t > ``upper`` a lower limit above 2 at t; at a level each has
    probability (1 - confidence) / 2, and between levels no more, because limits interpolated
    between two means are at least as wide as the limits of the interpolated mean (sds obey the
    triangle inequality). Where lower limits fall and rise again they may reach 2 before t more than
    once, and the coverage can be smaller.
    """
    b = _log_ratios(rmse, np.asarray(clean_rmse, dtype=np.float64)[:, None])
    if isinstance(b, Undefined):
        return NO_RATIO
    means = [over_splits(column, overlap, confidence) for column in b.T]
    crossing = _doubling(levels, [mean.mean for mean in means])
    if len(b) < 2:
        return Tolerance(crossing, None, None)
    return Tolerance(
        crossing,
        lower=_doubling(levels, [mean.upper for mean in means]),
        upper=_doubling(levels, [mean.lower for mean in means]),
    )


def first_level_above(
    levels: ArrayLike, rmse: ArrayLike, reference: ArrayLike
) -> float | Undefined | None:
    """Return the first level at which the error exceeds a reference's.

    Parameters
    ----------
    levels : array of shape (L,)
        Ascending levels; they may begin with 0, for clean rows.
    rmse : array of shape (L,) or (J, L)
        Error at each level, on one split or on J.
    reference : array of shape (L,) or (J, L)
        Error of the reference on the same rows.

    Returns
    -------
    float, Undefined or None
        The level, not interpolated; None where the error never exceeds that of the reference.

    Notes
    -----
    Of several splits, where the geometric mean of the paired ratios exceeds 1.
    """
    b = _log_ratios(rmse, reference)
    if isinstance(b, Undefined):
        return NO_RATIO
    above = np.atleast_2d(b).mean(axis=0) > 0
    return float(np.asarray(levels)[above.argmax()]) if above.any() else None


def degradation_area(levels: ArrayLike, rmse: ArrayLike, clean_rmse: float) -> float | Undefined:
    """Average the growth of the error over levels, on one split.

    Parameters
    ----------
    levels : array of shape (L,)
        Ascending levels greater than 0.
    rmse : array of shape (L,)
        Error at each level.
    clean_rmse : float
        Error of clean rows.

    Returns
    -------
    float or Undefined
        0 where the error never grows, 1 where it doubled on average, negative where it fell.

    Notes
    -----
    Area under log2(rmse / clean_rmse) against level / highest level, by the trapezoid rule from
    (0, 0).
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
