"""Distributions of which a model states quantiles."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howrobust import seeds
from howrobust.distributions.arrays import Array, statement, targets
from howrobust.distributions.forecast import (
    LEVEL_ROUNDING,
    NO_DENSITY_FIELDS,
    NO_SD_FIELDS,
    Forecast,
    NotStated,
    listed,
)
from howrobust.distributions.predictive import Predictive, quantile_loss
from howrobust.errors import BadInput

_NO_DENSITY = "quantiles have no density"
_NO_SD = "the model states quantiles, and no standard deviation"
_NO_CDF = "the model states quantiles, and F(y) beyond the outermost of them is not known"


class QuantileForecast(Predictive):
    """Quantiles at k levels, as quantile regression states them.

    Parameters
    ----------
    levels : array of shape (k,)
        Levels in (0, 1), each once.
    values : array of shape (k, n)
        Quantiles at those levels at n inputs, in target units.
    mean : array of shape (n,), optional
        The point forecast that the model states beside its quantiles, in target units; by default
        the mean of the stated distribution function.

    Raises
    ------
    BadInput
        For other shapes, levels that are not between 0 and 1 or not distinct, and values that are
        not finite.

    Notes
    -----
    The distribution function F rises linearly from one stated quantile to the next. No mass is
    invented outside: that of each tail is a point mass at the outermost quantile. The continuous
    ranked probability score is the exact integral for this F, and the mean is that of this F unless
    the model states one. Quantiles that cross are sorted, and counted in the metric
    ``quantile_crossings``.

    Coverage, widths and interval scores are those of stated levels, and pinball is averaged over
    the stated levels. Quantiles have no density and no sd, and F(y) beyond the outermost of them
    is not known: all that needs these is undefined.

    Examples
    --------
    >>> forecast = QuantileForecast([0.05, 0.5, 0.95], [[-1.6], [0.0], [1.6]])
    >>> forecast.interval(0.9), forecast.cdf([0.8])
    ((array([-1.6]), array([1.6])), array([0.725]))
    """

    def __init__(self, levels: ArrayLike, values: ArrayLike, mean: ArrayLike | None = None) -> None:
        given = np.atleast_1d(np.asarray(levels, dtype=np.float64))
        order = np.argsort(given)
        self.levels = given[order]
        if given.ndim != 1 or not ((self.levels > 0) & (self.levels < 1)).all():
            raise BadInput("the levels of quantiles must be numbers between 0 and 1")
        if (np.diff(self.levels) < LEVEL_ROUNDING).any():
            raise BadInput("each level of quantiles must be given once")
        stated = statement("the values of quantiles", values, 2)
        if len(stated) != len(given):
            turned = "; give values.T" if stated.shape[1] == len(given) else ""
            raise BadInput(
                f"the values of {len(given)} quantiles must be ({len(given)}, n), not "
                f"{stated.shape}{turned}"
            )
        stated = stated[order]
        self.crossings: NDArray[np.int64] = (np.diff(stated, axis=0) < 0).sum(axis=0)
        self.values = np.sort(stated, axis=0)
        self._mean = None if mean is None else statement("mean", mean, 1, stated.shape[1])

    @property
    def n_components(self) -> int:
        return 1

    def mean(self) -> Array:
        if self._mean is not None:
            return self._mean
        steps = np.diff(self.levels)[:, None]
        inner = (steps * (self.values[1:] + self.values[:-1]) / 2).sum(axis=0)
        tails = self.levels[0] * self.values[0] + (1 - self.levels[-1]) * self.values[-1]
        return np.asarray(inner + tails, dtype=np.float64)

    def variance_parts(self) -> tuple[Array, Array]:
        raise NotStated(_NO_SD)

    def logpdf(self, y: ArrayLike) -> Array:
        raise NotStated(_NO_DENSITY)

    def cdf(self, y: ArrayLike) -> Array:
        y = np.asarray(y, dtype=np.float64)
        F = np.where(y >= self.values[0], self.levels[0], 0.0)
        for lower, upper, a, b in self._cells():
            inside = np.clip(y, lower, upper) - lower
            F = np.where(y >= lower, a + (b - a) * _ratio(inside, upper - lower, 1.0), F)
        return np.where(y >= self.values[-1], 1.0, F)

    def quantile(self, levels: ArrayLike) -> Array:
        rows = []
        for level in np.atleast_1d(np.asarray(levels, dtype=np.float64)):
            (place,) = np.nonzero(np.abs(self.levels - level) < LEVEL_ROUNDING)
            if not len(place):
                raise NotStated(f"{self._stated}, not that at {level:g}")
            rows.append(self.values[place[0]])
        return np.stack(rows)

    def sample(self, size: int, seed: int) -> Array:
        uniform = seeds.generator(seed, "quantile sample").random((size, self.values.shape[1]))
        drawn = np.broadcast_to(self.values[0], uniform.shape).copy()
        for lower, upper, a, b in self._cells():
            share = np.clip((uniform - a) / (b - a), 0.0, 1.0)
            drawn = np.where(uniform > a, lower + share * (upper - lower), drawn)
        return drawn

    def forecast(
        self, y: ArrayLike, step: float = 0.0, truth: Predictive | None = None, seed: int = 0
    ) -> Forecast:
        points = targets(y, self.values.shape[1])
        missing = {
            **dict.fromkeys(NO_DENSITY_FIELDS, _NO_DENSITY),
            **dict.fromkeys(NO_SD_FIELDS, _NO_SD),
            **dict.fromkeys(("cdf", "pit"), _NO_CDF),
            "quantiles": self._stated,
        }
        return Forecast.partial(
            len(points),
            missing,
            mean=self.mean(),
            crps=self._crps(points),
            pinball=quantile_loss(points, self.values, self.levels).mean(axis=0),
            quantiles=self.values,
            levels=tuple(float(level) for level in self.levels),
            crossings=self.crossings,
            step=step,
        )

    @property
    def _stated(self) -> str:
        plural = "s" if len(self.levels) > 1 else ""
        return f"the model states the quantile{plural} at {listed(self.levels)}"

    def _cells(self) -> list[tuple[Array, Array, float, float]]:
        """Ends (n,) of the cells between neighbouring quantiles, and F at both."""
        below, above = self.levels[:-1].tolist(), self.levels[1:].tolist()
        return list(zip(self.values[:-1], self.values[1:], below, above, strict=True))

    def _crps(self, y: Array) -> Array:
        """The integral of (F(t) - 1{y <= t})^2 (n,): F is linear on each cell, cut at y."""
        first, last = self.values[0], self.values[-1]
        total = np.maximum(first - y, 0) + np.maximum(y - last, 0)
        for lower, upper, a, b in self._cells():
            cut = np.clip(y, lower, upper)
            F = a + (b - a) * _ratio(cut - lower, upper - lower, 0.0)
            total += (cut - lower) * (a * a + a * F + F * F) / 3
            total += (upper - cut) * ((1 - F) ** 2 + (1 - F) * (1 - b) + (1 - b) ** 2) / 3
        return total


def _ratio(part: Array, whole: Array, otherwise: float) -> Array:
    """part / whole (n,), or another value where the whole is 0."""
    ratio = np.where(whole == 0, otherwise, part / np.where(whole == 0, 1.0, whole))
    return np.asarray(ratio, dtype=np.float64)
