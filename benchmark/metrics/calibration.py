"""Calibration: do stated probabilities come true, and could a perfect forecaster look as bad?"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from howrobust.base.metric import Metric, Undefined
from howrobust.distributions.predictive import Array, Forecast
from howrobust.metrics.null import (
    MANY,
    cell_counts,
    normal_chunks,
    p_value,
    shares_of_many,
    uniform_chunks,
    weighted_chi_square,
)

LEVELS = np.arange(1, 100) / 100
Value = float | Undefined


def share_below(values: NDArray[np.floating], levels: Array = LEVELS) -> Array:
    """Shares (..., k) of values (..., n) at or below each of the levels."""
    ordered = np.sort(values, axis=-1)
    counts = np.apply_along_axis(np.searchsorted, -1, ordered, levels, side="right")
    return np.asarray(counts / values.shape[-1], dtype=np.float64)


def central_error(pit: NDArray[np.floating]) -> Array:
    """mean_i 1(|2u_i - 1| <= p) - p at the 99 levels, for PIT values (..., n)."""
    return share_below(np.abs(2 * pit - 1)) - LEVELS


def mace(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Mean over p of |mean_i 1(|2u_i - 1| <= p) - p|: central intervals."""
    return float(np.abs(central_error(forecast.pit)).mean())


