"""Mixtures that are redrawn from their seed at every pass, so that memory is that of one block."""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from howrobust import seeds
from howrobust.distributions.accumulators import (
    Accumulator,
    Cumulative,
    LogDensity,
    MomentErrors,
    Moments,
    ScoreError,
    score_error,
)
from howrobust.distributions.arrays import Array
from howrobust.distributions.gaussian_mixture import EXACT_COMPONENTS, GaussianMixture
from howrobust.distributions.predictive import CompletePredictive, Evaluation, Predictive
from howrobust.distributions.quadrature import CellGrid

Blocks = Callable[[], Iterator[tuple[Array, Array]]]


class StreamedMixture(CompletePredictive):
    """A mixture whose components are redrawn from their seed at every pass.

    Mean, variances, logpdf and cdf at y come from one pass; quantiles and the continuous ranked
    probability score from a second, on a grid of cells with a stated error bound (see
    `howrobust.distributions.quadrature`).

    Parameters
    ----------
    blocks : callable
        Takes nothing and yields pairs (means, sds), the same numbers each time it is called: means
        of shape (s, n), sds of shape (s, n) or (n,) or a float, in target units. The s sum to S.
    n_points : int
        Number n of inputs.
    n_components : int
        Number S of components.
    sampled : bool, default=True
        Whether the components are draws: see `GaussianMixture`.
    aleatoric : float, optional
        The noise's part of the squared sds: see `GaussianMixture`.
    group : int, default=1
        Size of groups of draws that depend on each other.
    """

    def __init__(
        self,
        blocks: Blocks,
        n_points: int,
        n_components: int,
        sampled: bool = True,
        aleatoric: float | None = None,
        group: int = 1,
    ) -> None:
        self._blocks = blocks
        self._n_points = n_points
        self._n_components = n_components
        self.sampled = sampled
        self._aleatoric = aleatoric
        self.group = group

    @property
    def n_components(self) -> int:
        return self._n_components

    def components(self) -> Iterator[tuple[Array, Array]]:
        """Redraw the components and yield them in blocks.

        Yields
        ------
        means, sds : array of shape (s, n)
            Means and sds of s components, in target units.
        """
        for means, sds in self._blocks():
            yield means, np.broadcast_to(sds, means.shape)

    def near_cdf(self, y: Array) -> Array:
        """Return the distribution function, interpolated on the grid of the quantiles.

        Parameters
        ----------
        y : array of shape (k, n)
            Points, in target units.

        Returns
        -------
        array of shape (k, n)
            P(Y <= y | x).
        """
        return self._grid.cdf(y)

    def _pass(self, *accumulators: Accumulator) -> None:
        """Redraw every block once and add it to each accumulator."""
        for means, spread in self.components():
            for accumulator in accumulators:
                accumulator.add(means, spread)

    @cached_property
    def _moments(self) -> Moments:
        moments = Moments(self._n_points, self._aleatoric)
        self._pass(moments)
        return moments

    @cached_property
    def _grid(self) -> CellGrid:
        grid = self._empty_grid()
        self._pass(grid)
        return grid

    def _empty_grid(self) -> CellGrid:
        moments = self._moments
        sd = np.sqrt(moments.aleatoric + moments.between)
        return CellGrid.around(moments.mean, sd, moments.smallest_sd)

    def forget(self) -> None:
        """Free the grid that quantiles are read from, several KiB a point."""
        self.__dict__.pop("_grid", None)

    def mean(self) -> Array:
        return self._moments.mean

    def variance_parts(self) -> tuple[Array, Array]:
        return self._moments.aleatoric, self._moments.between

    def standard_errors(self) -> tuple[Array, Array]:
        """Return Monte-Carlo standard errors of the first two moments.

        Returns
        -------
        mean, sd : array of shape (n,)
            Standard errors of the mean and of the total sd, in target units.
        """
        aleatoric, between = self.variance_parts()
        errors = MomentErrors(self.mean(), aleatoric + between, self.group)
        self._pass(errors)
        return errors.value

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
            in_block = (component >= start) & (component < start + len(means))
            row = np.where(in_block, component - start, 0)
            value = means[row, column] + np.broadcast_to(sds, means.shape)[row, column] * noise
            drawn = np.where(in_block, value, drawn)
            start += len(means)
        return drawn

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        return self.evaluate_draws(y, levels)[0]

    def evaluate_draws(self, y: Array, levels: Array) -> tuple[Evaluation, Array]:
        """Evaluate the mixture, and each draw against it.

        Parameters
        ----------
        y : array of shape (n,)
            Observed targets.
        levels : array of shape (k,)
            Levels of the quantiles, in (0, 1).

        Returns
        -------
        evaluation : Evaluation
            As of `evaluate`.
        ratios : array of shape (S,)
            The mean over points of p_s(y) / p(y) for every draw s.
        """
        moments = Moments(self._n_points, self._aleatoric)
        density, cumulative = LogDensity(y[None]), Cumulative(y[None])
        self._pass(moments, density, cumulative)
        self.__dict__["_moments"] = moments
        logpdf = density.value[0]
        grid, error = self._empty_grid(), ScoreError(y, logpdf)
        self._pass(grid, error)
        self.__dict__["_grid"] = grid
        evaluation = Evaluation(
            mean=moments.mean,
            aleatoric=moments.aleatoric,
            between=moments.between,
            logpdf=logpdf,
            cdf=cumulative.value[0],
            crps=grid.crps(y),
            quantiles=grid.quantile(levels),
            smallest_sd=moments.smallest_sd,
            nll_error=score_error(error.ratios, self.group) if self.sampled else 0.0,
            crps_error=grid.crps_error,
        )
        return evaluation, error.ratios


def mixture(
    blocks: Blocks,
    n_points: int,
    n_components: int,
    sampled: bool,
    aleatoric: float | None = None,
    group: int = 1,
) -> Predictive:
    """Return a mixture that is held in memory up to 200 components.

    Parameters
    ----------
    blocks : callable
        As of `StreamedMixture`.
    n_points : int
        Number n of inputs.
    n_components : int
        Number S of components.
    sampled : bool
        Whether the components are draws: see `GaussianMixture`.
    aleatoric : float, optional
        The noise's part of the squared sds: see `GaussianMixture`.
    group : int, default=1
        Size of groups of draws that depend on each other.

    Returns
    -------
    GaussianMixture or StreamedMixture
        The mixture, streamed where it has more components.
    """
    if n_components > EXACT_COMPONENTS:
        return StreamedMixture(blocks, n_points, n_components, sampled, aleatoric, group)
    means, sds = zip(*blocks(), strict=True)
    whole = [np.broadcast_to(v, m.shape) for m, v in zip(means, sds, strict=True)]
    held = sds[0] if len(sds) == 1 else np.concatenate(whole)
    return GaussianMixture(np.concatenate(means), held, sampled, aleatoric, group)
