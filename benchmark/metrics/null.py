"""What a perfectly calibrated forecaster would score at this number of points.

Raw calibration error on a small test set is mostly noise: the null mean of ``mace`` is about
0.316 / sqrt(n). Each null is B = 9,999 simulations from a fixed seed, so that it is a function of n
(and of the forecast's sds or groups) alone; p = (1 + #{null >= observed}) / (B + 1). From `MANY`
points on, sums over points are drawn from their limit laws: time and memory stay flat.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.distributions.predictive import Array

SIMULATIONS = 9_999
MANY = 4_000
CEILING_NORMALS = 200_000
CHUNK = 1_111  # divides SIMULATIONS; bounds memory at CHUNK x n
KEEP_BYTES = 48 * 2**20


def cell_counts(n: int, cells: int) -> NDArray[np.int64]:
    """How many of n uniforms fall into each of ``cells`` equal cells, (B, cells): multinomial."""
    rng = seeds.generator(0, "null counts", n)
    return rng.multinomial(n, np.full(cells, 1 / cells), size=SIMULATIONS)


def uniform_chunks(n: int) -> Iterator[NDArray[np.float32]]:
    """Yield the simulated PIT values of a calibrated forecaster, (CHUNK, n) at a time."""
    return _chunks(_uniforms, n)


def normal_chunks(n: int) -> Iterator[NDArray[np.float32]]:
    """Yield simulated standardised errors squared, (CHUNK, n) at a time."""
    return _chunks(_squares, n)


Simulated = Callable[[int], Iterator[NDArray[np.float32]]]


def _chunks(simulated: Simulated, n: int) -> Iterator[NDArray[np.float32]]:
    """The chunks of n points, kept for the next forecast of as many where they are small."""
    return iter(_kept(simulated, n)) if SIMULATIONS * n * 4 <= KEEP_BYTES else simulated(n)


@lru_cache(maxsize=4)
def _kept(simulated: Simulated, n: int) -> tuple[NDArray[np.float32], ...]:
    return tuple(simulated(n))


def _uniforms(n: int) -> Iterator[NDArray[np.float32]]:
    rng = seeds.generator(0, "null uniforms", n)
    for _ in range(SIMULATIONS // CHUNK):
        yield rng.random((CHUNK, n), dtype=np.float32)


def _squares(n: int) -> Iterator[NDArray[np.float32]]:
    rng = seeds.generator(0, "null normals", n)
    for _ in range(SIMULATIONS // CHUNK):
        yield rng.standard_normal((CHUNK, n), dtype=np.float32) ** 2


def weighted_chi_square(weights: NDArray[np.floating]) -> Array:
    """Sums over points of weights (n, b) times squared standard normals: (B, b), many points.

    Each is drawn from the gamma law of the same mean sum w and variance 2 sum w^2 (Satterthwaite
    1946): what the two laws differ by is of the order of the largest weight's share of the sum. The
    columns are independent, so no point may have a weight in two.
    """
    mean, square = weights.sum(axis=0), (weights**2).sum(axis=0)
    rng = seeds.generator(0, "null sums", len(weights))
    shape = mean**2 / (2 * square)
    return rng.gamma(shape, mean / shape, size=(SIMULATIONS, weights.shape[1]))


def shares_of_many(indicator: NDArray[np.float32], share: float) -> Array:
    """Shares of hits in overlapping groups of many points, hits having probability ``share``.

    ``indicator``: (g, n) of 0 and 1, no group empty. (B, g) normals with the exact means and
    covariances share (1 - share) n_ab / (n_a n_b), n_ab the points that two groups have in common.
    """
    common = np.asarray(indicator @ indicator.T, dtype=np.float64)
    sizes = common.diagonal()
    covariance = share * (1 - share) * common / np.outer(sizes, sizes)
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(values.clip(0))
    normals = seeds.generator(0, "null shares", indicator.shape[1]).standard_normal(
        (SIMULATIONS, len(sizes))
    )
    return np.asarray(share + normals @ root.T, dtype=np.float64)


def standard_normal(n: int, draws: int) -> Array:
    """Standard normals (draws, n) from the fixed seed of this n.

    Fewer draws, but 8, where there are so many points that a mean needs no more.
    """
    few = min(draws, max(8, CEILING_NORMALS // n))
    return seeds.generator(0, "ceiling", n).standard_normal((few, n))


def p_value(null: Array, observed: float) -> float:
    """Share of nulls at least as large as the observed value, by (1 + #) / (B + 1)."""
    return float((1 + np.sum(null >= observed)) / (len(null) + 1))
