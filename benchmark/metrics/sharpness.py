"""Widths of the forecast, and how well they predict its errors."""

import numpy as np
from scipy.stats import rankdata

from howrobust.base.metric import UNBOUNDED, Metric, MetricFunction, Undefined, Value
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.metrics.null import standard_normal

_CEILING_DRAWS = 200


def _sharpness(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Root of the mean total variance: comparable with ``rmse``."""
    return float(np.sqrt(np.mean(forecast.variance)))


def _between_share(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Share of the total variance that lies between components, summed over points."""
    return float(forecast.between.sum() / forecast.variance.sum())


def _width(level: float) -> MetricFunction:
    def function(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        lower, upper = forecast.interval(level)
        value = float(np.mean(upper - lower))
        return UNBOUNDED if np.isinf(value) else value

    function.__doc__ = (
        f"Mean width of the central interval that holds {100 * level:g} % of the mass."
    )
    return function


def _rank_correlation(errors: Array, sd_rank: Array) -> Array:
    """Spearman's rank correlation of errors (..., n) with the sds, ties averaged."""
    ranks = rankdata(errors, axis=-1)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    sd_rank = sd_rank - sd_rank.mean()
    norm = np.sqrt((ranks**2).sum(axis=-1) * (sd_rank**2).sum())
    return np.asarray(ranks @ sd_rank / norm, dtype=np.float64)


def _error_sd_rank(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Spearman's correlation of |error| with the predictive sd."""
    errors = np.abs(y - forecast.mean)
    if np.ptp(forecast.sd) == 0 or np.ptp(errors) == 0:
        return Undefined("the predictive sd or the error is constant")
    return float(_rank_correlation(errors, rankdata(forecast.sd)))


def _error_sd_rank_ceiling(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Mean of ``error_sd_rank`` of simulated Gaussian errors with the forecast's sds."""
    sd = np.sort(forecast.sd)  # so that the simulation does not depend on the order of points
    if np.ptp(sd) == 0:
        return Undefined("the predictive sd is constant")
    errors = np.abs(standard_normal(len(y), _CEILING_DRAWS)) * sd
    # _rank_correlation for errors that never tie: the k-th least of them has rank k.
    ranks, sd_rank = np.arange(len(sd)) - (len(sd) - 1) / 2, rankdata(sd)
    sd_rank -= sd_rank.mean()
    products = sd_rank[np.argsort(errors, axis=-1)] @ ranks
    return float((products / np.sqrt((ranks**2).sum() * (sd_rank**2).sum())).mean())


def _retained_area(squared: Array, order_by: Array) -> Array:
    """Area under cumulative retained squared error / n against retention, for errors (..., n).

    Points are retained in ascending order of ``order_by``; points that tie share their mean error,
    so the order of the rows does not matter.
    """
    _, group = np.unique(order_by, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
    counts = np.diff(np.r_[starts, len(group)])
    means = np.add.reduceat(squared[..., order], starts, axis=-1) / counts
    curve = np.cumsum(np.repeat(means, counts, axis=-1), axis=-1) / len(group)
    # Trapezoids from (0, 0) over retentions k / n.
    return np.asarray((curve.sum(axis=-1) - 0.5 * curve[..., -1]) / len(group), dtype=np.float64)


def _rejection_ratio(squared: Array, sd: Array) -> Array:
    """(random - model) / (random - oracle) for squared errors (..., n), random exact."""
    random = squared.mean(axis=-1) / 2
    model = _retained_area(squared, sd)
    ideal = np.cumsum(np.sort(squared, axis=-1), axis=-1) / len(sd)
    oracle = (ideal.sum(axis=-1) - 0.5 * ideal[..., -1]) / len(sd)
    return np.asarray((random - model) / (random - oracle), dtype=np.float64)


def _prr(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Prediction rejection ratio on squared error (Malinin et al. 2020): 1 ideal, 0 random."""
    squared = (y - forecast.mean) ** 2
    if np.ptp(squared) == 0:
        return Undefined("every error is equal")
    if np.ptp(forecast.sd) == 0:
        return 0.0
    return float(_rejection_ratio(squared, forecast.sd))


def _prr_ceiling(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Mean of ``prr`` of simulated Gaussian errors with the forecast's sds."""
    if len(y) < 2:
        return Undefined("one point has no order")
    sd = np.sort(forecast.sd)
    if np.ptp(sd) == 0:
        return 0.0
    squared = (standard_normal(len(y), _CEILING_DRAWS) * sd) ** 2
    return float(_rejection_ratio(squared, sd).mean())


METRICS = (
    Metric("sharpness", "-", _sharpness),
    Metric("between_share", "-", _between_share),
    Metric("width_90", "low", _width(0.90)),
    Metric("width_95", "low", _width(0.95)),
    Metric("error_sd_rank", "high", _error_sd_rank),
    Metric("error_sd_rank_ceiling", "-", _error_sd_rank_ceiling),
    Metric("prr", "high", _prr),
    Metric("prr_ceiling", "-", _prr_ceiling),
)
