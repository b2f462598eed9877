"""The distribution of a target y = h(z) of which a model forecasts z."""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import NO_SD_FIELDS, NotStated
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.intervals import IntervalForecast
from howrobust.distributions.joined import Joined
from howrobust.distributions.predictive import CompletePredictive, Evaluation, Predictive
from howrobust.distributions.quantiles import QuantileForecast
from howrobust.distributions.samples import SampleForecast
from howrobust.distributions.streaming import StreamedMixture
from howrobust.distributions.transformed.moments import TargetMoments, target_moments
from howrobust.distributions.transformed.transforms import TargetTransform
from howrobust.errors import BadInput

_CUTS = np.array((0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999))
_BEYOND = np.array((2.5, 1.0))  # outer ends, in distances of the outermost cut from the median
_NO_MOMENTS = ("mean", *NO_SD_FIELDS, "crps", "crps_error", "kl")

# Kronrod's rule of 15 nodes, of which every second is a node of Gauss & Legendre's of 7
# (Piessens et al. 1983, QK15).
_NODES = np.array((
    0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
    0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
    0.586087235467691130294144691258156, 0.405845151377397166906606412076961,
    0.207784955007898467600689403773245,
))  # fmt: skip
_KRONROD = np.array((
    0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
    0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
    0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
    0.204432940075298892414161999234649,
))  # fmt: skip
_GAUSS = np.array((
    0.0, 0.129484966168869693270611432679082, 0.0, 0.279705391489276667901467771423780,
    0.0, 0.381830050505118944950369775488975, 0.0,
))  # fmt: skip
_X = np.concatenate([-_NODES, [0.0], _NODES[::-1]])
_WEIGHTS = np.stack([
    np.concatenate([_KRONROD, [0.209482141084727828012999174891714], _KRONROD[::-1]]),
    np.concatenate([_GAUSS, [0.417959183673469387755102040816327], _GAUSS[::-1]]),
])  # fmt: skip


def transformed(base: Predictive, transform: TargetTransform) -> Predictive:
    """Return the distribution of targets whose transform has a given distribution.

    Parameters
    ----------
    base : Predictive
        The distribution of z = g(y) at n inputs.
    transform : TargetTransform
        The transform g.

    Returns
    -------
    Predictive
        The distribution of y, in target units. Stated quantiles, ends of intervals and draws are
        mapped one by one: they stay quantiles, ends and draws, because h is increasing.

    Raises
    ------
    BadInput
        For a form of distribution that cannot be mapped.
    """
    if isinstance(base, CompletePredictive):
        return TransformedPredictive(base, transform)
    if isinstance(base, QuantileForecast):
        mapped = QuantileForecast(base.levels, transform.inverse(base.values))
        mapped.crossings = base.crossings
        return mapped
    if isinstance(base, IntervalForecast):
        lower, upper = transform.inverse(base.lower), transform.inverse(base.upper)
        return IntervalForecast(lower, upper, base.level)
    if isinstance(base, SampleForecast):
        return SampleForecast(transform.inverse(base.draws), base.fair)
    raise BadInput(
        f"a forecast of the form {type(base).__name__} cannot be returned to the units of the "
        "target; run with --target-transform none"
    )


