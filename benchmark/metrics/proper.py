"""Proper scores (Gneiting & Raftery 2007) and the divergence from a known truth."""

import numpy as np

from howrobust.base.metric import UNBOUNDED, Metric, MetricFunction, Undefined, Value
from howrobust.distributions.accumulators import LOG_SQRT_2PI
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast


def _nll(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Mean over points of minus the log density, nats: the primary score."""
    return float(-np.mean(forecast.logpdf))


def _nll_error(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Monte-Carlo standard error of ``nll``; 0 where the components are the model itself."""
    return forecast.nll_error


def _nll_gaussian(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Mean negative log density of the Gaussian with the forecast's mean and variance, nats."""
    z = (y - forecast.mean) / forecast.sd
    return float(np.mean(0.5 * z**2 + np.log(forecast.sd) + LOG_SQRT_2PI))


def _nll_std(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """``nll`` minus the log of the clean training target's sd: comparable over data sets."""
    if y_scale is None:
        return Undefined("the scale of the training target was not given")
    return _nll(forecast, y, y_scale) - float(np.log(y_scale))


def _nll_rounded(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Mean of -log([F(y + d/2) - F(y - d/2)] / d) for a target that repeats on a step d."""
    if forecast.step == 0:
        return Undefined("the target is not discrete")
    return float(-np.mean(forecast.logpdf_rounded))


def _crps(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Continuous ranked probability score, the integral of (F(t) - 1{y <= t})^2.

    Gneiting & Raftery 2007, eq. 20.
    """
    return float(np.mean(forecast.crps))


def _crps_error(forecast: Forecast, y: Array, y_scale: float | None) -> float:
    """Bound of the quadrature error of ``crps``; 0 where it is exact."""
    return forecast.crps_error


def _pinball(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Quantile loss (Koenker & Bassett 1978), averaged over the levels .01 to .99.

    Over the levels that the model states, where it states quantiles.
    """
    value = float(np.mean(forecast.pinball))
    return UNBOUNDED if np.isinf(value) else value


def _interval_score(level: float) -> MetricFunction:
    alpha = 1 - level

    def function(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
        lower, upper = forecast.interval(level)
        if np.isinf(lower).any() or np.isinf(upper).any():
            return UNBOUNDED
        miss = np.maximum(lower - y, 0) + np.maximum(y - upper, 0)
        return float(np.mean(upper - lower + 2 / alpha * miss))

    function.__doc__ = (
        f"Score of the central {100 * level:g} % interval from l to u: mean of "
        "(u - l) + 2/a ((l - y)+ + (y - u)+), "
        f"a = {alpha:g} (Gneiting & Raftery 2007, eq. 43)."
    )
    return function


def _kl_to_truth(forecast: Forecast, y: Array, y_scale: float | None) -> Value:
    """Mean over x of KL(p(y|x) || forecast), nats, where p is known: no sampling noise."""
    if forecast.kl.size == 0:
        return Undefined("the true p(y | x) at the observed inputs is not known")
    return float(np.mean(forecast.kl))


METRICS = (
    Metric("nll", "low", _nll),
    Metric("nll_error", "-", _nll_error),
    Metric("nll_gaussian", "low", _nll_gaussian),
    Metric("nll_std", "low", _nll_std),
    Metric("nll_rounded", "low", _nll_rounded),
    Metric("crps", "low", _crps),
    Metric("crps_error", "-", _crps_error),
    Metric("pinball", "low", _pinball),
    Metric("interval_score_90", "low", _interval_score(0.90)),
    Metric("interval_score_95", "low", _interval_score(0.95)),
    Metric("kl_to_truth", "zero", _kl_to_truth),
)
