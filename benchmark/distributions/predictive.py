"""Distributions over y at n inputs, and the per-point summary that metrics see.

Every method hands over an equally weighted Gaussian mixture per test point: S component means
m[s, i] and noise sds v[s, i] > 0. `GaussianMixture` holds them; `howrobust.distributions.streaming` redraws them
from their seed; `howrobust.distributions.closed_form` wraps a distribution in closed form.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, ndtr, ndtri

from howrobust import seeds
from howrobust.distributions.accumulators import (
    LOG_SQRT_2PI,
    ScoreError,
    log_normal,
    score_error,
)
from howrobust.distributions.quadrature import CellGrid, invert_cdf

Array = NDArray[np.float64]

PINBALL_LEVELS = np.arange(1, 100) / 100
STORED_LEVELS = (0.0015, 0.005, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 0.995, 0.9985)
EXACT_COMPONENTS = 200
QUANTILE_FLOATS = 2**17  # standardised residuals held at a time: stays in cache


@dataclass(frozen=True)
class Forecast:
    """What is stored of a predictive distribution at n test points, and all that metrics see.

    mean, aleatoric, between, logpdf, cdf, crps, pinball: (n,), in target units; ``aleatoric`` is
    mean_s v^2 and ``between`` var_s m (ddof 0). ``cdf`` is F(y). ``pinball`` is the quantile loss
    averaged over the levels .01 to .99. ``quantiles``: (len(levels), n) at ``STORED_LEVELS``.
    ``smallest_sd``: (n,), the least component sd. ``nll_error``: Monte-Carlo standard error of the
    mean of -logpdf (0 where the components are the model). ``crps_error``: bound of the quadrature.

    Optional, empty where they do not apply: ``logpdf_rounded`` (n,), log([F(y+d/2) - F(y-d/2)]/d)
    for targets that repeat on a step d, with ``pit`` (n,) then the randomised PIT (otherwise F(y));
    ``kl`` (n,), KL(truth || forecast); ``groups`` (g, n), group labels for worst-group coverage.
    ``variants``: the n points are so many variants of the test rows, one after the other, as a
    stress made them; 1 for clean rows.
    """

    mean: Array
    aleatoric: Array
    between: Array
    logpdf: Array
    cdf: Array
    crps: Array
    pinball: Array
    quantiles: Array
    smallest_sd: Array
    pit: Array
    n_components: int = 1
    nll_error: float = 0.0
    crps_error: float = 0.0
    step: float = 0.0
    logpdf_rounded: Array = field(default_factory=lambda: np.empty(0))
    kl: Array = field(default_factory=lambda: np.empty(0))
    groups: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    variants: int = 1

    @property
    def variance(self) -> Array:
        """Total variance (n,): the aleatoric plus the between part."""
        return np.asarray(self.aleatoric + self.between, dtype=np.float64)

    @property
    def sd(self) -> Array:
        """Root of the total variance (n,)."""
        return np.asarray(np.sqrt(self.variance), dtype=np.float64)

    def quantile(self, level: float) -> Array:
        """Return the stored quantile (n,); raises ValueError for a level that is not stored."""
        return np.asarray(self.quantiles[STORED_LEVELS.index(level)], dtype=np.float64)


@dataclass(frozen=True)
class Evaluation:
    """A predictive distribution met with y (n,): the arrays of a `Forecast`, before it is built."""

    mean: Array
    aleatoric: Array
    between: Array
    logpdf: Array
    cdf: Array
    crps: Array
    quantiles: Array  # (len(levels), n)
    smallest_sd: Array
    nll_error: float
    crps_error: float


class Predictive(ABC):
    """p(y | x) at n inputs.

    Laws: ``cdf`` is the integral of exp(``logpdf``), ``quantile`` inverts ``cdf`` (never a Gaussian
    shortcut), and ``mean`` and the sum of ``variance_parts`` are its first two moments.
    Points y are (n,), or (k, n) for k values at every input; the result has their shape.
    """

    @property
    @abstractmethod
    def n_components(self) -> int:
        """S: draws, members, masks or folds behind the distribution."""

    @abstractmethod
    def mean(self) -> Array:
        """Mean (n,), float64."""

    @abstractmethod
    def variance_parts(self) -> tuple[Array, Array]:
        """(aleatoric, between), each (n,): mean_s v^2 and var_s m with ddof 0."""

    @abstractmethod
    def logpdf(self, y: ArrayLike) -> Array:
        """log p(y | x), nats."""

    @abstractmethod
    def cdf(self, y: ArrayLike) -> Array:
        """P(Y <= y | x): at the observed y, the PIT value."""

    @abstractmethod
    def quantile(self, levels: ArrayLike) -> Array:
        """Quantiles (k, n) at k levels in (0, 1)."""

    @abstractmethod
    def sample(self, size: int, seed: int) -> Array:
        """Draws of y (size, n), a function of the seed alone."""

    @abstractmethod
    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        """Return all that a forecast needs at y (n,), in as few passes as possible."""

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the central interval (lower, upper), each (n,), that holds ``level``."""
        if not 0 < level < 1:
            raise ValueError(f"an interval needs a level between 0 and 1, not {level}")
        lower, upper = self.quantile([(1 - level) / 2, (1 + level) / 2])
        return lower, upper

    def forecast(
        self, y: ArrayLike, step: float = 0.0, truth: "Predictive | None" = None, seed: int = 0
    ) -> Forecast:
        """Summarise the distribution at the observed y (n,).

        ``step``: spacing of a discrete target, 0 for a continuous one. ``truth``: the true
        distribution at the same inputs, where known, for the KL divergence to it. ``seed`` is used
        by the randomised PIT of a discrete target alone. Raises ValueError if y is not (n,).
        """
        y = np.asarray(y, dtype=np.float64)
        levels = np.concatenate([PINBALL_LEVELS, STORED_LEVELS])
        found = self.evaluate(y, levels)
        if y.shape != found.mean.shape:
            raise ValueError(f"y has shape {y.shape}, the forecast has {found.mean.shape}")
        pit, rounded = found.cdf, np.empty(0)
        if step > 0:
            below, above = self.cdf(y - step / 2), self.cdf(y + step / 2)
            rounded = np.log(np.maximum(above - below, np.finfo(float).tiny) / step)
            uniform = seeds.generator(seed, "randomised pit").random(len(y))
            pit = below + uniform * (above - below)
        quantiles = found.quantiles[: len(PINBALL_LEVELS)]
        return Forecast(
            mean=found.mean,
            aleatoric=found.aleatoric,
            between=found.between,
            logpdf=found.logpdf,
            cdf=found.cdf,
            crps=found.crps,
            pinball=quantile_loss(y, quantiles, PINBALL_LEVELS).mean(axis=0),
            quantiles=found.quantiles[len(PINBALL_LEVELS) :],
            smallest_sd=found.smallest_sd,
            pit=pit,
            n_components=self.n_components,
            nll_error=found.nll_error,
            crps_error=found.crps_error,
            step=step,
            logpdf_rounded=rounded,
            kl=np.empty(0) if truth is None else divergence(truth, self, found.smallest_sd),
        )


