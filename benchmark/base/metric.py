"""The contract of a metric: a number of one forecast."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast, NotStated

Better = Literal["low", "high", "nominal", "zero", "-"]


@dataclass(frozen=True)
class Undefined:
    """The result of a metric that has no value for a forecast.

    Parameters
    ----------
    reason : str
        Why it has none.
    """

    reason: str


Value = float | Undefined
MetricFunction = Callable[[Forecast, Array, float | None], Value]


@dataclass(frozen=True)
class Metric:
    """A number of one forecast.

    Law: the function neither changes its arguments nor depends on the order of the points.

    Parameters
    ----------
    name : str
        Name of the metric.
    better : {"low", "high", "nominal", "zero", "-"}
        Which values are better: "nominal" for those near the probability in the metric's name,
        "-" where none are.
    function : callable
        Takes a `Forecast`, the observed y of shape (n,) and the sd of the clean training target in
        target units, or None where it is not known. Returns a finite float or `Undefined`. It may
        read any field of the forecast: `evaluate` answers for one that is missing.
    """

    name: str
    better: Better
    function: MetricFunction


def evaluate(metric: Metric, forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Compute a metric.

    Parameters
    ----------
    metric : Metric
        The metric.
    forecast : Forecast
        The forecast at n points.
    y : array of shape (n,)
        Observed targets.
    y_scale : float or None
        The sd of the clean training target, in target units, where it is known.

    Returns
    -------
    float or Undefined
        The value; `Undefined` with a reason in place of one that is not finite, and where the
        metric reads what the form of the distribution cannot give.
    """
    if metric.name in forecast.missing:
        return Undefined(forecast.missing[metric.name])
    try:
        value = metric.function(forecast, y, y_scale)
    except NotStated as absent:
        return Undefined(str(absent))
    if isinstance(value, Undefined):
        return value
    if not np.isfinite(value):
        return Undefined(f"{metric.name} is {value}: a score of a target the forecast rules out")
    return float(value)


UNBOUNDED = Undefined("a quantile is infinite: the training rows are too few for its level")
