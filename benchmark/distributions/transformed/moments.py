"""Mean and variance of h(z) for a distribution of z, in closed form or by quadrature."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from howrobust.distributions.accumulators import Moments
from howrobust.distributions.arrays import Array
from howrobust.distributions.closed_form import Normal
from howrobust.distributions.forecast import NotStated
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.joined import Joined
from howrobust.distributions.predictive import Predictive
from howrobust.distributions.streaming import StreamedMixture
from howrobust.distributions.transformed.transforms import LARGEST, Log, TargetTransform

_HERMITE = np.polynomial.hermite_e.hermegauss(32)
_HELD_FLOATS = 2**21  # nodes times components times points at a time
_REACH, _NODES = 7.5, 301  # of the normal scores of the quantiles
_OUTER, _SHARE = 7.0, 1e-3  # the scores beyond may hold this share of the variance
_OVERFLOW = (
    "the mean or the sd of the forecast, back in target units, leaves floating-point numbers"
)
_HEAVY = "the tails of the forecast are too heavy for a mean in target units"


@dataclass(frozen=True)
class TargetMoments:
    """The first two moments of h(z) at n inputs.

    Parameters
    ----------
    mean : array of shape (n,)
        Means, in target units.
    variance : array of shape (n,)
        Variances, in target units squared.
    smallest_sd : array of shape (n,)
        Least sd of a component, in target units.
    """

    mean: Array
    variance: Array
    smallest_sd: Array


def target_moments(base: Predictive, transform: TargetTransform) -> TargetMoments:
    """Return the moments of h(z).

    Parameters
    ----------
    base : Predictive
        The distribution of z at n inputs.
    transform : TargetTransform
        The transform, whose inverse is h.

    Returns
    -------
    TargetMoments
        The moments.

    Raises
    ------
    NotStated
        Where a moment overflows, or does not converge since the tails of z are too heavy.

    Notes
    -----
    For a mixture of Gaussians and a logarithm, E y = exp(m + v^2 / 2) and sd y = E y
    sqrt(expm1(v^2)) for each component, exact. For Yeo & Johnson each component is integrated by
    Gauss and Hermite's rule of 32 nodes: the error is below 1e-3 sds (measured), because h'' jumps
    at 0. For any other form of z the moments are the integrals of h(Q(Phi(x))) phi(x) by the
    trapezoidal rule on [-7.5, 7.5], Q the quantile function; where the scores beyond 7 hold more
    than a thousandth of the variance, as for a log-normal with a sd of the logarithm above 2, the
    moments do not exist or cannot be had.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if isinstance(base, Joined):
            parts = [target_moments(part, transform) for part in base.parts]
            return TargetMoments(
                np.concatenate([part.mean for part in parts]),
                np.concatenate([part.variance for part in parts]),
                np.concatenate([part.smallest_sd for part in parts]),
            )
        blocks = _components(base)
        found = _by_quantiles(base, transform) if blocks is None else _mixed(blocks, transform)
        sd = np.sqrt(found.variance)
    if not ((np.abs(found.mean) <= LARGEST) & (sd <= LARGEST)).all():  # False for NaN
        raise NotStated(_OVERFLOW)
    return found


def _components(base: Predictive) -> Iterator[tuple[Array, Array]] | None:
    """Return the Gaussian components of z in blocks, each (s, n), where it has any."""
    if isinstance(base, GaussianMixture | StreamedMixture):
        return base.components()
    if isinstance(base, Normal):
        return iter([(base.mean()[None], np.sqrt(base.variance_parts()[0])[None])])
    return None


def _mixed(blocks: Iterator[tuple[Array, Array]], transform: TargetTransform) -> TargetMoments:
    moments: Moments | None = None
    for means, sds in blocks:
        moments = moments or Moments(means.shape[1])
        step = max(1, _HELD_FLOATS // (len(_HERMITE[0]) * means.shape[1]))
        for start in range(0, len(means), step):
            part = slice(start, start + step)
            moments.add(*_each(means[part], sds[part], transform))
    assert moments is not None
    return TargetMoments(moments.mean, moments.aleatoric + moments.between, moments.smallest_sd)


def _each(means: Array, sds: Array, transform: TargetTransform) -> tuple[Array, Array]:
    """Mean and sd (s, n) of h at each component."""
    if isinstance(transform, Log):
        mean = np.exp(means + sds**2 / 2)
        return mean, mean * np.sqrt(np.expm1(sds**2))
    nodes, weights = _HERMITE
    y = transform.inverse(means + sds * nodes[:, None, None])
    weights = weights / weights.sum()
    mean = np.tensordot(weights, y, 1)
    return mean, np.sqrt(np.tensordot(weights, (y - mean) ** 2, 1))


def _by_quantiles(base: Predictive, transform: TargetTransform) -> TargetMoments:
    x = np.linspace(-_REACH, _REACH, _NODES)
    weights = np.exp(-0.5 * x**2)
    weights /= weights.sum()
    y = transform.inverse(base.quantile(ndtr(x)))
    mean = weights @ y
    variance = weights @ (y - mean) ** 2
    outer = np.abs(x) > _OUTER
    if (weights[outer] @ (y[outer] - mean) ** 2 > _SHARE * variance).any():
        raise NotStated(_HEAVY)
    return TargetMoments(mean, variance, np.sqrt(variance))