def quantile_loss(y: Array, quantiles: Array, levels: Array) -> Array:
    """Pinball loss (k, n) of quantiles (k, n) at k levels (Koenker & Bassett 1978)."""
    error = y - quantiles
    return np.maximum(levels[:, None] * error, (levels[:, None] - 1) * error)


def divergence(truth: Predictive, forecast: Predictive, smallest_sd: Array) -> Array:
    """KL(truth || forecast) at every input (n,), by quadrature.

    With y = Q(Phi(z)), Q the quantile function of the truth, the divergence is the integral of
    (log p - log q) phi(z) dz, taken by the trapezoidal rule on [-6, 6]. The step of y is a sixth of
    ``smallest_sd``, the least component sd of the forecast: 1e-8 for a smooth forecast, 1e-3 for
    components that stand apart (measured), coarser where that would need more than 4,097 nodes.
    """
    wanted = 72 * float(np.max(np.sqrt(sum(truth.variance_parts())) / smallest_sd))
    z = np.linspace(-6, 6, int(np.clip(wanted, 64, 4096)) + 1)
    weights = np.exp(-0.5 * z**2)
    weights /= weights.sum()
    y = truth.quantile(ndtr(z))
    return np.asarray(weights @ (truth.logpdf(y) - forecast.logpdf(y)), dtype=np.float64)


