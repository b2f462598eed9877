"""The equally weighted Gaussian mixture, held in memory."""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, ndtr, ndtri

from howrobust import seeds
from howrobust.distributions.accumulators import (
    LOG_SQRT_2PI,
    ScoreError,
    log_normal,
    score_error,
)
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import CompletePredictive, Evaluation
from howrobust.distributions.quadrature import CellGrid, invert_cdf

EXACT_COMPONENTS = 200
_QUANTILE_FLOATS = 2**17  # standardised residuals held at a time: stays in cache


class GaussianMixture(CompletePredictive):
    """An equally weighted mixture of S Gaussians at each of n inputs.

    Parameters
    ----------
    means : array of shape (S, n)
        Component means, in target units.
    sds : float or array of shape (n,) or (S, n)
        Component sds, in target units, greater than 0.
    sampled : bool, default=False
        Whether the components are draws from a posterior, so that the Monte-Carlo error of the log
        score is reported; otherwise they are the model itself.
    aleatoric : float, optional
        The noise's part of the squared sds, where they hold more than noise; None: all of it.
    group : int, default=1
        Draws that depend on each other stand together in groups of this size.

    Raises
    ------
    ValueError
        For other shapes, sds that are not greater than 0, or values that are not finite.

    Notes
    -----
    The density is (1/S) sum_s N(y; m_s, v_s^2). The continuous ranked probability score is exact up
    to S = 200 (Grimit et al. 2006, eq. 5) and by quadrature beyond; everything else is exact.

    Examples
    --------
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
        # Every component has its quantile between these two, and so has the mixture.
        z = ndtri(levels)[:, None]
        sds = np.broadcast_to(self.sds, self.means.shape)
        shape = (len(levels), self.means.shape[1])
        lower, upper = np.full(shape, np.inf), np.full(shape, -np.inf)
        for m, v in zip(self.means, sds, strict=True):
            lower, upper = np.minimum(lower, m + z * v), np.maximum(upper, m + z * v)
        start = self._grid.quantile(levels)
        return invert_cdf(self._cdf_and_pdf, levels, start, lower, upper)

    def components(self) -> Iterator[tuple[Array, Array]]:
        """Yield the components in blocks; there is one.

        Yields
        ------
        means, sds : array of shape (S, n)
            Means and sds of the components, in target units.
        """
        yield self.means, np.broadcast_to(self.sds, self.means.shape)

    def near_cdf(self, y: Array) -> Array:
        """Return the distribution function, interpolated where there are more than 200 components.

        Parameters
        ----------
        y : array of shape (k, n)
            Points, in target units.

        Returns
        -------
        array of shape (k, n)
            P(Y <= y | x).
        """
        return self.cdf(y) if self.n_components <= EXACT_COMPONENTS else self._grid.cdf(y)

    @cached_property
    def _grid(self) -> CellGrid:
        sds = np.broadcast_to(self.sds, self.means.shape)
        sd = np.sqrt(sum(self.variance_parts()))
        grid = CellGrid.around(self.mean(), sd, sds.min(axis=0))
        grid.add(self.means, sds)
        return grid

    def _cdf_and_pdf(self, t: Array) -> tuple[Array, Array]:
        """F and f at t (k, n), a few rows at a time."""
        step = max(1, _QUANTILE_FLOATS // self.means.size)
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