class TransformedPredictive(CompletePredictive):
    """The distribution of y = h(z), z with a given distribution.

    Parameters
    ----------
    base : CompletePredictive
        The distribution of z at n inputs.
    transform : TargetTransform
        The transform z = g(y), whose inverse is h.

    Notes
    -----
    The density is that of z times g'(y); F(y) = F_z(g(y)); quantiles and draws are those of z,
    mapped by h, and so within the domain of y. Mean and variance: see
    `howrobust.distributions.transformed.moments`; where they overflow, they and what needs them are
    not stated. The variance has parts in the ratio of those of z, which is exact in the limit of
    small sds.

    The continuous ranked probability score is the integral of (F_z(t) - 1{g(y) <= t})^2 h'(t) dt,
    by Kronrod's rule of 15 nodes on cells between quantiles of z and four beyond (quantiles of
    smaller levels would take Newton's method long), that of g(y) cut there.
    ``crps_error`` is the sum over cells of the difference from Gauss's rule of 7 nodes, which
    exceeds the error of Kronrod's; of the bound F^1.5 sqrt(E (h - y)^2) of each tail beyond the
    cells (Cauchy & Schwarz); and, where F_z is interpolated, of the error of that in z times the
    mean slope h' over the quantiles from .01 to .99, an estimate.
    """

    def __init__(self, base: CompletePredictive, transform: TargetTransform) -> None:
        self.base = base
        self.transform = transform

    @property
    def n_components(self) -> int:
        return self.base.n_components

    @cached_property
    def _moments(self) -> TargetMoments:
        return target_moments(self.base, self.transform)

    def mean(self) -> Array:
        return self._moments.mean

    def variance_parts(self) -> tuple[Array, Array]:
        aleatoric, between = self.base.variance_parts()
        share = aleatoric / (aleatoric + between)
        return self._moments.variance * share, self._moments.variance * (1 - share)

    def logpdf(self, y: ArrayLike) -> Array:
        z, inside = self._forward(y)
        return self._density(np.asarray(y, dtype=np.float64), self.base.logpdf(z), inside)

    def cdf(self, y: ArrayLike) -> Array:
        z, inside = self._forward(y)
        outside = self.transform.forward(y) > 0  # 0 below the domain, 1 above it
        return np.where(inside, self.base.cdf(z), outside)

    def quantile(self, levels: ArrayLike) -> Array:
        return self.transform.inverse(self.base.quantile(levels))

    def sample(self, size: int, seed: int) -> Array:
        return self.transform.inverse(self.base.sample(size, seed))

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        z, inside = self._forward(y)
        at_z = self.base.evaluate(z, np.concatenate([levels, _CUTS]))
        quantiles, ends = at_z.quantiles[: len(levels)], _ends(at_z.quantiles[len(levels) :])
        missing = dict(at_z.missing)
        empty = np.empty((0, len(y)))
        mean = aleatoric = between = smallest_sd = crps = empty
        crps_error = 0.0
        try:
            mean, (aleatoric, between) = self.mean(), self.variance_parts()
            smallest_sd = self._moments.smallest_sd
            crps, errors = self._crps(y, np.where(inside, z, self.transform.forward(y)), ends)
            slope = self.transform.inverse_slope(quantiles).mean(axis=0)
            crps_error = float((errors + at_z.crps_error * slope).max())
        except NotStated as absent:
            missing |= dict.fromkeys(_NO_MOMENTS, str(absent))
        cdf = np.where(inside, at_z.cdf, self.transform.forward(y) > 0)
        return Evaluation(
            mean=mean,
            aleatoric=aleatoric,
            between=between,
            logpdf=self._density(y, at_z.logpdf, inside),
            cdf=cdf,
            crps=crps,
            quantiles=self.transform.inverse(quantiles),
            smallest_sd=smallest_sd,
            nll_error=at_z.nll_error,
            crps_error=crps_error,
            missing=missing,
        )

    def _forward(self, y: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
        """Return g(y), 0 outside the domain, and which y are within it."""
        z = self.transform.forward(y)
        inside = np.isfinite(z)
        return np.where(inside, z, 0.0), inside

    def _density(self, y: Array, of_z: Array, inside: NDArray[np.bool_]) -> Array:
        slope = self.transform.log_slope(np.where(inside, y, 1.0))
        return np.where(inside, of_z + slope, -np.inf)

    def _crps(self, y: Array, z: Array, ends: Array) -> tuple[Array, Array]:
        """Return the score (n,) and the error (n,) of cells with ends (m, n) in z."""
        split = np.clip(z, ends[0], ends[-1])
        edges = np.sort(np.vstack([ends, split]), axis=0)
        half = np.diff(edges, axis=0) / 2
        centre = edges[:-1] + half
        t = centre[:, None] + half[:, None] * _X[:, None]  # (cells, 15, n)
        F = self._near_cdf(t.reshape(-1, len(y))).reshape(t.shape)
        above = (centre >= split)[:, None]
        values = np.where(above, 1 - F, F) ** 2 * self.transform.inverse_slope(t)
        cells = np.einsum("rk,ckn->rcn", _WEIGHTS, values) * half
        outside = np.abs(y - self.transform.inverse(split))
        inner = (self.transform.inverse(ends[[0, -1]]) - self._moments.mean) ** 2
        at_ends = self._near_cdf(ends[[0, -1]])
        mass = np.clip(np.stack([at_ends[0], 1 - at_ends[1]]), 0, 1)
        tails = (mass**1.5 * np.sqrt(self._moments.variance + inner)).sum(axis=0)
        error = np.abs(cells[0] - cells[1]).sum(axis=0) + tails
        return cells[0].sum(axis=0) + np.where(split == z, 0.0, outside), error

    def _near_cdf(self, t: Array) -> Array:
        if isinstance(self.base, GaussianMixture | StreamedMixture | Joined):
            return self.base.near_cdf(t)
        return self.base.cdf(t)


def _ends(cuts: Array) -> Array:
    """Return cuts (k, n) with two more ends on each side."""
    median = cuts[len(cuts) // 2]
    below = cuts[0] - _BEYOND[:, None] * (median - cuts[0])
    above = cuts[-1] + _BEYOND[::-1, None] * (cuts[-1] - median)
    return np.concatenate([below, cuts, above])
