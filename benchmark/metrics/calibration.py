"""Calibration of intervals and quantiles: whether stated probabilities come true."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from howrobust.base.metric import Metric, MetricFunction, Undefined, Value
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.metrics.null import cell_counts
from howrobust.metrics.null_metrics import with_null

LEVELS = np.arange(1, 100) / 100


def share_below(values: NDArray[np.floating], levels: Array = LEVELS) -> Array:
    """Return the shares of values at or below levels.

    Parameters
    ----------
    values : array of shape (..., n)
        Values.
    levels : array of shape (k,), default=LEVELS
        Levels.

    Returns
    -------
    array of shape (..., k)
        Share of the n values at or below each level.
    """
    ordered = np.sort(values, axis=-1)
    counts = np.apply_along_axis(np.searchsorted, -1, ordered, levels, side="right")
    return np.asarray(counts / values.shape[-1], dtype=np.float64)


@lru_cache(maxsize=64)
def quantile_null(n: int) -> Array:
    """Return the null distribution of ``mace_quantile`` and of ``mace``.

    Parameters
    ----------
    n : int
        Number of points.

    Returns
    -------
    array of shape (B,)
        Simulated values of a perfectly calibrated forecaster.

    Notes
    -----
    |2u - 1| is uniform where u is, so both statistics have one null distribution.
    """
    below = cell_counts(n, 100).cumsum(axis=1)[:, :-1] / n
    return np.asarray(np.abs(below - LEVELS).mean(axis=1), dtype=np.float64)


def _null(forecast: Forecast) -> Array:
    return quantile_null(forecast.n)


def _central_error(pit: NDArray[np.floating]) -> Array:
    """mean_i 1(|2u_i - 1| <= p) - p at the 99 levels, for PIT values (..., n)."""
    return share_below(np.abs(2 * pit - 1)) - LEVELS


def _mace(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Mean over p of |mean_i 1(|2u_i - 1| <= p) - p|: central intervals."""
    return float(np.abs(_central_error(forecast.pit)).mean())


def _rmsce(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Root mean square over p of mean_i 1(|2u_i - 1| <= p) - p (Kuleshov et al. 2018)."""
    return float(np.sqrt((_central_error(forecast.pit) ** 2).mean()))


def _mace_quantile(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Mean over p of |mean_i 1(u_i <= p) - p|: includes the bias that ``mace`` does not show."""
    return float(np.abs(share_below(forecast.pit) - LEVELS).mean())


def level_digits(level: float) -> str:
    """Return a probability as the names of metrics have it.

    Parameters
    ----------
    level : float
        Probability of an interval, between 0 and 1.

    Returns
    -------
    str
        Digits of the percentage, such as "90" or, for .997, "997".
    """
    return f"{100 * level:g}".replace(".", "")


def coverage(level: float) -> MetricFunction:
    """Return the metric's function for the coverage of a central interval.

    Parameters
    ----------
    level : float
        Probability of the interval, between 0 and 1.

    Returns
    -------
    callable
        The function.
    """

    def function(forecast: Forecast, y: Array, y_scale: float | None) -> float:
        return float(np.mean(forecast.inside(y, level)))

    function.__doc__ = (
        f"Share of y inside the central interval that should hold {100 * level:g} % of them."
    )
    return function


def _quantile_crossings(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Number of points at which quantiles that the model states cross; they are sorted first."""
    if forecast.crossings.size == 0:
        return Undefined("the model states no quantiles")
    return float(np.count_nonzero(forecast.crossings))


METRICS = (
    Metric("mace", "low", _mace),
    *with_null("mace", _mace, _null),
    Metric("rmsce", "low", _rmsce),
    Metric("mace_quantile", "low", _mace_quantile),
    *with_null("mace_quantile", _mace_quantile, _null),
    Metric("coverage_50", "nominal", coverage(0.50)),
    Metric("coverage_90", "nominal", coverage(0.90)),
    Metric("coverage_95", "nominal", coverage(0.95)),
    Metric("coverage_997", "nominal", coverage(0.997)),
    Metric("quantile_crossings", "low", _quantile_crossings),
)
