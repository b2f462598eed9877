"""The same mixture at several parts of the points: memory is that of one part."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from howrobust import seeds
from howrobust.distributions.accumulators import score_error
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import CompletePredictive, Evaluation
from howrobust.distributions.streaming import StreamedMixture


class Joined(CompletePredictive):
    """The same draws at several parts of the points, one part after the other.

    Parameters
    ----------
    parts : sequence of StreamedMixture
        The mixture at each part of the points, of the same draws.
    sizes : sequence of int
        Number of points of each part.
    """

    def __init__(self, parts: Sequence[StreamedMixture], sizes: Sequence[int]) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *sizes])

    @property
    def n_components(self) -> int:
        return self._parts[0].n_components

    @property
    def parts(self) -> Sequence[StreamedMixture]:
        """The mixture at each part of the points."""
        return self._parts

    def _cut(self, y: ArrayLike) -> list[Array]:
        """Cut y (..., n) into one array per part of the points."""
        return np.split(np.asarray(y, dtype=np.float64), self._starts[1:-1], axis=-1)

    def mean(self) -> Array:
        return np.concatenate([part.mean() for part in self._parts])

    def variance_parts(self) -> tuple[Array, Array]:
        pairs = [part.variance_parts() for part in self._parts]
        return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])

    def standard_errors(self) -> tuple[Array, Array]:
        """Return Monte-Carlo standard errors of the first two moments.

        Returns
        -------
        mean, sd : array of shape (n,)
            Standard errors of the mean and of the total sd, in target units.
        """
        pairs = [part.standard_errors() for part in self._parts]
        return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])

    def logpdf(self, y: ArrayLike) -> Array:
        each = zip(self._parts, self._cut(y), strict=True)
        return np.concatenate([part.logpdf(points) for part, points in each], axis=-1)

    def cdf(self, y: ArrayLike) -> Array:
        each = zip(self._parts, self._cut(y), strict=True)
        return np.concatenate([part.cdf(points) for part, points in each], axis=-1)

    def near_cdf(self, y: Array) -> Array:
        """Return the distribution function, interpolated on the grids of the quantiles.

        Parameters
        ----------
        y : array of shape (k, n)
            Points, in target units.

        Returns
        -------
        array of shape (k, n)
            P(Y <= y | x).
        """
        values = []
        for part, points in zip(self._parts, self._cut(y), strict=True):
            values.append(part.near_cdf(points))
            part.forget()
        return np.concatenate(values, axis=-1)

    def quantile(self, levels: ArrayLike) -> Array:
        quantiles = []
        for part in self._parts:
            quantiles.append(part.quantile(levels))
            part.forget()
        return np.concatenate(quantiles, axis=-1)

    def sample(self, size: int, seed: int) -> Array:
        drawn = [
            part.sample(size, seeds.derive(seed, "points", k)) for k, part in enumerate(self._parts)
        ]
        return np.concatenate(drawn, axis=-1)

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        first, evaluations = self._parts[0], []
        ratios = np.zeros(self.n_components)
        for part, points in zip(self._parts, self._cut(y), strict=True):
            evaluation, ratios_of_part = part.evaluate_draws(points, levels)
            part.forget()
            evaluations.append(evaluation)
            ratios += len(points) / self._starts[-1] * ratios_of_part

        def join(name: str) -> Array:
            return np.concatenate([getattr(e, name) for e in evaluations], axis=-1)

        arrays = ("mean", "aleatoric", "between", "logpdf", "cdf", "crps", "quantiles")
        joined: dict[str, Any] = {name: join(name) for name in (*arrays, "smallest_sd")}
        return Evaluation(
            **joined,
            nll_error=score_error(ratios, first.group) if first.sampled else 0.0,
            crps_error=max(e.crps_error for e in evaluations),
        )
