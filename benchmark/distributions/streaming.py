"""Mixtures that are never held: redrawn from their seed, block by block, at every pass.

`StreamedMixture` bounds memory in the number of draws, `Joined` in the number of points.
"""

from collections.abc import Callable, Iterator, Sequence
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
from howrobust.distributions.predictive import (
    EXACT_COMPONENTS,
    Array,
    Evaluation,
    GaussianMixture,
    Predictive,
)
from howrobust.distributions.quadrature import CellGrid

Blocks = Callable[[], Iterator[tuple[Array, Array]]]


class StreamedMixture(Predictive):
    """A mixture whose components are redrawn from their seed at every pass, block by block.

    ``blocks()`` yields (means (s, n), sds (s, n) | (n,) | scalar) and yields the same numbers each
    time it is called: S = sum of s. Memory is that of one block (law 3). Mean, variances, logpdf
    and cdf at y come from one pass; quantiles and the continuous ranked probability score from a
    second, on a grid of cells with a stated error bound (see `howrobust.distributions.quadrature`).
    ``sampled``, ``aleatoric`` and ``group`` as in `GaussianMixture`.
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

    def _pass(self, *accumulators: Accumulator) -> None:
        """Redraw every block once and hand it to each accumulator."""
        for means, sds in self._blocks():
            spread = np.broadcast_to(sds, means.shape)
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
        found = self._moments
        sd = np.sqrt(found.aleatoric + found.between)
        return CellGrid.around(found.mean, sd, found.smallest_sd)

    def forget(self) -> None:
        """Drop the grid, several KiB a point, that quantiles left behind."""
        self.__dict__.pop("_grid", None)

    def mean(self) -> Array:
        return self._moments.mean

    def variance_parts(self) -> tuple[Array, Array]:
        return self._moments.aleatoric, self._moments.between

    def standard_errors(self) -> tuple[Array, Array]:
        """Monte-Carlo standard errors (n,) of the mean and of the total sd."""
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
            here = (component >= start) & (component < start + len(means))
            row = np.where(here, component - start, 0)
            value = means[row, column] + np.broadcast_to(sds, means.shape)[row, column] * noise
            drawn = np.where(here, value, drawn)
            start += len(means)
        return drawn

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        return self.evaluate_draws(y, levels)[0]

    def evaluate_draws(self, y: Array, levels: Array) -> tuple[Evaluation, Array]:
        """`evaluate`, and the mean over points of p_s(y) / p(y) for every draw s (S,)."""
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


class Joined(Predictive):
    """The same draws at several runs of points, one after the other: memory is that of one run."""

    def __init__(self, parts: Sequence[StreamedMixture], sizes: Sequence[int]) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *sizes])

    @property
    def n_components(self) -> int:
        return self._parts[0].n_components

    def _cut(self, y: ArrayLike) -> list[Array]:
        """Y (..., n) as one array per run of points."""
        return np.split(np.asarray(y, dtype=np.float64), self._starts[1:-1], axis=-1)

    def mean(self) -> Array:
        return np.concatenate([part.mean() for part in self._parts])

    def variance_parts(self) -> tuple[Array, Array]:
        pairs = [part.variance_parts() for part in self._parts]
        return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])

    def standard_errors(self) -> tuple[Array, Array]:
        """Monte-Carlo standard errors (n,) of the mean and of the total sd."""
        pairs = [part.standard_errors() for part in self._parts]
        return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])

    def logpdf(self, y: ArrayLike) -> Array:
        each = zip(self._parts, self._cut(y), strict=True)
        return np.concatenate([part.logpdf(own) for part, own in each], axis=-1)

    def cdf(self, y: ArrayLike) -> Array:
        each = zip(self._parts, self._cut(y), strict=True)
        return np.concatenate([part.cdf(own) for part, own in each], axis=-1)

    def quantile(self, levels: ArrayLike) -> Array:
        found = []
        for part in self._parts:
            found.append(part.quantile(levels))
            part.forget()
        return np.concatenate(found, axis=-1)

    def sample(self, size: int, seed: int) -> Array:
        seeded = [seeds.derive(seed, "points", k) for k in range(len(self._parts))]
        drawn = [part.sample(size, own) for part, own in zip(self._parts, seeded, strict=True)]
        return np.concatenate(drawn, axis=-1)

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        first, evaluations = self._parts[0], []
        ratios = np.zeros(self.n_components)
        for part, own in zip(self._parts, self._cut(y), strict=True):
            evaluation, of_part = part.evaluate_draws(own, levels)
            part.forget()
            evaluations.append(evaluation)
            ratios += len(own) / self._starts[-1] * of_part

        def join(name: str) -> Array:
            return np.concatenate([getattr(e, name) for e in evaluations], axis=-1)

        arrays = ("mean", "aleatoric", "between", "logpdf", "cdf", "crps", "quantiles")
        return Evaluation(
            **{name: join(name) for name in (*arrays, "smallest_sd")},
            nll_error=score_error(ratios, first.group) if first.sampled else 0.0,
            crps_error=max(e.crps_error for e in evaluations),
        )


def mixture(
    blocks: Blocks,
    n_points: int,
    n_components: int,
    sampled: bool,
    aleatoric: float | None = None,
    group: int = 1,
) -> Predictive:
    """Hold up to 200 components in memory; stream more. See `GaussianMixture`."""
    if n_components > EXACT_COMPONENTS:
        return StreamedMixture(blocks, n_points, n_components, sampled, aleatoric, group)
    means, sds = zip(*blocks(), strict=True)
    whole = [np.broadcast_to(v, m.shape) for m, v in zip(means, sds, strict=True)]
    held = sds[0] if len(sds) == 1 else np.concatenate(whole)
    return GaussianMixture(np.concatenate(means), held, sampled, aleatoric, group)
