"""Predictive distributions: p(y | x) at n inputs, whatever form it has."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from howrobust import seeds
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import STORED_LEVELS, Forecast

PINBALL_LEVELS = np.arange(1, 100) / 100


@dataclass(frozen=True)
class Evaluation:
    """A predictive distribution evaluated at y, to build a `Forecast`.

    Parameters
    ----------
    mean, aleatoric, between, logpdf, cdf, crps, smallest_sd : array of shape (n,)
        As in `Forecast`.
    quantiles : array of shape (k, n)
        Quantiles at the k levels asked for, in target units.
    nll_error, crps_error : float
        As in `Forecast`.
    missing : dict of str to str, optional
        As in `Forecast`; the array of what is missing is empty.
    """

    mean: Array
    aleatoric: Array
    between: Array
    logpdf: Array
    cdf: Array
    crps: Array
    quantiles: Array
    smallest_sd: Array
    nll_error: float
    crps_error: float
    missing: dict[str, str] = field(default_factory=dict)


class Predictive(ABC):
    """A predictive distribution p(y | x) at n inputs.

    Laws: ``cdf`` is the integral of exp(``logpdf``), ``quantile`` inverts ``cdf`` (never a Gaussian
    shortcut), and ``mean`` and the sum of ``variance_parts`` are its first two moments.
    Points y are (n,), or (k, n) for k values at every input; the result has their shape.
    A form that cannot give one of them raises `NotStated` with the reason there, and its forecast
    has that reason in ``missing``.
    """

    @property
    @abstractmethod
    def n_components(self) -> int:
        """Number S of draws, members, masks or folds behind the distribution."""

    @abstractmethod
    def mean(self) -> Array:
        """Return the mean.

        Returns
        -------
        array of shape (n,)
            The mean at each input, in target units.
        """

    @abstractmethod
    def variance_parts(self) -> tuple[Array, Array]:
        """Return the parts of the variance within and between components.

        Returns
        -------
        aleatoric : array of shape (n,)
            mean_s v^2 for component sds v, or the noise's part of it.
        between : array of shape (n,)
            var_s m with ddof 0 for component means m, and the rest of the variance.
        """

    @abstractmethod
    def logpdf(self, y: ArrayLike) -> Array:
        """Return the log density.

        Parameters
        ----------
        y : array of shape (n,) or (k, n)
            Points, in target units.

        Returns
        -------
        array of shape (n,) or (k, n)
            log p(y | x), nats.
        """

    @abstractmethod
    def cdf(self, y: ArrayLike) -> Array:
        """Return the cumulative distribution function.

        Parameters
        ----------
        y : array of shape (n,) or (k, n)
            Points, in target units.

        Returns
        -------
        array of shape (n,) or (k, n)
            P(Y <= y | x); at the observed y, the probability integral transform.
        """

    @abstractmethod
    def quantile(self, levels: ArrayLike) -> Array:
        """Return quantiles.

        Parameters
        ----------
        levels : float or array of shape (k,)
            Levels in (0, 1).

        Returns
        -------
        array of shape (k, n)
            The quantiles of each input, in target units.
        """

    @abstractmethod
    def sample(self, size: int, seed: int) -> Array:
        """Draw from the distribution.

        Parameters
        ----------
        size : int
            Number of draws at each input.
        seed : int
            Seed of the draws, which depend on nothing else that is random.

        Returns
        -------
        array of shape (size, n)
            Draws of y, in target units.
        """

    def interval(self, level: float) -> tuple[Array, Array]:
        """Return the central interval.

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
        ValueError
            If the level is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise ValueError(f"an interval needs a level between 0 and 1, not {level}")
        lower, upper = self.quantile([(1 - level) / 2, (1 + level) / 2])
        return lower, upper

    @abstractmethod
    def forecast(
        self, y: ArrayLike, step: float = 0.0, truth: "Predictive | None" = None, seed: int = 0
    ) -> Forecast:
        """Summarise the distribution at the observed targets.

        Parameters
        ----------
        y : array of shape (n,)
            Observed targets.
        step : float, default=0.0
            Spacing of a discrete target, in target units; 0 for a continuous one.
        truth : Predictive, optional
            The true distribution at the same inputs, for the divergence from it.
        seed : int, default=0
            Seed of the randomised PIT of a discrete target; nothing else is random.

        Returns
        -------
        Forecast
            All that metrics see.

        Raises
        ------
        ValueError
            If the shape of y is not (n,).
        """


