"""Running sums over blocks of mixture components: memory is that of the result, whatever S is."""

from abc import ABC, abstractmethod

import numpy as np
from scipy.special import ndtr

from howrobust.distributions.arrays import Array

LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


class Accumulator(ABC):
    """A running sum over blocks of components of a mixture.

    Law: the result does not depend on how the components are cut into blocks, beyond the rounding
    of float64 sums.
    """

    @abstractmethod
    def add(self, means: Array, sds: Array) -> None:
        """Add a block of components.

        Parameters
        ----------
        means : array of shape (s, n)
            Component means, in target units.
        sds : array of shape (s, n)
            Component sds, in target units, greater than 0.
        """


def log_normal(z: Array, sds: Array) -> Array:
    """Return the log density of normal distributions.

    Parameters
    ----------
    z : array of shape (s, n)
        Standardised residuals (y - mean) / sd.
    sds : array of shape (s, n) or (n,), or float
        Standard deviations, in target units.

    Returns
    -------
    array of shape (s, n)
        -z^2 / 2 - log sd - log(2 pi) / 2, nats.
    """
    return np.asarray(-0.5 * z**2 - np.log(sds) - LOG_SQRT_2PI, dtype=np.float64)


class Moments(Accumulator):
    """The mean, the parts of the variance and the least sd of a mixture.

    Parameters
    ----------
    n : int
        Number of inputs.
    aleatoric : float, optional
        The noise's part of the squared sds, where they hold more than noise: the rest is counted
        between components. None: the aleatoric part is the mean square sd.

    Attributes
    ----------
    count : int
        Number S of components that were added.
    mean : array of shape (n,)
        Mean, in target units.
    smallest_sd : array of shape (n,)
        Least component sd, in target units.

    Notes
    -----
    Means and variances are merged pairwise (Chan, Golub & LeVeque 1983, eq. 2.1), which is stable
    where the mean is large beside the spread.
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
        """Variance (n,) within components."""
        if self._given is not None:
            return np.full(len(self.mean), self._given)
        return np.asarray(self._noise / self.count, dtype=np.float64)

    @property
    def between(self) -> Array:
        """Variance (n,) between components."""
        more = 0.0 if self._given is None else self._noise / self.count - self._given
        return np.maximum(self._squares / self.count + more, 0.0)  # rounding apart, a variance


class MomentErrors(Accumulator):
    """Monte-Carlo standard errors of the mean and sd of a mixture.

    Parameters
    ----------
    mean : array of shape (n,)
        The finished mean, in target units.
    variance : array of shape (n,)
        The finished total variance.
    group : int
        Draws that depend on each other stand together in groups of this size, whose means are
        independent.

    Notes
    -----
    By the delta method, a draw adds ((m - mean)^2 + v^2 - sd^2) / (2 sd) to the sd.
    """

    def __init__(self, mean: Array, variance: Array, group: int) -> None:
        self._mean, self._variance, self._group = mean, variance, group
        self._squares = np.zeros((2, len(mean)))
        self._count = 0

    def add(self, means: Array, sds: Array) -> None:
        off = means - self._mean
        for row, part in zip(self._squares, (off, off**2 + sds**2 - self._variance), strict=True):
            grouped = _grouped_means(part, self._group)
            row += np.einsum("sn,sn->n", grouped, grouped)
        self._count += len(grouped)

    @property
    def value(self) -> tuple[Array, Array]:
        """Standard errors of the mean and of the sd, each (n,), in target units."""
        mean, sd = np.sqrt(self._squares) / self._count
        return mean, sd / (2 * np.sqrt(self._variance))


def _grouped_means(values: Array, group: int) -> Array:
    """Means (s // group, ...) of groups along the first axis; fewer values than one group stay."""
    if group == 1 or len(values) < group:
        return values
    whole = len(values) // group * group
    return np.asarray(values[:whole].reshape(-1, group, *values.shape[1:]).mean(axis=1))


class LogDensity(Accumulator):
    """The log density of a mixture: log (1/S) sum_s N(y; m_s, v_s^2).

    The sum is taken relative to a running maximum, so that it does not underflow.

    Parameters
    ----------
    y : array of shape (k, n)
        Points, in target units.
    """

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
        """Log density (k, n), nats."""
        return np.asarray(np.log(self._sum) + self._peak - np.log(self._count), dtype=np.float64)


class Cumulative(Accumulator):
    """The distribution function of a mixture.

    It is (1/S) sum_s Phi((y - m_s) / v_s) for component means m and sds v.

    Parameters
    ----------
    y : array of shape (k, n)
        Points, in target units.
    """

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
        """F(y), of shape (k, n)."""
        return np.asarray(self._sum / self._count, dtype=np.float64)


class ScoreError(Accumulator):
    """Ratios of densities for the Monte-Carlo error of the log score.

    Parameters
    ----------
    y : array of shape (n,)
        Observed targets.
    logpdf : array of shape (n,)
        The finished log density log p at y, nats.

    Notes
    -----
    By the delta method, the standard error of mean_i -log p(y_i) is the sd over draws s of
    mean_i p_s(y_i) / p(y_i), divided by sqrt(S): see `score_error`.
    """

    def __init__(self, y: Array, logpdf: Array) -> None:
        self._y, self._logpdf = y, logpdf
        self._ratios: list[Array] = []

    def add(self, means: Array, sds: Array) -> None:
        ratio = np.exp(log_normal((self._y - means) / sds, sds) - self._logpdf)
        self._ratios.append(ratio.mean(axis=1))

    @property
    def ratios(self) -> Array:
        """Ratio mean_i p_s(y_i) / p(y_i) of every draw (S,)."""
        return np.concatenate(self._ratios)


def score_error(ratios: Array, group: int) -> float:
    """Return the Monte-Carlo standard error of the mean log score.

    Parameters
    ----------
    ratios : array of shape (S,)
        `ScoreError.ratios` of every draw.
    group : int
        Draws that depend on each other stand together in groups of this size.

    Returns
    -------
    float
        sd of the means of groups over the root of their number, nats.
    """
    independent = _grouped_means(ratios, group)
    return float(independent.std() / np.sqrt(len(independent)))
