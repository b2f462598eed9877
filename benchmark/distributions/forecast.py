"""The summary of a predictive distribution that is stored and that metrics see."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

STORED_LEVELS = (0.0015, 0.005, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 0.995, 0.9985)
LEVEL_ROUNDING = 1e-9  # levels closer than this are one
NO_DENSITY_FIELDS = ("logpdf", "nll_error", "logpdf_rounded", "kl")
NO_SD_FIELDS = ("aleatoric", "between", "smallest_sd")


class NotStated(BadInput):
    """A part of a predictive distribution that its form cannot give.

    The message is the reason. A metric that needs the part is undefined for this reason.
    """


def listed(levels: Iterable[float]) -> str:
    """Return levels in words.

    Parameters
    ----------
    levels : iterable of float
        Levels, in (0, 1).

    Returns
    -------
    str
        All of them, or the first and the last two with ... between where there are more than six.
    """
    words = [f"{level:g}" for level in levels]
    shown = words if len(words) <= 6 else [*words[:2], "...", *words[-2:]]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


@dataclass(frozen=True)
class Forecast:
    """The summary of a predictive distribution at n test points.

    Metrics see nothing else. Where an optional array does not apply, it is empty. Where the form of
    the distribution cannot give a field, ``missing`` says why, and reading the field raises
    `NotStated` with that reason.

    Parameters
    ----------
    mean : array of shape (n,)
        Mean, in target units.
    aleatoric : array of shape (n,)
        Variance within components: mean_s v^2 for component sds v, or the noise's part of it.
    between : array of shape (n,)
        Variance between components: var_s m with ddof 0 for component means m.
    logpdf : array of shape (n,)
        Log density at the observed y, nats.
    cdf : array of shape (n,)
        F(y).
    crps : array of shape (n,)
        Continuous ranked probability score, in target units.
    pinball : array of shape (n,)
        Quantile loss averaged over the levels .01 to .99, in target units; over the levels that a
        model states, where it states quantiles.
    quantiles : array of shape (len(levels), n)
        Quantiles at ``levels``, in target units.
    smallest_sd : array of shape (n,)
        The least component sd, in target units.
    pit : array of shape (n,)
        Probability integral transform: F(y), randomised for a discrete target.
    n_components : int, default=1
        Number of components.
    nll_error : float, default=0.0
        Monte-Carlo standard error of the mean of -logpdf; 0 where the components are the model.
    crps_error : float, default=0.0
        Bound of the error that quadrature makes in ``crps``, in target units.
    step : float, default=0.0
        Spacing of a discrete target, in target units; 0 for a continuous one.
    logpdf_rounded : array of shape (n,), optional
        log([F(y + d/2) - F(y - d/2)] / d) for a target that is discrete with step d.
    kl : array of shape (n,), optional
        KL(truth || forecast), nats, where the true distribution is known.
    groups : array of int of shape (g, n), optional
        Labels of g groupings of the points, for worst-group coverage.
    variants : int, default=1
        The n points are this many variants of the test rows, one after the other, as a stress
        made them; 1 for clean rows.
    levels : tuple of float, default=STORED_LEVELS
        Levels of ``quantiles``, ascending.
    crossings : array of int of shape (n,), optional
        Number of neighbours among the quantiles that a model states that are out of order.
    missing : dict of str to str, optional
        Reasons by the name of what the form cannot give: a field, or a metric for which the fields
        would not do. That of "quantiles" is about the levels that are not in ``levels``.
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
    # Factories: a default in the class would be read where the field is missing.
    nll_error: float = field(default_factory=float)
    crps_error: float = field(default_factory=float)
    step: float = 0.0
    logpdf_rounded: Array = field(default_factory=lambda: np.empty(0))
    kl: Array = field(default_factory=lambda: np.empty(0))
    groups: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    variants: int = 1
    levels: tuple[float, ...] = STORED_LEVELS
    crossings: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    missing: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.missing.keys() - {"quantiles"}:
            self.__dict__.pop(name, None)  # so that reading it comes to __getattr__

    if not TYPE_CHECKING:  # a checker would take any attribute for one of a Forecast

        def __getattr__(self, name: str) -> Any:
            missing = self.__dict__.get("missing", {})
            if name in missing:
                raise NotStated(missing[name])
            raise AttributeError(f"a Forecast has no attribute {name!r}")

    @classmethod
    def partial(cls, n: int, missing: dict[str, str], **given: Any) -> Self:
        """Return the forecast of a form that cannot give every field.

        Parameters
        ----------
        n : int
            Number of points.
        missing : dict of str to str
            Reasons by field.
        **given : object
            The other fields.

        Returns
        -------
        Forecast
            The forecast.
        """
        blank = np.empty((0, n))
        empty = {name: blank for name in missing if name in cls.__dataclass_fields__}
        return cls(**{**empty, **given}, missing=missing)

    def replaced(self, **changes: Any) -> Self:
        """Return a copy with other values of some fields.

        Parameters
        ----------
        **changes : object
            New values by field.

        Returns
        -------
        Forecast
            The copy; what was missing still is.
        """
        blank = np.empty((0, 0))
        kept = {name: self.__dict__.get(name, blank) for name in self.__dataclass_fields__}
        return type(self)(**{**kept, **changes})

    @property
    def n(self) -> int:
        """Number of points."""
        return int(self.quantiles.shape[-1])

    @property
    def variance(self) -> Array:
        """Total variance (n,): the aleatoric plus the between part."""
        return np.asarray(self.aleatoric + self.between, dtype=np.float64)

    @property
    def sd(self) -> Array:
        """Root of the total variance (n,), in target units."""
        return np.asarray(np.sqrt(self.variance), dtype=np.float64)

    def quantile(self, level: float) -> Array:
        """Return a stored quantile.

        Parameters
        ----------
        level : float
            One of ``levels``.

        Returns
        -------
        array of shape (n,)
            The quantile at each point, in target units.

        Raises
        ------
        NotStated
            If the form of the distribution does not have the level.
        ValueError
            If the level is not stored.
        """
        for place, stored in enumerate(self.levels):
            if abs(stored - level) < LEVEL_ROUNDING:
                return np.asarray(self.quantiles[place], dtype=np.float64)
        if "quantiles" in self.missing:
            raise NotStated(f"{self.missing['quantiles']}, not that at {level:g}")
        raise ValueError(f"the quantile at {level:g} is not stored")

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the stored central interval.

        Parameters
        ----------
        level : float
            Probability of the interval, between 0 and 1.

        Returns
        -------
        lower, upper : array of shape (n,)
            The quantiles at (1 - level) / 2 and (1 + level) / 2, in target units.

        Raises
        ------
        NotStated
            If the form of the distribution does not have the levels.
        """
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def inside(self, y: Array, level: float) -> NDArray[np.bool_]:
        """Return which targets are inside their central interval.

        Parameters
        ----------
        y : array of shape (n,)
            Observed targets.
        level : float
            Probability of the interval, between 0 and 1.

        Returns
        -------
        array of bool of shape (n,)
            Whether |2 F(y) - 1| <= level, or whether y is between the ends of the interval where
            F is not stated everywhere; the ends count as inside.

        Raises
        ------
        NotStated
            If the form of the distribution has neither F nor the interval.
        """
        if "cdf" not in self.missing:
            return np.asarray(np.abs(2 * self.cdf - 1) <= level)
        lower, upper = self.interval(level)
        return (lower <= y) & (y <= upper)