def rmsce(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Root mean square over p of mean_i 1(|2u_i - 1| <= p) - p."""
    return float(np.sqrt((central_error(forecast.pit) ** 2).mean()))


def mace_quantile(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Mean over p of |mean_i 1(u_i <= p) - p|: sees the bias to which ``mace`` is blind."""
    return float(np.abs(share_below(forecast.pit) - LEVELS).mean())


@lru_cache(maxsize=64)
def quantile_null(n: int) -> Array:
    """Null of ``mace_quantile`` at n points (B,); by symmetry also that of ``mace``.

    |2u - 1| is uniform where u is, so both statistics have one null distribution.
    """
    below = cell_counts(n, 100).cumsum(axis=1)[:, :-1] / n
    return np.asarray(np.abs(below - LEVELS).mean(axis=1), dtype=np.float64)


def coverage(forecast: Forecast, level: float) -> float:
    """Share of y inside the central interval that should hold ``level`` of them."""
    return float(np.mean(np.abs(2 * forecast.cdf - 1) <= level))


def sd_bins(sd: Array) -> list[NDArray[np.int64]]:
    """Equal-count bins of points by sd: min(10, n // 20) of them, tied sds never divided."""
    wanted = min(10, len(sd) // 20)
    if wanted < 2:
        return []
    order = np.argsort(sd, kind="stable")
    ordered = sd[order]
    edges = [0]
    for k in range(1, wanted):
        edge = int(np.searchsorted(ordered, ordered[round(k * len(sd) / wanted)], side="left"))
        if edge > edges[-1]:
            edges.append(edge)
    edges.append(len(sd))
    return [order[a:b] for a, b in pairwise(edges)]


def _membership(sd: Array) -> Array | Undefined:
    """(n, B) weights whose product with squared errors gives the mean square in each bin."""
    bins = sd_bins(sd)
    if len(bins) < 2:
        return Undefined("fewer than two bins of 20 points with different sds")
    weights = np.zeros((len(sd), len(bins)))
    for b, members in enumerate(bins):
        weights[members, b] = 1 / len(members)
    return weights


def _ence(squares: NDArray[np.floating], sd: Array, weights: Array) -> Array:
    """Mean over bins of |RMV - RMSE| / RMV for squared errors (..., n), Levi et al. 2020."""
    rmv = np.sqrt(sd**2 @ weights)
    rmse = np.sqrt(squares @ weights)
    return np.asarray((np.abs(rmv - rmse) / rmv).mean(axis=-1), dtype=np.float64)


def ence(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Expected normalised calibration error (Levi et al. 2020)."""
    weights = _membership(forecast.sd)
    if isinstance(weights, Undefined):
        return weights
    return float(_ence((y - forecast.mean) ** 2, forecast.sd, weights))


def ence_null(forecast: Forecast) -> Array | Undefined:
    """Null of ``ence`` (B,): Gaussian errors with the forecast's own sds.

    Of many points, a bin's sum of squares is drawn as one number. The sds are sorted, so that the
    simulation does not depend on the order of the points.
    """
    return _ence_null(np.sort(forecast.sd).tobytes())


@lru_cache(maxsize=2)  # its mean, its edge and its p-value are asked for one after the other
def _ence_null(sds: bytes) -> Array | Undefined:
    sd = np.frombuffer(sds)
    sd = sd / np.sqrt(np.mean((sd / sd[-1]) ** 2)) / sd[-1]  # no scale: squares stay in range
    weights = _membership(sd)
    if isinstance(weights, Undefined):
        return weights
    scaled = ((sd**2)[:, None] * weights).astype(np.float32)
    rmv = np.sqrt(scaled.sum(axis=0))
    if len(sd) >= MANY:
        return np.asarray(np.abs(1 - np.sqrt(weighted_chi_square(scaled)) / rmv).mean(axis=1))
    found = [np.abs(1 - np.sqrt(chunk @ scaled) / rmv) for chunk in normal_chunks(len(sd))]
    return np.asarray(np.concatenate(found).mean(axis=1), dtype=np.float64)


def worst_group(hits: NDArray[np.floating], groups: NDArray[np.int64]) -> Array:
    """Least coverage over groups, for hits (..., n) and labels (g, n) of 0, 1, 2."""
    indicator = _indicator(groups)
    shares = hits @ indicator.T / indicator.sum(axis=1)
    return np.asarray(shares.min(axis=-1), dtype=np.float64)


def _indicator(groups: NDArray[np.int64]) -> NDArray[np.float32]:
    """Which points (n,) are in each group that has any, for labels (g, n)."""
    indicator = np.concatenate([groups == k for k in range(3)]).astype(np.float32)
    return np.asarray(indicator[indicator.sum(axis=1) > 0], dtype=np.float32)


def terciles(values: Array) -> NDArray[np.int64]:
    """Tercile of each value, 0, 1 or 2; equal values share a tercile."""
    edges = np.quantile(values, [1 / 3, 2 / 3])
    return np.searchsorted(edges, values, side="left").astype(np.int64)


def all_groups(forecast: Forecast) -> NDArray[np.int64]:
    """Labels (g, n): the forecast's groups, then the terciles of the predictive mean."""
    own = terciles(forecast.mean)[None]
    return np.concatenate([forecast.groups, own]) if forecast.groups.size else own


def worst_group_coverage_90(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Least 90 % coverage over terciles of each feature (if known) and of the predictive mean."""
    if len(y) < 3:
        return Undefined("fewer than three points have no terciles")
    hits = (np.abs(2 * forecast.cdf - 1) <= 0.9).astype(np.float32)
    return float(worst_group(hits, all_groups(forecast)))


@lru_cache(maxsize=64)
def _worst_group_null(n: int, labels: bytes) -> Array:
    groups = np.frombuffer(labels, dtype=np.int64).reshape(-1, n)
    found = [worst_group((chunk <= 0.9).astype(np.float32), groups) for chunk in uniform_chunks(n)]
    return np.concatenate(found)


@lru_cache(maxsize=1)  # its mean, its edge and its p-value are asked for one after the other
def _worst_of_many(labels: bytes, n: int) -> Array:
    groups = np.frombuffer(labels, dtype=np.int64).reshape(-1, n)
    return np.asarray(shares_of_many(_indicator(groups), 0.9).min(axis=1))


def _null(statistic: str, forecast: Forecast) -> Array | Undefined:
    if forecast.variants > 1:
        return Undefined("variants share their rows, and points that do have no such null")
    if statistic == "ence":
        return ence_null(forecast)
    if statistic == "worst_group_coverage_90":
        if len(forecast.mean) < 3:
            return Undefined("fewer than three points have no terciles")
        groups = all_groups(forecast)
        if groups.shape[1] >= MANY:
            return _worst_of_many(groups.tobytes(), groups.shape[1])
        # Points with the same labels are exchangeable; sorted, their order does not matter.
        return _worst_group_null(groups.shape[1], groups[:, np.lexsort(groups)].tobytes())
    return quantile_null(len(forecast.mean))


def _null_mean(statistic: str) -> Callable[[Forecast, Array, float | None], Value]:
    def function(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        null = _null(statistic, forecast)
        return null if isinstance(null, Undefined) else float(null.mean())

    return function


def _null_edge(statistic: str, share: float) -> Callable[[Forecast, Array, float | None], Value]:
    def function(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        null = _null(statistic, forecast)
        return null if isinstance(null, Undefined) else float(np.quantile(null, share))

    return function


def _p(
    statistic: str, observe: Callable[[Forecast, Array, float | None], Value]
) -> Callable[[Forecast, Array, float | None], Value]:
    # Low coverage is bad and high calibration error is bad: the sign makes both large.
    sign = -1.0 if statistic.startswith("worst") else 1.0

    def function(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        null, observed = _null(statistic, forecast), observe(forecast, y, y_scale)
        if isinstance(null, Undefined):
            return null
        if isinstance(observed, Undefined):
            return observed
        return p_value(sign * null, sign * observed)

    return function


def _with_null(
    name: str, observe: Callable[[Forecast, Array, float | None], Value]
) -> tuple[Metric, ...]:
    """Return the null's mean, its 95 % point on the bad side, and the p-value, as metrics."""
    share = 0.05 if name.startswith("worst") else 0.95
    return (
        Metric(f"{name}_null", "-", _null_mean(name)),
        Metric(f"{name}_null_95", "-", _null_edge(name, share)),
        Metric(f"{name}_p", "-", _p(name, observe)),
    )


METRICS = (
    Metric("mace", "low", mace),
    *_with_null("mace", mace),
    Metric("rmsce", "low", rmsce),
    Metric("mace_quantile", "low", mace_quantile),
    *_with_null("mace_quantile", mace_quantile),
    Metric("coverage_50", "nominal", lambda f, y, s: coverage(f, 0.50), 0.50),
    Metric("coverage_90", "nominal", lambda f, y, s: coverage(f, 0.90), 0.90),
    Metric("coverage_95", "nominal", lambda f, y, s: coverage(f, 0.95), 0.95),
    Metric("coverage_997", "nominal", lambda f, y, s: coverage(f, 0.997), 0.997),
    Metric("ence", "low", ence),
    *_with_null("ence", ence),
    Metric("worst_group_coverage_90", "nominal", worst_group_coverage_90, 0.90),
    *_with_null("worst_group_coverage_90", worst_group_coverage_90),
)