class CompletePredictive(Predictive):
    """A predictive distribution whose quantiles are known at every level."""

    @abstractmethod
    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        """Compute all that a forecast needs, in as few passes as possible.

        Parameters
        ----------
        y : array of shape (n,)
            Observed targets.
        levels : array of shape (k,)
            Levels of the quantiles, in (0, 1).

        Returns
        -------
        Evaluation
            The distribution at y.
        """

    def forecast(
        self, y: ArrayLike, step: float = 0.0, truth: Predictive | None = None, seed: int = 0
    ) -> Forecast:
        # The randomised PIT is F(y - d/2) + u (F(y + d/2) - F(y - d/2)) for step d and u uniform on
        # [0, 1) (Czado, Gneiting & Held 2009, section 2).
        y = np.asarray(y, dtype=np.float64)
        levels = np.concatenate([PINBALL_LEVELS, STORED_LEVELS])
        at_y = self.evaluate(y, levels)
        n = at_y.quantiles.shape[1:]  # stated at every level, whatever is missing
        if y.shape != n:
            raise ValueError(f"y has shape {y.shape}, the forecast has {n}")
        pit, rounded = at_y.cdf, np.empty(0)
        if step > 0:
            below, above = self.cdf(y - step / 2), self.cdf(y + step / 2)
            rounded = np.log(np.maximum(above - below, np.finfo(float).tiny) / step)
            uniform = seeds.generator(seed, "randomised pit").random(len(y))
            pit = below + uniform * (above - below)
        quantiles = at_y.quantiles[: len(PINBALL_LEVELS)]
        return Forecast(
            mean=at_y.mean,
            aleatoric=at_y.aleatoric,
            between=at_y.between,
            logpdf=at_y.logpdf,
            cdf=at_y.cdf,
            crps=at_y.crps,
            pinball=quantile_loss(y, quantiles, PINBALL_LEVELS).mean(axis=0),
            quantiles=at_y.quantiles[len(PINBALL_LEVELS) :].copy(),  # a view would hold all rows
            smallest_sd=at_y.smallest_sd,
            pit=pit,
            n_components=self.n_components,
            nll_error=at_y.nll_error,
            crps_error=at_y.crps_error,
            step=step,
            logpdf_rounded=rounded,
            kl=_divergence_if_any(truth, self, at_y),
            missing=at_y.missing,
        )


def quantile_loss(y: Array, quantiles: Array, levels: Array) -> Array:
    """Return the pinball loss of quantiles (Koenker & Bassett 1978).

    Parameters
    ----------
    y : array of shape (n,)
        Observed targets.
    quantiles : array of shape (k, n)
        Quantiles, in target units.
    levels : array of shape (k,)
        Their levels, in (0, 1).

    Returns
    -------
    array of shape (k, n)
        The loss of each quantile, in target units.
    """
    error = y - quantiles
    return np.maximum(levels[:, None] * error, (levels[:, None] - 1) * error)


def _divergence_if_any(truth: Predictive | None, forecast: Predictive, at_y: Evaluation) -> Array:
    """KL(truth || forecast) (n,); empty where the truth is not known or there is no density."""
    if truth is None or "kl" in at_y.missing:
        return np.empty(0)
    return divergence(truth, forecast, at_y.smallest_sd)


def divergence(truth: Predictive, forecast: Predictive, smallest_sd: Array) -> Array:
    """Return the Kullback-Leibler divergence of a forecast from the truth.

    Parameters
    ----------
    truth : Predictive
        The true distribution at n inputs.
    forecast : Predictive
        The forecast at the same inputs.
    smallest_sd : array of shape (n,)
        The least component sd of the forecast, which sets the step of the quadrature.

    Returns
    -------
    array of shape (n,)
        KL(truth || forecast) at every input, nats.

    Notes
    -----
    With y = Q(Phi(z)), Q the quantile function of the truth, the divergence is the integral of
    (log p - log q) phi(z) dz, taken by the trapezoidal rule on [-6, 6]. The step of y is a sixth of
    ``smallest_sd``: the error is 1e-8 for a smooth forecast, 1e-3 for components that stand apart
    (measured), and larger where that would need more than 4,097 nodes.
    """
    wanted = 72 * float(np.max(np.sqrt(sum(truth.variance_parts())) / smallest_sd))
    z = np.linspace(-6, 6, int(np.clip(wanted, 64, 4096)) + 1)
    weights = np.exp(-0.5 * z**2)
    weights /= weights.sum()
    y = truth.quantile(ndtr(z))
    return np.asarray(weights @ (truth.logpdf(y) - forecast.logpdf(y)), dtype=np.float64)
