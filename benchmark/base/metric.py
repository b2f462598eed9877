"""What a metric is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from howrobust.distributions.predictive import Array, Forecast

Better = Literal["low", "high", "nominal", "zero", "-"]


@dataclass(frozen=True)
class Undefined:
    """A result in its own right: the metric has no value here, and why."""

    reason: str


@dataclass(frozen=True)
class Metric:
    """A number of one forecast.

    ``function(forecast, y, y_scale)`` returns a finite float or `Undefined`; ``y_scale`` is the sd
    of the clean training target or None. It neither changes its arguments nor depends on the order
    of the points. ``nominal`` is the target of a metric that should be neither low nor high.
    """

    name: str
    better: Better
    function: Callable[[Forecast, Array, float | None], float | Undefined]
    nominal: float | None = None


def evaluate(
    metric: Metric, forecast: Forecast, y: Array, y_scale: float | None
) -> float | Undefined:
    """Return the metric's value; a value that is not finite becomes `Undefined` with a reason."""
    value = metric.function(forecast, y, y_scale)
    if isinstance(value, Undefined):
        return value
    if not np.isfinite(value):
        return Undefined(f"{metric.name} is {value}: a score of a target the forecast rules out")
    return float(value)


UNBOUNDED = Undefined("a quantile is infinite: the training rows are too few for its level")
