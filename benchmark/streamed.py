"""Mixtures that are never held: redrawn from their seed, block by block, at every pass."""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from howrobust import seeds
from howrobust.predictive import EXACT_COMPONENTS, Array, Evaluation, GaussianMixture, Predictive
from howrobust.quadrature import CellGrid
from howrobust.streams import Accumulator, Cumulative, LogDensity, Moments, ScoreError

Blocks = Callable[[], Iterator[tuple[Array, Array]]]


class StreamedMixture(Predictive):
    """A mixture whose components are redrawn from their seed at every pass, block by block.

    ``blocks()`` yields (means (s, n), sds (s, n) | (n,) | scalar) and yields the same numbers each
    time it is called: S = sum of s. Memory is that of one block (law 3). Mean, variances, logpdf
    and cdf at y come from one pass; quantiles and the continuous ranked probability score from a
    second, on a grid of cells with a stated error bound (see `howrobust.quadrature`).
    ``sampled`` as in `GaussianMixture`.
    """

    def __init__(
        self, blocks: Blocks, n_points: int, n_components: int, sampled: bool = True
    ) -> None:
        self._blocks = blocks
        self._n_points = n_points
        self._n_components = n_components
        self._sampled = sampled

    @property
    def n_components(self) -> int:
        return self._n_components

    def _pass(self, *accumulators: Accumulator) -> None:
        """Redraw every block once and hand it to each accumulator."""
        for means, sds in self._blocks():
            spread = np.broadcast_to(sds, means.shape)
            for accumulator in accumulators:
                accumulator.add(means, spread)

    @cached_property
    def _moments(self) -> Moments:
        moments = Moments(self._n_points)
        self._pass(moments)
        return moments

    @cached_property
    def _grid(self) -> CellGrid:
        grid = self._empty_grid()
        self._pass(grid)
        return grid

    def _empty_grid(self) -> CellGrid:
        found = self._moments
        sd = np.sqrt(found.aleatoric + found.between)
        return CellGrid.around(found.mean, sd, found.smallest_sd)

    def mean(self) -> Array:
        return self._moments.mean

    def variance_parts(self) -> tuple[Array, Array]:
        return self._moments.aleatoric, self._moments.between

    def logpdf(self, y: ArrayLike) -> Array:
        y = np.asarray(y, dtype=np.float64)
        density = LogDensity(np.atleast_2d(y))
        self._pass(density)
        return density.value.reshape(y.shape)

    def cdf(self, y: ArrayLike) -> Array:
        y = np.asarray(y, dtype=np.float64)
        cumulative = Cumulative(np.atleast_2d(y))
        self._pass(cumulative)
        return cumulative.value.reshape(y.shape)

    def quantile(self, levels: ArrayLike) -> Array:
        return self._grid.quantile(np.atleast_1d(np.asarray(levels, dtype=np.float64)))

    def sample(self, size: int, seed: int) -> Array:
        rng = seeds.generator(seed, "mixture sample")
        component = rng.integers(self.n_components, size=(size, self._n_points))
        noise = rng.standard_normal((size, self._n_points))
        drawn = np.empty((size, self._n_points))
        column, start = np.arange(self._n_points), 0
        for means, sds in self._blocks():
            here = (component >= start) & (component < start + len(means))
            row = np.where(here, component - start, 0)
            value = means[row, column] + np.broadcast_to(sds, means.shape)[row, column] * noise
            drawn = np.where(here, value, drawn)
            start += len(means)
        return drawn

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        moments = Moments(self._n_points)
        density, cumulative = LogDensity(y[None]), Cumulative(y[None])
        self._pass(moments, density, cumulative)
        self.__dict__["_moments"] = moments
        logpdf = density.value[0]
        grid, error = self._empty_grid(), ScoreError(y, logpdf)
        self._pass(grid, error)
        self.__dict__["_grid"] = grid
        return Evaluation(
            mean=moments.mean,
            aleatoric=moments.aleatoric,
            between=moments.between,
            logpdf=logpdf,
            cdf=cumulative.value[0],
            crps=grid.crps(y),
            quantiles=grid.quantile(levels),
            smallest_sd=moments.smallest_sd,
            nll_error=error.value if self._sampled else 0.0,
            crps_error=grid.crps_error,
        )


def mixture(blocks: Blocks, n_points: int, n_components: int, sampled: bool) -> Predictive:
    """Hold up to 200 components in memory; stream more. ``sampled`` as in `GaussianMixture`."""
    if n_components > EXACT_COMPONENTS:
        return StreamedMixture(blocks, n_points, n_components, sampled)
    pairs = [(means, np.broadcast_to(sds, means.shape)) for means, sds in blocks()]
    return GaussianMixture(
        np.concatenate([means for means, _ in pairs]),
        np.concatenate([sds for _, sds in pairs]),
        sampled=sampled,
    )
