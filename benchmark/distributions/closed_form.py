"""Distributions in closed form: the truth of a synthetic set, and the best scores against it."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from howrobust import seeds
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import Evaluation, Predictive
from howrobust.distributions.quadrature import crps_of_cdf


class Known(Predictive):
    """A distribution in closed form.

    All of its variance is aleatoric. It has one component.

    Parameters
    ----------
    distribution : frozen distribution of `scipy.stats`
        A continuous distribution whose parameters are arrays of shape (n,).
    """

    def __init__(self, distribution: object) -> None:
        self._distribution = distribution

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
        lower, upper = self.quantile([1e-9, 1 - 1e-9])
        return Evaluation(
            mean=self.mean(),
            aleatoric=aleatoric,
            between=between,
            logpdf=self.logpdf(y),
            cdf=self.cdf(y),
            crps=crps_of_cdf(self.cdf, y, lower, upper),
            quantiles=self.quantile(levels),
            smallest_sd=np.sqrt(aleatoric),
            nll_error=0.0,
            crps_error=1e-6 * float(np.sqrt(aleatoric).max()),
        )


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
