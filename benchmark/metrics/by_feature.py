"""Scores of each feature of a stress that changes one feature at a time."""

import numpy as np

from howrobust.base.metric import Metric, Undefined, Value, evaluate
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.metrics import calibration, point, proper

NAMES = ("rmse", "nll", "coverage_90")
_KNOWN = {m.name: m for m in (*point.METRICS, *proper.METRICS, *calibration.METRICS)}
FEATURE_METRICS: tuple[Metric, ...] = tuple(_KNOWN[name] for name in NAMES)


def score_features(metric: Metric, forecast: Forecast, y: Array, d: int) -> list[Value]:
    """Score the rows of each feature in turn; of several variants, the worst counts.

    Parameters
    ----------
    metric : Metric
        One of `FEATURE_METRICS`.
    forecast : Forecast
        v variants of n test rows, one after the other. v is a multiple of d, and variant k
        stresses feature k % d.
    y : array of shape (n,)
        Targets of the test rows.
    d : int
        Number of features.

    Returns
    -------
    list of float or Undefined
        For each of the d features, the worst value over its variants: the largest, or the least
        coverage; `Undefined` where a variant has none.

    Raises
    ------
    ValueError
        Where v is no multiple of d.
    """
    if forecast.variants % d:
        raise ValueError(
            f"{forecast.variants} variants are not the same number for each of {d} features"
        )
    values = [
        evaluate(metric, variant(forecast, k), y, None) for k in range(forecast.variants)
    ]  # fmt: skip
    return [_worst(values[j::d], metric) for j in range(d)]


def variant(forecast: Forecast, k: int) -> Forecast:
    """Return the forecast of one variant of the test rows.

    Parameters
    ----------
    forecast : Forecast
        v variants of n test rows, one after the other.
    k : int
        Number of the variant, from 0.

    Returns
    -------
    Forecast
        The forecast of its n rows.
    """
    n = forecast.n // forecast.variants
    arrays = {
        name: value[..., k * n : (k + 1) * n]
        for name, value in vars(forecast).items()  # without what the form cannot give
        if isinstance(value, np.ndarray)
    }
    return forecast.replaced(variants=1, **arrays)


def _worst(values: list[Value], metric: Metric) -> Value:
    """Return the worst of a feature's values: coverage is worst where it is least."""
    numbers = []
    for value in values:
        if isinstance(value, Undefined):
            return value
        numbers.append(value)
    return min(numbers) if metric.better == "nominal" else max(numbers)
