"""Mean, sd and interval of an output under noise, exact for a linear function.

The output is split into its linear part, whose moments follow from those of the noise, and the
rest, whose moments are those of the draws: a regression estimator (Glasserman 2003, section 4.1).
"""

from dataclasses import dataclass

import numpy as np

from howrobust.distributions.arrays import Array

DRAWS_PER_SLOPE = 10  # fewer, and the slopes add more variance than they take away


@dataclass(frozen=True)
class Split:
    """An output y = intercept + slopes . (noise - its mean) + rest at n draws.

    Parameters
    ----------
    intercept : float
        Estimate of the mean output.
    slopes : array of shape (k,)
        Least squares slopes; 0 where the moments of the noise are not those of the draws.
    linear : array of shape (n,)
        slopes . (noise - its mean) at the draws.
    rest : array of shape (n,)
        What is left, of mean 0 over the draws.
    variance : float
        Estimate of the variance of the output.
    """

    intercept: float
    slopes: Array
    linear: Array
    rest: Array
    variance: float

    @property
    def influence(self) -> Array:
        """What each draw adds to the error of the variance, times n: 2 l r + r^2 - mean (n,)."""
        terms = 2 * self.linear * self.rest + self.rest**2
        centred: Array = terms - terms.mean()
        return centred


def split(y: Array, offsets: Array, mean: Array, covariance: Array | None) -> Split:
    """Split an output into its linear part and the rest.

    Parameters
    ----------
    y : array of shape (n,)
        Outputs at n draws.
    offsets : array of shape (n, k)
        The noise of these draws.
    mean : array of shape (k,)
        Mean of the noise.
    covariance : array of shape (k, k), optional
        Covariance S of the noise; None where it is unknown, or where some draws gave no output: the
        linear part is 0 then.

    Returns
    -------
    Split
        With slopes w and rest r, the variance is w' S w + sum r^2 / (n - 1 - k).
    """
    n, k = offsets.shape
    if covariance is None or n < DRAWS_PER_SLOPE * (k + 1):
        centred = y - y.mean()
        variance = float(np.sum(centred**2)) / (n - 1)
        return Split(float(y.mean()), np.zeros(k), np.zeros(n), centred, variance)
    scale = np.sqrt(np.diag(covariance))
    design = np.column_stack([np.ones(n), (offsets - mean) / scale])
    # Least squares on centred outputs: their digits are not spent on a large constant.
    constant = y.mean()
    solution = np.linalg.lstsq(design, y - constant, rcond=None)[0]
    slopes = solution[1:] / scale
    linear = (offsets - mean) @ slopes
    intercept = float(constant + solution[0])
    rest = y - intercept - linear
    variance = float(slopes @ covariance @ slopes + np.sum(rest**2) / (n - 1 - k))
    return Split(intercept, slopes, linear, rest, variance)


@dataclass(frozen=True)
class Moments:
    """What noise makes of an output, each with its Monte Carlo standard error.

    Parameters
    ----------
    mean, mean_se : float
        Mean of the output.
    sd, sd_se : float
        Its standard deviation.
    lower, lower_se, upper, upper_se : float
        Its interval.
    """

    mean: float
    mean_se: float
    sd: float
    sd_se: float
    lower: float
    lower_se: float
    upper: float
    upper_se: float


def moments(parts: Split, y: Array, level: float) -> Moments:
    """Return mean, sd and interval of an output.

    Parameters
    ----------
    parts : Split
        The output's linear part and the rest.
    y : array of shape (n,)
        The outputs.
    level : float
        Level of the interval, which goes from one quantile of the draws to the other.

    Returns
    -------
    Moments
        The numbers with their standard errors over draws: sd(r) / sqrt(n) of the mean, by the delta
        method sd(2 l r + r^2) / (2 sd sqrt(n)) of the sd, and by order statistics of a quantile.
    """
    n = len(y)
    sd = float(np.sqrt(parts.variance))
    sd_se = float(parts.influence.std() / (2 * sd * np.sqrt(n))) if sd > 0 else 0.0
    ordered = np.sort(y)
    tail = (1 - level) / 2
    lower, lower_se = quantile(ordered, tail)
    upper, upper_se = quantile(ordered, 1 - tail)
    mean_se = float(parts.rest.std(ddof=1) / np.sqrt(n))
    return Moments(parts.intercept, mean_se, sd, sd_se, lower, lower_se, upper, upper_se)


def quantile(ordered: Array, p: float, draws: int | None = None) -> tuple[float, float]:
    """Return a quantile of draws with its standard error.

    Parameters
    ----------
    ordered : array of shape (n,)
        Draws in ascending order.
    p : float
        Probability.
    draws : int, optional
        Number m of independent draws, if fewer than n.

    Returns
    -------
    tuple of (float, float)
        The quantile, and half the distance of the order statistics at p plus and minus one standard
        error, sqrt(p (1 - p) / m).
    """
    n = len(ordered)
    error = np.sqrt(p * (1 - p) / (draws or n))
    below, above = (
        ordered[int(np.clip(np.floor(n * (p + sign * error)), 0, n - 1))] for sign in (-1, 1)
    )
    return float(np.quantile(ordered, p)), float(above - below) / 2
