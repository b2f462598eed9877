"""Proper scores (Gneiting & Raftery 2007) and the divergence from a known truth."""

import numpy as np

from howrobust.base.metric import UNBOUNDED, Metric, Undefined
from howrobust.distributions.accumulators import LOG_SQRT_2PI
from howrobust.distributions.predictive import Array, Forecast

Value = float | Undefined
# Only a forecast without a density has a log density that is no number at every point.
NO_DENSITY = Undefined("this forecast has no density: it is made of intervals, as those of CV+")


def has_density(forecast: Forecast) -> bool:
    """Whether the forecast has a density, so that a likelihood can be asked of it."""
    return not np.isnan(forecast.logpdf).all()


def nll(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Mean over points of minus the mixture's log density, nats: the primary score."""
    return float(-np.mean(forecast.logpdf)) if has_density(forecast) else NO_DENSITY


def nll_error(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Monte-Carlo standard error of ``nll``; 0 where the components are the model itself."""
    return forecast.nll_error if has_density(forecast) else NO_DENSITY


def nll_gaussian(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """The same of the one Gaussian with the mixture's mean and variance: what most papers print."""
    if not has_density(forecast):
        return NO_DENSITY
    z = (y - forecast.mean) / forecast.sd
    return float(np.mean(0.5 * z**2 + np.log(forecast.sd) + LOG_SQRT_2PI))


def nll_std(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """``nll`` less log of the clean training target's sd: comparable over data sets."""
    if y_scale is None:
        return Undefined("the scale of the training target was not given")
    found = nll(forecast, y, y_scale)
    return found if isinstance(found, Undefined) else found - float(np.log(y_scale))


def nll_rounded(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Mean of -log([F(y + d/2) - F(y - d/2)] / d) for a target that repeats on a step d."""
    if forecast.step == 0:
        return Undefined("the target is not discrete")
    if not has_density(forecast):
        return NO_DENSITY
    return float(-np.mean(forecast.logpdf_rounded))


def crps(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Continuous ranked probability score, the integral of (F(t) - 1{y <= t})^2."""
    return float(np.mean(forecast.crps))


def crps_error(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Bound of the quadrature error of ``crps``; 0 where it is exact."""
    return forecast.crps_error


def pinball(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Quantile loss, averaged over the levels .01 to .99."""
    found = float(np.mean(forecast.pinball))
    return UNBOUNDED if np.isinf(found) else found


def interval_score(forecast: Forecast, y: Array, level: float) -> Value:
    """(u - l) + 2/a ((l - y)+ + (y - u)+), a = 1 - level (Gneiting & Raftery 2007, eq. 43)."""
    alpha = 1 - level
    lower = forecast.quantile(round(alpha / 2, 6))
    upper = forecast.quantile(round(1 - alpha / 2, 6))
    if np.isinf(lower).any() or np.isinf(upper).any():
        return UNBOUNDED
    miss = np.maximum(lower - y, 0) + np.maximum(y - upper, 0)
    return float(np.mean(upper - lower + 2 / alpha * miss))


def kl_to_truth(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Mean over x of KL(p(y|x) || forecast), nats, where p is known: no sampling noise."""
    if forecast.kl.size == 0:
        return Undefined("the true p(y | x) at the observed inputs is not known")
    if not has_density(forecast):
        return NO_DENSITY
    return float(np.mean(forecast.kl))


METRICS = (
    Metric("nll", "low", nll),
    Metric("nll_error", "-", nll_error),
    Metric("nll_gaussian", "low", nll_gaussian),
    Metric("nll_std", "low", nll_std),
    Metric("nll_rounded", "low", nll_rounded),
    Metric("crps", "low", crps),
    Metric("crps_error", "-", crps_error),
    Metric("pinball", "low", pinball),
    Metric("interval_score_90", "low", lambda f, y, s: interval_score(f, y, 0.90)),
    Metric("interval_score_95", "low", lambda f, y, s: interval_score(f, y, 0.95)),
    Metric("kl_to_truth", "zero", kl_to_truth),
)
