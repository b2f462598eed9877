"""Forecasts of new rows, as a sentence for each."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import floor, inf, isfinite, log10
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from howrobust.analysis.new_rows.seen import Place
from howrobust.distributions.arrays import Array
from howrobust.distributions.intervals import IntervalForecast
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput, printable

if TYPE_CHECKING:
    import pandas as pd

_SHOWN_ROWS = 30
_LEVEL = 0.95


@dataclass(frozen=True, repr=False)
class NewRows:
    """Forecasts of m new rows; printed, a sentence for each.

    A sentence is "80 give or take 45 (95 %: 32 to 190)": the mean, the sd and the central 95 %
    interval, rounded to two digits of the sd; then what is outside of the rows that the model has
    learnt. Of an `IntervalForecast` it is the interval of the level that is stated.

    Parameters
    ----------
    distribution : Predictive
        p(y | x) at each row.
    places : tuple of Place
        Where each row lies beside the training rows.
    index : tuple of hashable
        Label of each row: that of the data frame, or its number.
    least_target : float, default -inf
        Least target of the training rows: where it is not negative, a limit below 0 is said to be.
    """

    distribution: Predictive
    places: tuple[Place, ...]
    index: tuple[Hashable, ...]
    least_target: float = -inf

    def mean(self) -> Array:
        """Return the mean of each row.

        Returns
        -------
        array of shape (m,)
            The means, in target units.
        """
        return self.distribution.mean()

    def sd(self) -> Array:
        """Return the standard deviation of each row.

        Returns
        -------
        array of shape (m,)
            The sds, in target units.
        """
        aleatoric, between = self.distribution.variance_parts()
        return np.sqrt(aleatoric + between)

    def interval(self, level: float = _LEVEL) -> tuple[Array, Array]:
        """Return the central interval of each row.

        Parameters
        ----------
        level : float, default 0.95
            Probability of the interval, between 0 and 1.

        Returns
        -------
        lower, upper : array of shape (m,)
            Limits of the intervals, in target units.

        Raises
        ------
        ValueError
            For a level that is not between 0 and 1.
        """
        return self.distribution.interval(level)

    def quantile(self, levels: ArrayLike) -> Array:
        """Return quantiles of each row.

        Parameters
        ----------
        levels : float or array of shape (k,)
            Levels in (0, 1).

        Returns
        -------
        array of shape (k, m)
            The quantiles, in target units.
        """
        return self.distribution.quantile(levels)

    @property
    def outside(self) -> tuple[tuple[str, ...], ...]:
        """What of each row is outside of the training rows, in clauses; none for a row inside."""
        return tuple(tuple(place.clauses) for place in self.places)

    def to_frame(self, level: float = _LEVEL) -> "pd.DataFrame":
        """Return the forecasts as a table, with the index of the rows that were given.

        Parameters
        ----------
        level : float, default 0.95
            Probability of the interval.

        Returns
        -------
        DataFrame
            Columns mean, sd, lower and upper in target units, NaN where the distribution does not
            state it; ``outside``, the clauses; and ``distance``, that to the nearest training row
            in units of the distance within which 99 % of the training rows have another one.
        """
        import pandas as pd

        stated = self._stated(level)
        distances = np.array([place.distance for place in self.places])
        limits = np.array([place.limit for place in self.places])
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.where(distances > 0, distances / limits, distances)
        return pd.DataFrame({
            **dict(zip(("mean", "sd", "lower", "upper"), stated, strict=True)),
            "outside": ["; ".join(clauses) for clauses in self.outside],
            "distance": relative,
        }, index=list(self.index))  # fmt: skip

    def lines(self) -> list[str]:
        """Return the sentence of each row.

        Returns
        -------
        list of str
            m sentences, without the labels of the rows.
        """
        stated = self.distribution
        level = stated.level if isinstance(stated, IntervalForecast) else _LEVEL
        rows = zip(*self._stated(level), self.outside, strict=True)
        return [
            "; ".join([sentence(mean, sd, low, high, level), *self._below_zero(low), *outside])
            for mean, sd, low, high, outside in rows
        ]

    def _below_zero(self, lower: float) -> list[str]:
        """The clause of a limit that is negative though no training target was."""
        return ["below 0, where no target was"] if lower < 0 <= self.least_target else []

    def _stated(self, level: float) -> tuple[Array, Array, Array, Array]:
        """Mean, sd and limits, each NaN where the distribution does not state it."""
        absent = np.full(len(self.places), np.nan)

        def stated(value: Callable[[], Array]) -> Array:
            try:
                return value()
            except BadInput:
                return absent

        limits = [stated(lambda k=k: self.interval(level)[k]) for k in (0, 1)]  # type: ignore[misc]
        return stated(self.mean), stated(self.sd), limits[0], limits[1]

    def __len__(self) -> int:
        return len(self.places)

    def __str__(self) -> str:
        labels = [printable(str(label)) for label in self.index[:_SHOWN_ROWS]]
        width = max(map(len, labels), default=0)
        pairs = zip(labels, self.lines(), strict=False)
        shown = [f"{label:>{width}}  {line}" for label, line in pairs]
        more = len(self) - len(shown)
        return "\n".join([*shown, *([f"and {more} rows more: see to_frame()"] if more else [])])

    __repr__ = __str__


def sentence(mean: float, sd: float, lower: float, upper: float, level: float = _LEVEL) -> str:
    """Return one forecast as a sentence; NaN stands for what is not stated.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation.
    lower, upper : float
        Limits of the central interval.
    level : float, default 0.95
        Probability of the interval.

    Returns
    -------
    str
        Such as "80 give or take 45 (95 %: 32 to 190)", all to the second digit of the sd.

    Examples
    --------
    >>> sentence(80.31, 45.4, 32.4, 187.0)
    '80 give or take 45 (95 %: 32 to 187)'
    >>> sentence(float("nan"), float("nan"), 32.4, 187.0)
    '32 to 187 (95 %)'
    """
    spread = sd if isfinite(sd) else (upper - lower) / 4
    decimals = 1 - floor(log10(spread)) if isfinite(spread) and spread > 0 else 4
    point, give_or_take, low, high = (
        _rounded(number, decimals) for number in (mean, sd, lower, upper)
    )
    if isfinite(mean) and isfinite(sd):
        point = f"{point} give or take {give_or_take}"
    share = f"{100 * level:g} %"
    limits = "" if np.isnan(lower) else f"{share}: {low} to {high}"
    if np.isnan(mean):
        return f"{low} to {high} ({share})" if limits else "nothing is stated"
    return f"{point} ({limits})" if limits else point


def _rounded(number: float, decimals: int) -> str:
    """Return a number rounded to a decimal, to tens where it is -1; long ones as 1.23e9."""
    if not isfinite(number):
        return str(number)
    text = f"{round(number, decimals) + 0.0:.{max(decimals, 0)}f}"  # no minus zero
    if len(text) <= 12:
        return text
    digits = max(floor(log10(abs(number))) + decimals, 0) if number else 0
    mantissa, _, exponent = f"{number:.{digits}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"
