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
    """Mean, aleatoric and between variance, and least sd, each (n,).

    The aleatoric part is the mean square sd, unless it is given: components whose sds hold more
    than noise say so, and what exceeds the given part is between. Means and variances are merged
    pairwise (Chan, Golub & LeVeque 1983, eq. 2.1), which is stable where the mean is large beside
    the spread.
    """

    def __init__(self, n: int, aleatoric: float | None = None) -> None:
        self.count = 0
        self.mean = np.zeros(n)
        self._given = aleatoric
        self._squares = np.zeros(n)
        self._noise = np.zeros(n)
        self.smallest_sd = np.full(n, np.inf)

    def add(self, means: Array, sds: Array) -> None:
        s = len(means)
        total = self.count + s
        delta = means.mean(axis=0) - self.mean
        spread = means - (self.mean + delta)
        squares = np.einsum("sn,sn->n", spread, spread)
        self._squares += squares + delta**2 * (self.count * s / total)
        self.mean = self.mean + delta * (s / total)
        if sds.strides[0] == 0:  # one row, broadcast
            self._noise += s * sds[0] ** 2
            self.smallest_sd = np.minimum(self.smallest_sd, sds[0])
        else:
            self._noise += np.einsum("sn,sn->n", sds, sds)
            self.smallest_sd = np.minimum(self.smallest_sd, sds.min(axis=0))
        self.count = total

    @property
    def aleatoric(self) -> Array:
        if self._given is not None:
            return np.full(len(self.mean), self._given)
        return np.asarray(self._noise / self.count, dtype=np.float64)

    @property
    def between(self) -> Array:
        more = 0.0 if self._given is None else self._noise / self.count - self._given
        return np.maximum(self._squares / self.count + more, 0.0)  # rounding apart, a variance


class MomentErrors:
    """Monte-Carlo standard errors of the mean and of the total sd, each (n,), given both.

    A draw adds (m - mean)^2 + v^2 - sd^2 over 2 sd to the sd, by the delta method. Draws that
    depend on each other stand together in groups of ``group``, whose means are independent.
    """

    def __init__(self, mean: Array, variance: Array, group: int) -> None:
        self._mean, self._variance, self._group = mean, variance, group
        self._squares = np.zeros((2, len(mean)))
        self._count = 0

    def add(self, means: Array, sds: Array) -> None:
        off = means - self._mean
        for row, part in zip(self._squares, (off, off**2 + sds**2 - self._variance), strict=True):
            grouped = grouped_means(part, self._group)
            row += np.einsum("sn,sn->n", grouped, grouped)
        self._count += len(grouped)

    @property
    def value(self) -> tuple[Array, Array]:
        mean, sd = np.sqrt(self._squares) / self._count
        return mean, sd / (2 * np.sqrt(self._variance))


def grouped_means(values: Array, group: int) -> Array:
    """Means (s // group, ...) of every so many along the first axis; of fewer, themselves."""
    if group == 1 or len(values) < group:
        return values
    whole = len(values) // group * group
    return np.asarray(values[:whole].reshape(-1, group, *values.shape[1:]).mean(axis=1))


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

    The sd over draws s of mean_i p_s(y_i) / p(y_i), over sqrt(S); p is the finished density. See
    `MomentErrors` for groups.
    """

    def __init__(self, y: Array, logpdf: Array) -> None:
        self._y, self._logpdf = y, logpdf
        self._ratios: list[Array] = []

    def add(self, means: Array, sds: Array) -> None:
        ratio = np.exp(log_normal((self._y - means) / sds, sds) - self._logpdf)
        self._ratios.append(ratio.mean(axis=1))

    @property
    def ratios(self) -> Array:
        """mean_i p_s(y_i) / p(y_i) of every draw (S,)."""
        return np.concatenate(self._ratios)


def score_error(ratios: Array, group: int) -> float:
    """Standard error of the mean of ratios (S,) that stand in groups."""
    independent = grouped_means(ratios, group)
    return float(independent.std() / np.sqrt(len(independent)))
