"""Scores of the worst variant of a stress, such as the one sensor that is stuck."""

from collections.abc import Callable

import numpy as np

from howrobust.base.metric import Metric, MetricFunction, Undefined, Value
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast


def _by_variant(points: Array, forecast: Forecast) -> Array:
    """Means (v,) over the test rows of each variant, for values (n,) of all points."""
    return np.asarray(points.reshape(forecast.variants, -1).mean(axis=1), dtype=np.float64)


def _of_variants(
    worst: Callable[[Forecast, Array], float],
) -> MetricFunction:
    def function(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        if forecast.variants == 1:
            return Undefined("there is one variant, and it is in the other metrics")
        return worst(forecast, y)

    function.__doc__ = worst.__doc__
    return function


def _rmse_worst(forecast: Forecast, y: Array) -> float:
    """Largest ``rmse`` of a variant."""
    return float(np.sqrt(_by_variant((y - forecast.mean) ** 2, forecast).max()))


def _nll_worst(forecast: Forecast, y: Array) -> float:
    """Largest ``nll`` of a variant."""
    return float(_by_variant(-forecast.logpdf, forecast).max())


def _coverage_90_worst(forecast: Forecast, y: Array) -> float:
    """Least share of y inside the central 90 % interval in a variant."""
    hits = forecast.inside(y, 0.9).astype(np.float64)
    return float(_by_variant(hits, forecast).min())


METRICS = (
    Metric("rmse_worst", "low", _of_variants(_rmse_worst)),
    Metric("nll_worst", "low", _of_variants(_nll_worst)),
    Metric("coverage_90_worst", "nominal", _of_variants(_coverage_90_worst)),
)
