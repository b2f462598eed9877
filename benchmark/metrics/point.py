"""Errors of the predictive mean."""

import numpy as np

from howrobust.base.metric import Metric, Undefined
from howrobust.distributions.predictive import Array, Forecast


def rmse(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Root of the mean squared error of the mixture mean."""
    return float(np.sqrt(np.mean((y - forecast.mean) ** 2)))


def mae(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Mean absolute error of the mixture mean."""
    return float(np.mean(np.abs(y - forecast.mean)))


def r2(forecast: Forecast, y: Array, y_scale: float | None) -> float | Undefined:
    """Coefficient of determination of the mixture mean on the test points."""
    total = np.sum((y - y.mean()) ** 2)
    if total == 0:
        return Undefined("every observed target is equal")
    return float(1 - np.sum((y - forecast.mean) ** 2) / total)


METRICS = (Metric("rmse", "low", rmse), Metric("mae", "low", mae), Metric("r2", "high", r2))
