"""The worst of a stress's variants: a sensor that sticks is one sensor, not their average."""

from collections.abc import Callable

import numpy as np

from howrobust.base.metric import Metric, Undefined
from howrobust.distributions.predictive import Array, Forecast
from howrobust.metrics.proper import NO_DENSITY, has_density

Value = float | Undefined


def by_variant(points: Array, forecast: Forecast) -> Array:
    """Means (v,) over the test rows of each variant, for values (n,) of all points."""
    return np.asarray(points.reshape(forecast.variants, -1).mean(axis=1), dtype=np.float64)


def _of_variants(
    worst: Callable[[Forecast, Array], float],
) -> Callable[[Forecast, Array, float | None], Value]:
    def function(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        if forecast.variants == 1:
            return Undefined("there is one variant, and it is in the other metrics")
        found = worst(forecast, y)
        return NO_DENSITY if np.isnan(found) and not has_density(forecast) else found

    return function


def rmse_worst(forecast: Forecast, y: Array) -> float:
    """Largest ``rmse`` of a variant."""
    return float(np.sqrt(by_variant((y - forecast.mean) ** 2, forecast).max()))


def nll_worst(forecast: Forecast, y: Array) -> float:
    """Largest ``nll`` of a variant."""
    return float(by_variant(-forecast.logpdf, forecast).max())


def coverage_90_worst(forecast: Forecast, y: Array) -> float:
    """Least share of y inside the central 90 % interval in a variant."""
    hits = (np.abs(2 * forecast.cdf - 1) <= 0.9).astype(np.float64)
    return float(by_variant(hits, forecast).min())


METRICS = (
    Metric("rmse_worst", "low", _of_variants(rmse_worst)),
    Metric("nll_worst", "low", _of_variants(nll_worst)),
    Metric("coverage_90_worst", "nominal", _of_variants(coverage_90_worst), 0.90),
)
