"""Coverage within groups of points: the worst of them."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from howrobust.base.metric import Metric, Undefined, Value
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.metrics.null import MANY, shares_of_many, uniform_chunks
from howrobust.metrics.null_metrics import with_null

_FEW = Undefined("fewer than three points have no terciles")


def terciles(values: Array) -> NDArray[np.int64]:
    """Return the tercile of each value.

    Parameters
    ----------
    values : array of shape (n,)
        Values.

    Returns
    -------
    array of int of shape (n,)
        0, 1 or 2; equal values have one tercile, and missing ones (NaN) a group of their own, 3.
    """
    missing = np.isnan(values)
    known = values[~missing]
    groups = np.full(len(values), 3, dtype=np.int64)
    if len(known):
        edges = np.quantile(known, [1 / 3, 2 / 3])
        groups[~missing] = np.searchsorted(edges, known, side="left")
    return groups


def worst_group(hits: NDArray[np.floating], groups: NDArray[np.int64]) -> Array:
    """Return the least coverage over groups.

    Parameters
    ----------
    hits : array of shape (..., n)
        1 where y is inside the interval, 0 elsewhere.
    groups : array of int of shape (g, n)
        Labels 0 to 3 of g groupings of the points, as `terciles` gives them.

    Returns
    -------
    array of shape (...)
        The least share of hits in a group.
    """
    indicator = _indicator(groups)
    shares = hits @ indicator.T / indicator.sum(axis=1)
    return np.asarray(shares.min(axis=-1), dtype=np.float64)


def _indicator(groups: NDArray[np.int64]) -> NDArray[np.float32]:
    """Which points (n,) are in each group that is not empty, for labels (g, n)."""
    indicator = np.concatenate([groups == k for k in range(4)]).astype(np.float32)
    return np.asarray(indicator[indicator.sum(axis=1) > 0], dtype=np.float32)


def _all_groups(forecast: Forecast) -> NDArray[np.int64]:
    """Labels (g, n): the forecast's groups, then the terciles of the predictive mean."""
    by_mean = terciles(forecast.mean)[None]
    return np.concatenate([forecast.groups, by_mean]) if forecast.groups.size else by_mean


def _worst_group_coverage_90(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Least 90 % coverage over terciles of each feature (if known) and of the predictive mean.

    Rows in which a feature is missing are a group of their own.
    """
    if len(y) < 3:
        return _FEW
    hits = forecast.inside(y, 0.9).astype(np.float32)
    return float(worst_group(hits, _all_groups(forecast)))


def _null(forecast: Forecast) -> Array | Undefined:
    if forecast.n < 3:
        return _FEW
    groups = _all_groups(forecast)
    if groups.shape[1] >= MANY:
        return _null_of_many(groups.tobytes(), groups.shape[1])
    # Points with the same labels are exchangeable; sorted, their order does not matter.
    return _null_of_few(groups.shape[1], groups[:, np.lexsort(groups)].tobytes())


@lru_cache(maxsize=64)
def _null_of_few(n: int, labels: bytes) -> Array:
    groups = np.frombuffer(labels, dtype=np.int64).reshape(-1, n)
    return np.concatenate(
        [worst_group((chunk <= 0.9).astype(np.float32), groups) for chunk in uniform_chunks(n)]
    )


@lru_cache(maxsize=1)  # its mean, its edge and its p-value are asked for one after the other
def _null_of_many(labels: bytes, n: int) -> Array:
    groups = np.frombuffer(labels, dtype=np.int64).reshape(-1, n)
    return np.asarray(shares_of_many(_indicator(groups), 0.9).min(axis=1))


METRICS = (
    Metric("worst_group_coverage_90", "nominal", _worst_group_coverage_90),
    *with_null("worst_group_coverage_90", _worst_group_coverage_90, _null, low_is_bad=True),
)
