"""Errors of the predictive mean."""

import numpy as np

from howrobust.base.metric import Metric, Undefined, Value
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast


def _rmse(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Root of the mean squared error of the predictive mean."""
    return float(np.sqrt(np.mean((y - forecast.mean) ** 2)))


def _mae(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Mean absolute error of the predictive mean."""
    return float(np.mean(np.abs(y - forecast.mean)))


def _r2(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Coefficient of determination of the predictive mean on the test points."""
    total = np.sum((y - y.mean()) ** 2)
    if total == 0:
        return Undefined("every observed target is equal")
    return float(1 - np.sum((y - forecast.mean) ** 2) / total)


METRICS = (Metric("rmse", "low", _rmse), Metric("mae", "low", _mae), Metric("r2", "high", _r2))
