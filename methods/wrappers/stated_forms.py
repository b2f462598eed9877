"""What models answer when asked for a distribution, as a `Predictive`."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from howrobust.distributions.arrays import Array
from howrobust.distributions.closed_form import Known, Normal, from_scipy
from howrobust.distributions.forecast import STORED_LEVELS
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.intervals import IntervalForecast
from howrobust.distributions.predictive import Predictive
from howrobust.distributions.quantiles import QuantileForecast

# Quantiles to ask for: those of the pinball loss, and the ends of the intervals that are scored.
LEVELS = np.union1d(np.arange(1, 100) / 100, STORED_LEVELS)
SMALLEST_SD = 1e-9  # of the sd of the training target: a stated sd of 0 has no density


def predictive_of(reply: Any, n: int, least_sd: float) -> Predictive:
    """Return a reply as a predictive distribution.

    Parameters
    ----------
    reply : Predictive, frozen scipy distribution, distribution of skpro, or (mean, sd)
        What a model answers for n rows; mean and sd of a Gaussian are arrays of shape (n,).
    n : int
        Number of rows.
    least_sd : float
        What a smaller sd of (mean, sd) is raised to, in target units.

    Returns
    -------
    Predictive
        The distribution at each row.

    Raises
    ------
    ValueError
        For any other reply, and for one of another number of rows or with bad numbers.
    """
    if isinstance(reply, Predictive):
        return reply
    if isinstance(reply, tuple) and len(reply) == 2:
        return gaussian(*reply, n=n, least_sd=least_sd)
    if _has(reply, "cdf", "ppf", "rvs", "interval"):
        known = from_scipy(reply)
        is_normal = getattr(getattr(reply, "dist", None), "name", "") == "norm"
        # In closed form where there is one: quadrature takes hundreds of times as long.
        return Normal(known.mean(), np.sqrt(known.variance_parts()[0])) if is_normal else known
    if _has(reply, "log_pdf", "cdf", "ppf", "mean", "var"):
        return Known(SkproDistribution(reply))
    raise ValueError(
        f"the model answered {type(reply).__name__} when asked for its distribution; it must be a "
        "Predictive of howrobust.distributions, a frozen distribution of scipy.stats with a "
        "density, or (mean, sd)"
    )


def gaussian(mean: ArrayLike, sd: ArrayLike, n: int, least_sd: float) -> Predictive:
    """Return Gaussians.

    Parameters
    ----------
    mean : array of shape (n,) or (n, 1)
        Means, in target units.
    sd : array of shape (n,) or (n, 1), or scalar
        Their sds.
    n : int
        Number of rows.
    least_sd : float
        What a smaller sd is raised to.

    Returns
    -------
    Predictive
        N(mean, max(sd, least_sd)^2) at each row.

    Raises
    ------
    ValueError
        For another shape, and for numbers that are not finite or an sd below 0.
    """
    means = _column(mean, n, "mean")
    sds = _column(np.broadcast_to(sd, np.shape(mean)), n, "sd")
    if (sds < 0).any():
        raise ValueError(f"{int((sds < 0).sum())} of {n} stated sds are below 0")
    return Normal(means, np.maximum(sds, least_sd))


def quantiles(levels: ArrayLike, values: ArrayLike, n: int, mean: Any = None) -> Predictive:
    """Return a forecast by quantiles.

    Parameters
    ----------
    levels : array of shape (k,)
        Levels, in (0, 1).
    values : array of shape (n, k)
        The quantiles of each row, in target units.
    n : int
        Number of rows.
    mean : array of shape (n,), optional
        The point forecast stated beside them.

    Returns
    -------
    Predictive
        The forecast.

    Raises
    ------
    ValueError
        For another shape, and for numbers that are not finite.
    """
    levels, table = np.asarray(levels, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if table.shape != (n, len(levels)):
        raise ValueError(
            f"the model stated quantiles of shape {table.shape} for {n} rows and {len(levels)} "
            f"levels; they must be ({n}, {len(levels)})"
        )
    order = np.argsort(levels)
    mean = None if mean is None else _column(mean, n, "mean")
    return QuantileForecast(levels[order], table.T[order], mean=mean)


def intervals(confidence: ArrayLike, ends: ArrayLike, n: int, mean: Any) -> Predictive:
    """Return a forecast by one central interval, or by the ends of several.

    Parameters
    ----------
    confidence : array of shape (k,)
        Level of each interval, in (0, 1).
    ends : array of shape (n, 2) or (n, 2, k)
        Lower and upper ends, in target units.
    n : int
        Number of rows.
    mean : array of shape (n,), optional
        The point forecast stated beside them.

    Returns
    -------
    Predictive
        `IntervalForecast` of one interval, `QuantileForecast` of several. Ends in the wrong order,
        as quantile regression may state them, are exchanged.

    Raises
    ------
    ValueError
        For another shape, and for numbers that are not finite.
    """
    levels, table = np.atleast_1d(np.asarray(confidence, np.float64)), np.asarray(ends, np.float64)
    table = table.reshape((n, 2, -1)) if table.size == 2 * n * len(levels) else table
    if table.shape != (n, 2, len(levels)):
        raise ValueError(
            f"the model stated intervals of shape {table.shape} for {n} rows and levels "
            f"{levels.tolist()}; they must be ({n}, 2, {len(levels)})"
        )
    table = np.sort(table, axis=1)
    if len(levels) == 1:
        mean = None if mean is None else _column(mean, n, "mean")
        return IntervalForecast(table[:, 0, 0], table[:, 1, 0], float(levels[0]), mean=mean)
    both = np.concatenate([(1 - levels) / 2, (1 + levels) / 2])
    return quantiles(both, np.concatenate([table[:, 0], table[:, 1]], axis=1), n, mean)


def members(means: ArrayLike, variances: ArrayLike, least_sd: float) -> Predictive:
    """Return an equally weighted mixture of the Gaussians of S members.

    Parameters
    ----------
    means, variances : array of shape (S, n)
        Mean and variance of each member, in target units and their square.
    least_sd : float
        What a smaller sd is raised to.

    Returns
    -------
    Predictive
        The mixture.
    """
    sds = np.sqrt(np.asarray(variances, dtype=np.float64))
    return GaussianMixture(np.asarray(means, dtype=np.float64), np.maximum(sds, least_sd))


def moved(inner: Predictive, inverse: Callable[[Array], Array]) -> Predictive:
    """Return the distribution of a transformed target in units of the target itself.

    Parameters
    ----------
    inner : Predictive
        Of the transformed target t at n inputs.
    inverse : callable
        Monotone map from t to y, on arrays of shape (k, n).

    Returns
    -------
    Predictive
        The Gaussian a + b t of a Gaussian t where the map is a + b t at the quantiles of all rows;
        otherwise the quantiles at `LEVELS`, which a monotone map carries over exactly.
    """
    at = inner.quantile(LEVELS)
    values = np.asarray(inverse(at), dtype=np.float64)
    low, high = np.unravel_index(np.argmin(at), at.shape), np.unravel_index(np.argmax(at), at.shape)
    slope = (values[high] - values[low]) / (at[high] - at[low])
    line = values[low] + slope * (at - at[low])
    scale = np.abs(values).max()
    if isinstance(inner, Normal) and np.allclose(values, line, rtol=1e-9, atol=1e-9 * scale):
        sd = np.sqrt(np.sum(inner.variance_parts(), axis=0))
        mean = np.asarray(inverse(inner.mean()[None]), dtype=np.float64)[0]
        return Normal(mean, abs(slope) * sd)
    return QuantileForecast(LEVELS, values if slope > 0 else values[::-1])


class SkproDistribution:
    """A distribution of skpro at n rows with one target, as scipy names its functions.

    Parameters
    ----------
    distribution : BaseDistribution
        A distribution of shape (n, 1).
    """

    def __init__(self, distribution: Any) -> None:
        self.distribution = distribution

    def mean(self) -> Array:
        """Return the means.

        Returns
        -------
        array of shape (n,)
            The mean at each row.
        """
        return _flat(self.distribution.mean())

    def var(self) -> Array:
        """Return the variances.

        Returns
        -------
        array of shape (n,)
            The variance at each row.
        """
        return _flat(self.distribution.var())

    def logpdf(self, y: ArrayLike) -> Array:
        """Return the log density.

        Parameters
        ----------
        y : array of shape (n,) or (k, n)
            Points.

        Returns
        -------
        array of shape (n,) or (k, n)
            log p(y).
        """
        return self._by_rows(self.distribution.log_pdf, y)

    def cdf(self, y: ArrayLike) -> Array:
        """Return the cumulative distribution function.

        Parameters
        ----------
        y : array of shape (n,) or (k, n)
            Points.

        Returns
        -------
        array of shape (n,) or (k, n)
            P(Y <= y).
        """
        return self._by_rows(self.distribution.cdf, y)

    def ppf(self, p: ArrayLike) -> Array:
        """Return quantiles.

        Parameters
        ----------
        p : array of shape (n,), (k, n) or (k, 1), or scalar
            Levels.

        Returns
        -------
        array of shape (n,) or (k, n)
            The quantiles.
        """
        return self._by_rows(self.distribution.ppf, p)

    def _by_rows(self, function: Callable[[Any], Any], points: ArrayLike) -> Array:
        n = len(self.mean())
        points = np.asarray(points, dtype=np.float64)
        rows = np.broadcast_to(points, np.broadcast_shapes(points.shape, (n,)))
        flat = [_flat(function(row[:, None])) for row in rows.reshape(-1, n)]
        return np.array(flat).reshape(rows.shape)


def _flat(table: Any) -> Array:
    return np.asarray(table, dtype=np.float64).reshape(-1)


def _column(values: Any, n: int, name: str) -> Array:
    """Return n finite numbers; ValueError for another shape or other values."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in ((n,), (n, 1)):
        raise ValueError(f"the stated {name} has shape {array.shape} for {n} rows, not ({n},)")
    bad = int(np.sum(~np.isfinite(array)))
    if bad:
        raise ValueError(f"{bad} values of {n} of the stated {name} are not finite")
    return array.reshape(n)


def _has(thing: Any, *names: str) -> bool:
    return all(callable(getattr(thing, name, None)) for name in names)
