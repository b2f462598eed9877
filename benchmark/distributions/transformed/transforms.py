"""Transforms of a target that make its residuals nearly normal."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from howrobust.distributions.arrays import Array

LARGEST = 1e150  # of a target: squares of larger ones overflow
_LARGEST_LOG = float(np.log(LARGEST))


class TargetTransform(ABC):
    """A smooth, increasing map z = g(y) of targets y, and its inverse y = h(z).

    Laws: ``inverse(forward(y))`` is y within the domain, and ``log_slope`` is log g'(y). Values of
    ``inverse`` are within the domain and finite: they end at 1e150, beyond any target, and where
    targets are above 0 at 1e-150.
    """

    @abstractmethod
    def forward(self, y: ArrayLike) -> Array:
        """Transform targets.

        Parameters
        ----------
        y : array of any shape
            Targets.

        Returns
        -------
        array of the same shape
            g(y); -inf or inf outside the domain.
        """

    @abstractmethod
    def inverse(self, z: ArrayLike) -> Array:
        """Return the targets of transformed ones.

        Parameters
        ----------
        z : array of any shape
            Transformed targets.

        Returns
        -------
        array of the same shape
            h(z), in target units.
        """

    @abstractmethod
    def log_slope(self, y: ArrayLike) -> Array:
        """Return the logarithm of the slope of g.

        Parameters
        ----------
        y : array of any shape
            Targets within the domain.

        Returns
        -------
        array of the same shape
            log g'(y).
        """

    @abstractmethod
    def facts(self) -> dict[str, float | list[float]]:
        """Return what reports show of the transform.

        Returns
        -------
        dict of str to float
            Its numbers by name.
        """

    def inverse_slope(self, z: Array) -> Array:
        """Return the slope of h.

        Parameters
        ----------
        z : array of any shape
            Transformed targets.

        Returns
        -------
        array of the same shape
            h'(z) = 1 / g'(h(z)).
        """
        return np.asarray(np.exp(-self.log_slope(self.inverse(z))), dtype=np.float64)


@dataclass(frozen=True)
class Log(TargetTransform):
    """The natural logarithm, for targets above 0: z = log y."""

    def forward(self, y: ArrayLike) -> Array:
        given = np.asarray(y, dtype=np.float64)
        positive = given > 0
        return np.where(positive, np.log(np.where(positive, given, 1.0)), -np.inf)

    def inverse(self, z: ArrayLike) -> Array:
        return np.exp(np.clip(np.asarray(z, dtype=np.float64), -_LARGEST_LOG, _LARGEST_LOG))

    def log_slope(self, y: ArrayLike) -> Array:
        return np.asarray(-np.log(np.asarray(y, dtype=np.float64)), dtype=np.float64)

    def facts(self) -> dict[str, float | list[float]]:
        return {"target_log": 1.0}


@dataclass(frozen=True)
class YeoJohnson(TargetTransform):
    """The power transform of Yeo & Johnson of targets in units of their sd.

    Parameters
    ----------
    exponent : float
        The parameter lambda, in [0, 2], where the transform maps the line onto itself; 1 changes
        nothing but the unit.
    scale : float
        Sd of the training targets, in target units.

    Notes
    -----
    Yeo & Johnson 2000, eq. 2.1, of x = y / scale: z = ((x + 1)^lambda - 1) / lambda for x >= 0, and
    z = -((1 - x)^(2 - lambda) - 1) / (2 - lambda) for x < 0; logarithms at lambda 0 and 2. Both are
    expm1(power log1p(|x|)) / power here, which loses no digits at small powers.
    """

    exponent: float
    scale: float

    def forward(self, y: ArrayLike) -> Array:
        x = np.asarray(y, dtype=np.float64) / self.scale
        grown = np.log1p(np.abs(x))
        up, down = _power(grown, self.exponent), _power(grown, 2 - self.exponent)
        return np.where(x >= 0, up, -down)

    def inverse(self, z: ArrayLike) -> Array:
        given = np.asarray(z, dtype=np.float64)
        size = np.abs(given)
        most = np.log1p(LARGEST / self.scale)
        up, down = _log_root(size, self.exponent), _log_root(size, 2 - self.exponent)
        grown = np.expm1(np.minimum(np.where(given >= 0, up, down), most))
        return np.asarray(np.sign(given) * grown * self.scale, dtype=np.float64)

    def log_slope(self, y: ArrayLike) -> Array:
        x = np.asarray(y, dtype=np.float64) / self.scale
        # lambda - 1 above 0, and (2 - lambda) - 1 below
        power = np.where(x >= 0, self.exponent - 1, 1 - self.exponent)
        return np.asarray(power * np.log1p(np.abs(x)) - np.log(self.scale), dtype=np.float64)

    def facts(self) -> dict[str, float | list[float]]:
        return {"target_lambda": self.exponent}


def _power(log: Array, power: float) -> Array:
    """(e^(power log) - 1) / power."""
    if power == 0:
        return log
    with np.errstate(over="ignore"):
        return np.asarray(np.expm1(power * log) / power, dtype=np.float64)


def _log_root(z: Array, power: float) -> Array:
    """log (1 + power z)^(1 / power): the inverse of `_power`."""
    return z if power == 0 else np.asarray(np.log1p(power * z) / power, dtype=np.float64)
