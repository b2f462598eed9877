"""What a perfectly calibrated forecaster would score at this number of points.

Raw calibration error on a small test set is mostly noise: the null mean of ``mace`` is about
0.313 / sqrt(n). Each null is B = 9,999 simulations from a fixed seed, so that it is a function of n
(and of the forecast's sds or groups) alone; p = (1 + #{null >= observed}) / (B + 1).
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.predictive import Array

SIMULATIONS = 9_999
CHUNK = 1_111  # divides SIMULATIONS; bounds memory at CHUNK x n
KEEP_BYTES = 48 * 2**20


def uniform_chunks(n: int) -> Iterator[NDArray[np.float32]]:
    """Yield the simulated PIT values of a calibrated forecaster, (CHUNK, n) at a time."""
    rng = seeds.generator(0, "null uniforms", n)
    for _ in range(SIMULATIONS // CHUNK):
        yield rng.random((CHUNK, n), dtype=np.float32)


def normal_chunks(n: int) -> Iterator[NDArray[np.float32]]:
    """Yield simulated standardised errors squared, (CHUNK, n) at a time."""
    if SIMULATIONS * n * 4 <= KEEP_BYTES:
        yield from _kept_squares(n)
        return
    yield from _squares(n)


@lru_cache(maxsize=4)
def _kept_squares(n: int) -> tuple[NDArray[np.float32], ...]:
    return tuple(_squares(n))


def _squares(n: int) -> Iterator[NDArray[np.float32]]:
    rng = seeds.generator(0, "null normals", n)
    for _ in range(SIMULATIONS // CHUNK):
        yield rng.standard_normal((CHUNK, n), dtype=np.float32) ** 2


def standard_normal(n: int, draws: int) -> Array:
    """Standard normals (draws, n) from the fixed seed of this n."""
    return seeds.generator(0, "ceiling", n).standard_normal((draws, n))


def p_value(null: Array, observed: float) -> float:
    """Share of nulls at least as large as the observed value, by (1 + #) / (B + 1)."""
    return float((1 + np.sum(null >= observed)) / (len(null) + 1))
