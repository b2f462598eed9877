"""Distributions in closed form: normal, of scipy, or the truth of a synthetic set."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from howrobust import seeds
from howrobust.distributions.accumulators import log_normal
from howrobust.distributions.arrays import Array, statement
from howrobust.distributions.predictive import CompletePredictive, Evaluation, Predictive
from howrobust.distributions.quadrature import crps_of_cdf
from howrobust.errors import BadInput

_TAIL = (1e-9, 1e-7, 1e-5, 1e-3, 0.01, 0.05, 0.2)
_CUTS = (*_TAIL, 0.5, *(1 - level for level in reversed(_TAIL)))


class Known(CompletePredictive):
    """A distribution in closed form.

    All of its variance is aleatoric. It has one component.

    Parameters
    ----------
    distribution : frozen distribution of `scipy.stats`
        A continuous distribution whose parameters are arrays of shape (n,).
    cuts : sequence of float, default=(1e-9, 1 - 1e-9)
        Levels whose quantiles are the ends of the cells on which the continuous ranked probability
        score is integrated: more than two for a heavy tail or a peak.
    """

    def __init__(self, distribution: object, cuts: Sequence[float] = (1e-9, 1 - 1e-9)) -> None:
        self._distribution = distribution
        self._cuts = cuts

    @property
    def n_components(self) -> int:
        return 1

    def mean(self) -> Array:
        return np.asarray(self._distribution.mean(), dtype=np.float64)  # type: ignore[attr-defined]

    def variance_parts(self) -> tuple[Array, Array]:
        variance = np.asarray(self._distribution.var(), dtype=np.float64)  # type: ignore[attr-defined]
        return variance, np.zeros_like(variance)

    def logpdf(self, y: ArrayLike) -> Array:
        return np.asarray(self._distribution.logpdf(y), dtype=np.float64)  # type: ignore[attr-defined]

    def cdf(self, y: ArrayLike) -> Array:
        return np.asarray(self._distribution.cdf(y), dtype=np.float64)  # type: ignore[attr-defined]

    def quantile(self, levels: ArrayLike) -> Array:
        levels = np.atleast_1d(np.asarray(levels, dtype=np.float64))
        return np.asarray(self._distribution.ppf(levels[:, None]), dtype=np.float64)  # type: ignore[attr-defined]

    def sample(self, size: int, seed: int) -> Array:
        rng = seeds.generator(seed, "known sample")
        uniform = rng.random((size, len(self.mean())))
        return np.asarray(self._distribution.ppf(uniform), dtype=np.float64)  # type: ignore[attr-defined]

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        aleatoric, between = self.variance_parts()
        return Evaluation(
            mean=self.mean(),
            aleatoric=aleatoric,
            between=between,
            logpdf=self.logpdf(y),
            cdf=self.cdf(y),
            crps=crps_of_cdf(self.cdf, y, self.quantile(self._cuts)),
            quantiles=self.quantile(levels),
            smallest_sd=np.sqrt(aleatoric),
            nll_error=0.0,
            crps_error=1e-6 * float(np.sqrt(aleatoric).max()),
        )


def from_scipy(distribution: Any) -> Known:
    """Return a frozen distribution of scipy as a predictive distribution.

    Parameters
    ----------
    distribution : frozen distribution of `scipy.stats`
        A continuous distribution at n inputs: one of its parameters or more are arrays of shape
        (n,).

    Returns
    -------
    Known
        The distribution, of which everything is defined.

    Raises
    ------
    BadInput
        For anything else, for parameters that are all scalars, and for a distribution without a
        finite mean and variance.

    Examples
    --------
    >>> from scipy.stats import gamma
    >>> from_scipy(gamma(a=[2.0, 3.0])).mean()
    array([2., 3.])
    """
    name = getattr(getattr(distribution, "dist", None), "name", type(distribution).__name__)
    if hasattr(distribution, "pmf"):
        raise BadInput(f"{name} is discrete; only continuous distributions have a density to score")
    if not all(hasattr(distribution, part) for part in ("dist", "logpdf", "ppf")):
        raise BadInput(
            f"{name} must be a frozen distribution of scipy.stats, such as gamma(a=shapes)"
        )
    with np.errstate(all="ignore"):
        mean, variance = np.asarray(distribution.mean()), np.asarray(distribution.var())
    if mean.ndim != 1 or mean.size == 0:
        raise BadInput(
            f"the parameters of {name} must be arrays of shape (n,), one value for each input, "
            f"not of shape {mean.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance > 0).all()):
        raise BadInput(
            f"{name} must have a finite mean and a finite variance above 0 at every input; state "
            "its quantiles with QuantileForecast instead"
        )
    return Known(distribution, _CUTS)


class Normal(CompletePredictive):
    """A normal distribution at each input, as most regressors with an sd state it.

    All of its variance is aleatoric. It has one component.

    Parameters
    ----------
    mean : array of shape (n,)
        Means, in target units.
    sd : array of shape (n,)
        Standard deviations, in target units, greater than 0.

    Raises
    ------
    BadInput
        For other shapes, values that are not finite, and an sd that is not above 0.

    Notes
    -----
    Every score is in closed form; the continuous ranked probability score is
    sd (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)), z = (y - mean) / sd (Gneiting & Raftery 2007,
    eq. 21 and the display below it).

    Examples
    --------
    >>> Normal([0.0], [1.0]).quantile(0.5)
    array([[0.]])
    """

    def __init__(self, mean: ArrayLike, sd: ArrayLike) -> None:
        self._mean = statement("mean", mean, 1)
        self._sd = statement("sd", sd, 1, len(self._mean))
        low = np.flatnonzero(self._sd <= 0)
        if low.size:
            value = self._sd[low[0]]
            raise BadInput(f"every sd must be above 0; at input {low[0]} it is {value:g}")

    @property
    def n_components(self) -> int:
        return 1

    def mean(self) -> Array:
        return self._mean

    def variance_parts(self) -> tuple[Array, Array]:
        return self._sd**2, np.zeros_like(self._sd)

    def logpdf(self, y: ArrayLike) -> Array:
        return log_normal(self._standardised(y), self._sd)

    def cdf(self, y: ArrayLike) -> Array:
        return np.asarray(ndtr(self._standardised(y)), dtype=np.float64)

    def quantile(self, levels: ArrayLike) -> Array:
        z = ndtri(np.atleast_1d(np.asarray(levels, dtype=np.float64)))
        return np.asarray(self._mean + z[:, None] * self._sd, dtype=np.float64)

    def sample(self, size: int, seed: int) -> Array:
        rng = seeds.generator(seed, "normal sample")
        return self._mean + self._sd * rng.standard_normal((size, len(self._mean)))

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        aleatoric, between = self.variance_parts()
        z = self._standardised(y)
        cdf, density = ndtr(z), np.exp(log_normal(z, np.ones(())))
        return Evaluation(
            mean=self._mean,
            aleatoric=aleatoric,
            between=between,
            logpdf=log_normal(z, self._sd),
            cdf=cdf,
            crps=self._sd * (z * (2 * cdf - 1) + 2 * density - 1 / np.sqrt(np.pi)),
            quantiles=self.quantile(levels),
            smallest_sd=self._sd,
            nll_error=0.0,
            crps_error=0.0,
        )

    def _standardised(self, y: ArrayLike) -> Array:
        return np.asarray((np.asarray(y, dtype=np.float64) - self._mean) / self._sd)


def expected_scores(truth: Predictive, nodes: int = 65) -> dict[str, float]:
    """Return the scores that no forecast beats on average.

    Parameters
    ----------
    truth : Predictive
        The distribution that generates the data.
    nodes : int, default=65
        Nodes of the quadrature.

    Returns
    -------
    dict of str to float
        Expected ``rmse`` in target units, ``nll`` and ``nll_gaussian`` in nats.

    Notes
    -----
    rmse is the root of the mean variance; nll the mean entropy, by the quadrature of `divergence`;
    nll_gaussian the mean of log(2 pi e variance) / 2, the nll of the best Gaussian.
    """
    z = np.linspace(-6, 6, nodes)
    weights = np.exp(-0.5 * z**2)
    weights /= weights.sum()
    variance = sum(truth.variance_parts())
    return {
        "rmse": float(np.sqrt(np.mean(variance))),
        "nll": float(-(weights @ truth.logpdf(truth.quantile(ndtr(z)))).mean()),
        "nll_gaussian": float(np.mean(0.5 * np.log(2 * np.pi * np.e * variance))),
    }