class GaussianMixture(Predictive):
    """An equally weighted mixture of S Gaussians at each of n inputs, held in memory and exact.

    means: (S, n). sds: (S, n), (n,) or a scalar, all > 0. ``sampled`` says that the components are
    draws from a posterior, so that the Monte-Carlo error of the log score is reported; otherwise
    they are the model itself; draws that depend on each other stand in groups of ``group``.
    ``aleatoric``: the noise's part of the squared sds, where they hold more than noise; None: all
    of it. Raises ValueError for other shapes, sds <= 0 or values that are not
    finite. The continuous ranked probability score is exact up to S = 200 (Grimit et al. 2006,
    eq. 5) and by quadrature beyond.

    >>> mixture = GaussianMixture([[0.0], [2.0]], 1.0)
    >>> mixture.mean(), mixture.variance_parts()
    (array([1.]), (array([1.]), array([1.])))
    """

    def __init__(
        self,
        means: ArrayLike,
        sds: ArrayLike,
        sampled: bool = False,
        aleatoric: float | None = None,
        group: int = 1,
    ) -> None:
        self.aleatoric = aleatoric
        self.group = group
        self.means = np.asarray(means, dtype=np.float64)
        self.sds = np.asarray(sds, dtype=np.float64)
        self.sampled = sampled
        if self.means.ndim != 2 or self.means.size == 0:
            raise ValueError(f"means must be (S, n) and not empty, not {self.means.shape}")
        if self.sds.shape not in ((), self.means.shape[1:], self.means.shape):
            raise ValueError(
                f"sds must be a scalar, {self.means.shape[1:]} or {self.means.shape}, "
                f"not {self.sds.shape}"
            )
        if not (np.isfinite(self.means).all() and np.isfinite(self.sds).all()):
            raise ValueError("means and sds must be finite")
        if not (self.sds > 0).all():
            raise ValueError("every sd must be greater than 0")

    @property
    def n_components(self) -> int:
        return len(self.means)

    def mean(self) -> Array:
        return np.asarray(self.means.mean(axis=0), dtype=np.float64)

    def variance_parts(self) -> tuple[Array, Array]:
        squares = self.sds**2 if self.sds.ndim < 2 else (self.sds**2).mean(axis=0)
        squares = np.broadcast_to(squares, self.means.shape[1:])
        if self.aleatoric is None:
            return squares, self.means.var(axis=0)
        noise = np.full(len(squares), self.aleatoric)
        return noise, np.maximum(self.means.var(axis=0) + squares - noise, 0.0)

    def logpdf(self, y: ArrayLike) -> Array:
        return self._map(y, lambda z, sds: _log_mean_normal(z, sds))

    def cdf(self, y: ArrayLike) -> Array:
        return self._map(y, lambda z, sds: ndtr(z).mean(axis=0))

    def quantile(self, levels: ArrayLike) -> Array:
        levels = np.atleast_1d(np.asarray(levels, dtype=np.float64))
        # Every component has its quantile between these two, so the mixture's lies there too.
        z = ndtri(levels)[:, None]
        sds = np.broadcast_to(self.sds, self.means.shape)
        shape = (len(levels), self.means.shape[1])
        lower, upper = np.full(shape, np.inf), np.full(shape, -np.inf)
        for m, v in zip(self.means, sds, strict=True):
            lower, upper = np.minimum(lower, m + z * v), np.maximum(upper, m + z * v)
        start = self._grid.quantile(levels)
        return invert_cdf(self._cdf_and_pdf, levels, start, lower, upper)

    @cached_property
    def _grid(self) -> CellGrid:
        sds = np.broadcast_to(self.sds, self.means.shape)
        sd = np.sqrt(sum(self.variance_parts()))
        grid = CellGrid.around(self.mean(), sd, sds.min(axis=0))
        grid.add(self.means, sds)
        return grid

    def _cdf_and_pdf(self, t: Array) -> tuple[Array, Array]:
        """F and f at t (k, n), a few rows at a time."""
        step = max(1, QUANTILE_FLOATS // self.means.size)
        cdf, pdf = np.empty(t.shape), np.empty(t.shape)
        for start in range(0, len(t), step):
            part = slice(start, start + step)
            z = (t[part, None] - self.means) / self.sds
            cdf[part] = ndtr(z).mean(axis=1)
            pdf[part] = (np.exp(-0.5 * z**2) / self.sds).mean(axis=1) / np.sqrt(2 * np.pi)
        return cdf, pdf

    def sample(self, size: int, seed: int) -> Array:
        rng = seeds.generator(seed, "mixture sample")
        n = self.means.shape[1]
        component = rng.integers(self.n_components, size=(size, n))
        sds = np.broadcast_to(self.sds, self.means.shape)
        column = np.arange(n)
        noise = rng.standard_normal((size, n))
        return self.means[component, column] + sds[component, column] * noise

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        aleatoric, between = self.variance_parts()
        logpdf = self.logpdf(y)
        crps, crps_error = self._crps(y)
        return Evaluation(
            mean=self.mean(),
            aleatoric=aleatoric,
            between=between,
            logpdf=logpdf,
            cdf=self.cdf(y),
            crps=crps,
            quantiles=self.quantile(levels),
            smallest_sd=np.broadcast_to(self.sds, self.means.shape).min(axis=0),
            nll_error=self._nll_error(y, logpdf) if self.sampled else 0.0,
            crps_error=crps_error,
        )

    def _map(self, y: ArrayLike, function: Callable[[Array, Array], Array]) -> Array:
        """Apply ``function(z (S, n), sds)`` to standardised residuals, one row of y at a time."""
        y = np.asarray(y, dtype=np.float64)
        rows = np.atleast_2d(y)
        result = np.stack([function((row - self.means) / self.sds, self.sds) for row in rows])
        return result.reshape(y.shape)

    def _nll_error(self, y: Array, logpdf: Array) -> float:
        error = ScoreError(y, logpdf)
        error.add(self.means, self.sds)
        return score_error(error.ratios, self.group)

    def _crps(self, y: Array) -> tuple[Array, float]:
        if self.n_components > EXACT_COMPONENTS:
            return self._grid.crps(y), self._grid.crps_error
        sds = np.broadcast_to(self.sds, self.means.shape)
        spread = np.zeros_like(y)
        for m, v in zip(self.means, sds, strict=True):
            spread += _mean_absolute(self.means - m, np.hypot(sds, v)).mean(axis=0)
        return _mean_absolute(y - self.means, sds).mean(axis=0) - 0.5 * spread / len(sds), 0.0


def _log_mean_normal(z: Array, sds: Array) -> Array:
    """log (1/S) sum_s N over the first axis."""
    return np.asarray(logsumexp(log_normal(z, sds), axis=0) - np.log(len(z)), dtype=np.float64)


def _mean_absolute(mean: Array, sd: Array) -> Array:
    """E|X| for X ~ N(mean, sd^2): the A of Grimit et al. 2006, eq. 5."""
    z = mean / sd
    return np.asarray(
        2 * sd * np.exp(-0.5 * z**2 - LOG_SQRT_2PI) + mean * (2 * ndtr(z) - 1), dtype=np.float64
    )
