"""Metrics of a statistic's null: what a perfectly calibrated forecaster would score."""

from collections.abc import Callable

import numpy as np

from howrobust.base.metric import Metric, MetricFunction, Undefined, Value
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.metrics.null import p_value

Null = Callable[[Forecast], Array | Undefined]


def with_null(
    name: str, observe: MetricFunction, null: Null, low_is_bad: bool = False
) -> tuple[Metric, ...]:
    """Return the metrics of a null distribution.

    Parameters
    ----------
    name : str
        Name of the statistic.
    observe : callable
        The statistic, a metric's function.
    null : callable
        Takes a `Forecast` and returns simulated values of the statistic, an array of shape (B,), or
        `Undefined`.
    low_is_bad : bool, default=False
        Whether low values of the statistic are bad, rather than high ones.

    Returns
    -------
    tuple of Metric
        The null's mean, its 95 % point on the bad side, and the p-value.

    Notes
    -----
    p = (1 + #{null at least as bad as observed}) / (B + 1) (Phipson & Smyth 2010).
    """
    share, sign = (0.05, -1.0) if low_is_bad else (0.95, 1.0)  # the sign makes bad values high

    def simulate(forecast: Forecast, y: Array, y_scale: float | None) -> Array | Undefined:
        simulated = _simulated(null, forecast)
        # What has no observed value needs no null, and one that reads what is missing says why.
        observed = observe(forecast, y, y_scale)
        return observed if isinstance(observed, Undefined) else simulated

    def mean(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        simulated = simulate(forecast, y, y_scale)
        return simulated if isinstance(simulated, Undefined) else float(simulated.mean())

    def edge(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        simulated = simulate(forecast, y, y_scale)
        if isinstance(simulated, Undefined):
            return simulated
        return float(np.quantile(simulated, share))

    def p(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        simulated, observed = _simulated(null, forecast), observe(forecast, y, y_scale)
        if isinstance(simulated, Undefined):
            return simulated
        if isinstance(observed, Undefined):
            return observed
        return p_value(sign * simulated, sign * observed)

    for function in (mean, edge, p):
        function.__module__ = observe.__module__  # that of the statistic: its source is hashed
    return (
        Metric(f"{name}_null", "-", mean),
        Metric(f"{name}_null_95", "-", edge),
        Metric(f"{name}_p", "-", p),
    )


def _simulated(null: Null, forecast: Forecast) -> Array | Undefined:
    if forecast.variants > 1:
        return Undefined("variants share their rows, and points that share rows have no such null")
    return null(forecast)
