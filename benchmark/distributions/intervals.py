"""Distributions of which a model states one interval."""

import numpy as np
from numpy.typing import ArrayLike

from howrobust.distributions.arrays import Array, statement, targets
from howrobust.distributions.forecast import (
    LEVEL_ROUNDING,
    NO_DENSITY_FIELDS,
    NO_SD_FIELDS,
    Forecast,
    NotStated,
)
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput

_NO_DENSITY = "an interval has no density"
_NO_SD = "the model states an interval, and no standard deviation"
_NO_CDF = "the model states an interval, and no distribution function"
_NO_MEAN = "the model states an interval, and no point forecast"
_NO_QUANTILES = "the model states an interval, and no other quantiles"


class IntervalForecast(Predictive):
    """One central interval, as conformal prediction states it.

    Parameters
    ----------
    lower, upper : array of shape (n,)
        Ends of the interval at n inputs, in target units; no lower end is above its upper end.
    level : float
        Probability that the model states for the interval, between 0 and 1.
    mean : array of shape (n,), optional
        The point forecast that the model states beside the interval, in target units.

    Raises
    ------
    BadInput
        For other shapes, values that are not finite, a level that is not between 0 and 1, and ends
        in the wrong order.

    Notes
    -----
    The coverage, the width and the interval score of its level are defined, and rmse, mae and r2
    where a point forecast is stated. The ends count as the quantiles at (1 - level) / 2 and
    (1 + level) / 2. Everything else is undefined.

    Examples
    --------
    >>> forecast = IntervalForecast([-1.0], [2.0], level=0.9)
    >>> forecast.interval(0.9)
    (array([-1.]), array([2.]))
    """

    def __init__(
        self, lower: ArrayLike, upper: ArrayLike, level: float, mean: ArrayLike | None = None
    ) -> None:
        self.lower = statement("lower", lower, 1)
        n = len(self.lower)
        self.upper = statement("upper", upper, 1, n)
        self.level = float(level)
        if not 0 < self.level < 1:
            raise BadInput(f"the level of an interval must be between 0 and 1, not {level}")
        crossed = np.flatnonzero(self.lower > self.upper)
        if crossed.size:
            raise BadInput(
                f"no lower end of an interval may be above its upper end; at input {crossed[0]} "
                "it is"
            )
        self._mean = None if mean is None else statement("mean", mean, 1, n)

    @property
    def n_components(self) -> int:
        return 1

    def mean(self) -> Array:
        if self._mean is None:
            raise NotStated(_NO_MEAN)
        return self._mean

    def variance_parts(self) -> tuple[Array, Array]:
        raise NotStated(_NO_SD)

    def logpdf(self, y: ArrayLike) -> Array:
        raise NotStated(_NO_DENSITY)

    def cdf(self, y: ArrayLike) -> Array:
        raise NotStated(_NO_CDF)

    def quantile(self, levels: ArrayLike) -> Array:
        rows = []
        for level in np.atleast_1d(np.asarray(levels, dtype=np.float64)):
            ends = dict(zip(self._levels, (self.lower, self.upper), strict=True))
            near = [end for stated, end in ends.items() if abs(stated - level) < LEVEL_ROUNDING]
            if not near:
                raise NotStated(f"{self._stated}, not the quantile at {level:g}")
            rows.append(near[0])
        return np.stack(rows)

    def sample(self, size: int, seed: int) -> Array:
        raise NotStated(_NO_CDF)

    def forecast(
        self, y: ArrayLike, step: float = 0.0, truth: Predictive | None = None, seed: int = 0
    ) -> Forecast:
        points = targets(y, len(self.lower))
        missing = {
            **dict.fromkeys(NO_DENSITY_FIELDS, _NO_DENSITY),
            **dict.fromkeys(NO_SD_FIELDS, _NO_SD),
            **dict.fromkeys(("cdf", "pit", "crps", "crps_error"), _NO_CDF),
            "pinball": _NO_QUANTILES,
            "quantiles": self._stated,
        }
        if self._mean is None:
            missing["mean"] = _NO_MEAN
        return Forecast.partial(
            len(points),
            missing,
            **({} if self._mean is None else {"mean": self._mean}),
            quantiles=np.stack([self.lower, self.upper]),
            levels=self._levels,
            step=step,
        )

    @property
    def _levels(self) -> tuple[float, float]:
        return (1 - self.level) / 2, (1 + self.level) / 2

    @property
    def _stated(self) -> str:
        return f"the model states the interval of {100 * self.level:g} %"
