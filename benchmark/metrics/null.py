"""Simulations of a perfectly calibrated forecaster.

Raw calibration error on a small test set is mostly noise: the null mean of ``mace`` is about
0.316 / sqrt(n). Each null is B = 9,999 simulations from a fixed seed, so that it is a function of n
(and of the forecast's sds or groups) alone. From `MANY` points on, sums over points are drawn from
their limit laws, so that time and memory do not grow.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.distributions.arrays import Array

_SIMULATIONS = 9_999
MANY = 4_000  # points
_CEILING_NORMALS = 200_000
_CHUNK = 1_111  # divides _SIMULATIONS; bounds memory at _CHUNK x n
_KEEP_BYTES = 48 * 2**20


def cell_counts(n: int, cells: int) -> NDArray[np.int64]:
    """Simulate how many of n uniforms fall into each of several equal cells.

    Parameters
    ----------
    n : int
        Number of points.
    cells : int
        Number of cells.

    Returns
    -------
    array of int of shape (B, cells)
        Counts, which are multinomial.
    """
    rng = seeds.generator(0, "null counts", n)
    return rng.multinomial(n, np.full(cells, 1 / cells), size=_SIMULATIONS)


def uniform_chunks(n: int) -> Iterator[NDArray[np.float32]]:
    """Simulate the PIT values of a perfectly calibrated forecaster.

    Parameters
    ----------
    n : int
        Number of points.

    Returns
    -------
    iterator of array of shape (m, n)
        Uniform values, m of the B simulations at a time.
    """
    return _chunks(_uniforms, n)


def normal_chunks(n: int) -> Iterator[NDArray[np.float32]]:
    """Simulate squared standardised errors.

    Parameters
    ----------
    n : int
        Number of points.

    Returns
    -------
    iterator of array of shape (m, n)
        Squares of standard normal values, m of the B simulations at a time.
    """
    return _chunks(_squares, n)


_Simulation = Callable[[int], Iterator[NDArray[np.float32]]]


def _chunks(simulated: _Simulation, n: int) -> Iterator[NDArray[np.float32]]:
    """Return the chunks of n points; small ones are cached for forecasts of as many points."""
    return iter(_kept(simulated, n)) if _SIMULATIONS * n * 4 <= _KEEP_BYTES else simulated(n)


@lru_cache(maxsize=4)
def _kept(simulated: _Simulation, n: int) -> tuple[NDArray[np.float32], ...]:
    return tuple(simulated(n))


def _uniforms(n: int) -> Iterator[NDArray[np.float32]]:
    rng = seeds.generator(0, "null uniforms", n)
    for _ in range(_SIMULATIONS // _CHUNK):
        yield rng.random((_CHUNK, n), dtype=np.float32)


def _squares(n: int) -> Iterator[NDArray[np.float32]]:
    rng = seeds.generator(0, "null normals", n)
    for _ in range(_SIMULATIONS // _CHUNK):
        yield rng.standard_normal((_CHUNK, n), dtype=np.float32) ** 2


def weighted_chi_square(weights: NDArray[np.floating]) -> Array:
    """Simulate weighted sums of squared standard normals over many points.

    Parameters
    ----------
    weights : array of shape (n, b)
        Weights of b sums, not negative. No point has a weight in two: the sums are independent.

    Returns
    -------
    array of shape (B, b)
        Simulated sums.

    Notes
    -----
    Each is drawn from the gamma law of the same mean sum w and variance 2 sum w^2 (Satterthwaite
    1946). The error is of the order of the largest weight's share of the sum.
    """
    mean, square = weights.sum(axis=0), (weights**2).sum(axis=0)
    rng = seeds.generator(0, "null sums", len(weights))
    shape = mean**2 / (2 * square)
    return rng.gamma(shape, mean / shape, size=(_SIMULATIONS, weights.shape[1]))


def shares_of_many(indicator: NDArray[np.float32], share: float) -> Array:
    """Simulate shares of hits in overlapping groups of many points.

    Parameters
    ----------
    indicator : array of shape (g, n)
        1 where a point is in a group, 0 elsewhere; no group is empty.
    share : float
        Probability of a hit, independently at each point.

    Returns
    -------
    array of shape (B, g)
        Simulated shares of hits.

    Notes
    -----
    They are normal with the exact means and covariances share (1 - share) n_ab / (n_a n_b), n_ab
    the number of points that two groups have in common.
    """
    common = np.asarray(indicator @ indicator.T, dtype=np.float64)
    sizes = common.diagonal()
    covariance = share * (1 - share) * common / np.outer(sizes, sizes)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(0))
    normals = seeds.generator(0, "null shares", indicator.shape[1]).standard_normal(
        (_SIMULATIONS, len(sizes))
    )
    return np.asarray(share + normals @ root.T, dtype=np.float64)


def standard_normal(n: int, draws: int) -> Array:
    """Return standard normal values from a seed fixed by n.

    Parameters
    ----------
    n : int
        Number of points.
    draws : int
        Number of draws; fewer, but at least 8, where there are so many points that a mean over
        them needs no more.

    Returns
    -------
    array of shape (m, n)
        The values, m <= draws.
    """
    few = min(draws, max(8, _CEILING_NORMALS // n))
    return seeds.generator(0, "ceiling", n).standard_normal((few, n))


def p_value(null: Array, observed: float) -> float:
    """Return the p-value of a statistic of which high values are bad.

    Parameters
    ----------
    null : array of shape (B,)
        Simulated values.
    observed : float
        The observed value.

    Returns
    -------
    float
        (1 + #{null >= observed}) / (B + 1) (Phipson & Smyth 2010).
    """
    return float((1 + np.sum(null >= observed)) / (len(null) + 1))
