"""Calibration of predicted variances: whether errors are as large as the sds say."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from howrobust.base.metric import Metric, Undefined, Value
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.metrics.null import MANY, normal_chunks, weighted_chi_square
from howrobust.metrics.null_metrics import with_null


def sd_bins(sd: Array) -> list[NDArray[np.int64]]:
    """Divide points into bins of equal count by their sd.

    Parameters
    ----------
    sd : array of shape (n,)
        Predictive sds.

    Returns
    -------
    list of array of int of shape (m,)
        Numbers of the points of each of min(10, n // 20) bins; fewer where sds are equal, which
        are never divided, and none where that is fewer than two.
    """
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


def ence_null(sd: Array) -> Array | Undefined:
    """Return the null distribution of ``ence``.

    Errors are Gaussian with the predicted sds.

    Parameters
    ----------
    sd : array of shape (n,)
        Predictive sds, in target units.

    Returns
    -------
    array of shape (B,) or Undefined
        Simulated values of a perfectly calibrated forecaster.

    Notes
    -----
    The sds are sorted, so that the simulation does not depend on the order of the points. From
    `MANY` points on, a bin's sum of squares is drawn as one number.
    """
    return _ence_null(np.sort(sd).tobytes())


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
    chunks = [np.abs(1 - np.sqrt(chunk @ scaled) / rmv) for chunk in normal_chunks(len(sd))]
    return np.asarray(np.concatenate(chunks).mean(axis=1), dtype=np.float64)


def _null(forecast: Forecast) -> Array | Undefined:
    return ence_null(forecast.sd)


def _membership(sd: Array) -> Array | Undefined:
    """Return weights (n, b) whose product with squared errors is the mean square in each bin."""
    bins = sd_bins(sd)
    if len(bins) < 2:
        return Undefined("fewer than two bins of 20 points with different sds")
    weights = np.zeros((len(sd), len(bins)))
    for b, members in enumerate(bins):
        weights[members, b] = 1 / len(members)
    return weights


def _ence(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Expected normalised calibration error: mean over bins of |RMV - RMSE| / RMV, bins by sd.

    The definition of Levi et al. 2020.
    """
    weights = _membership(forecast.sd)
    if isinstance(weights, Undefined):
        return weights
    rmv = np.sqrt(forecast.sd**2 @ weights)
    rmse = np.sqrt((y - forecast.mean) ** 2 @ weights)
    return float((np.abs(rmv - rmse) / rmv).mean())


METRICS = (Metric("ence", "low", _ence), *with_null("ence", _ence, _null))
