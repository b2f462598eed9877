"""Running sums over blocks of mixture components: memory is that of the result, whatever S is.

Every accumulator takes blocks by ``add(means (s, n), sds (s, n))``. Their results do not depend on
how whole blocks are grouped beyond the rounding of float64 sums.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]

LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


class Accumulator(Protocol):
    """Something that blocks of components are added to."""

    def add(self, means: Array, sds: Array) -> None:
        """Add components (s, n)."""


def log_normal(z: Array, sds: Array) -> Array:
    """log N of standardised residuals z with sds."""
    return np.asarray(-0.5 * z**2 - np.log(sds) - LOG_SQRT_2PI, dtype=np.float64)


class Moments:
    """Mean, mean square sd, variance of the means (ddof 0) and least sd, each (n,).

    Means and variances are merged pairwise (Chan, Golub & LeVeque 1983, eq. 2.1), which is stable
    where the mean is large beside the spread.
    """

    def __init__(self, n: int) -> None:
        self.count = 0
        self.mean = np.zeros(n)
        self._squares = np.zeros(n)
        self._noise = np.zeros(n)
        self.smallest_sd = np.full(n, np.inf)

    def add(self, means: Array, sds: Array) -> None:
        s = len(means)
        total = self.count + s
        delta = means.mean(axis=0) - self.mean
        self._squares += means.var(axis=0) * s + delta**2 * (self.count * s / total)
        self.mean = self.mean + delta * (s / total)
        self._noise += (sds**2).sum(axis=0)
        self.smallest_sd = np.minimum(self.smallest_sd, sds.min(axis=0))
        self.count = total

    @property
    def aleatoric(self) -> Array:
        return np.asarray(self._noise / self.count, dtype=np.float64)

    @property
    def between(self) -> Array:
        return np.asarray(self._squares / self.count, dtype=np.float64)


class LogDensity:
    """log (1/S) sum_s N(y; m_s, v_s^2) at y (k, n), with a running maximum."""

    def __init__(self, y: Array) -> None:
        self._y = y
        self._peak = np.full(y.shape, -np.inf)
        self._sum = np.zeros(y.shape)
        self._count = 0

    def add(self, means: Array, sds: Array) -> None:
        for k, row in enumerate(self._y):
            terms = log_normal((row - means) / sds, sds)
            peak = np.maximum(self._peak[k], terms.max(axis=0))
            kept = self._sum[k] * np.exp(self._peak[k] - peak)
            self._sum[k] = kept + np.exp(terms - peak).sum(axis=0)
            self._peak[k] = peak
        self._count += len(means)

    @property
    def value(self) -> Array:
        return np.asarray(np.log(self._sum) + self._peak - np.log(self._count), dtype=np.float64)


class Cumulative:
    """(1/S) sum_s Phi((y - m_s) / v_s) at y (k, n)."""

    def __init__(self, y: Array) -> None:
        self._y = y
        self._sum = np.zeros(y.shape)
        self._count = 0

    def add(self, means: Array, sds: Array) -> None:
        for k, row in enumerate(self._y):
            self._sum[k] += ndtr((row - means) / sds).sum(axis=0)
        self._count += len(means)

    @property
    def value(self) -> Array:
        return np.asarray(self._sum / self._count, dtype=np.float64)


class ScoreError:
    """Monte-Carlo standard error of mean_i -log p(y_i), by the delta method.

    The sd over draws s of mean_i p_s(y_i) / p(y_i), over sqrt(S); p is the finished density.
    """

    def __init__(self, y: Array, logpdf: Array) -> None:
        self._y, self._logpdf = y, logpdf
        self._sum = self._squares = 0.0
        self._count = 0

    def add(self, means: Array, sds: Array) -> None:
        ratio = np.exp(log_normal((self._y - means) / sds, sds) - self._logpdf).mean(axis=1)
        self._sum += float(ratio.sum())
        self._squares += float((ratio**2).sum())
        self._count += len(means)

    @property
    def value(self) -> float:
        s = self._count
        return float(np.sqrt(max(self._squares / s - (self._sum / s) ** 2, 0.0) / s))
