"""Distributions of which a model states draws."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howrobust import seeds
from howrobust.distributions.arrays import Array, statement, targets
from howrobust.distributions.forecast import (
    NO_DENSITY_FIELDS,
    STORED_LEVELS,
    Forecast,
    NotStated,
)
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.predictive import PINBALL_LEVELS, Predictive, quantile_loss
from howrobust.errors import BadInput

_NO_DENSITY = "samples have no density unless a kernel is asked for"
_ROUNDING = 1e-9  # .05 (S + 1) must stay a whole number where it is one


class SampleForecast(Predictive):
    """Draws from a predictive distribution, as a generative model states them.

    Parameters
    ----------
    draws : array of shape (S, n)
        S draws of y at n inputs, in target units; 2 or more.
    fair : bool, default=True
        Which estimator of the continuous ranked probability score is used: see Notes.

    Raises
    ------
    BadInput
        For another shape, a single draw, or values that are not finite.

    Notes
    -----
    The score is exact. The fair estimator (Ferro 2014, eq. 9), the mean of |x_s - y| less half the
    mean of |x_s - x_t| over pairs s != t, is unbiased for the distribution that was drawn from,
    whatever S is. The plain one, whose second mean has s = t in it too, scores the S draws
    themselves as a distribution, and is higher by the mean of |x_s - x_t| over s != t, over 2 S.

    Quantiles are order statistics: x_(p (S + 1)), linear between them, so that a target which is
    exchangeable with the draws is inside a central interval with the stated probability. S draws
    hold levels between 1 / (S + 1) and S / (S + 1); scores of others are undefined. The PIT value
    is (r + u) / (S + 1), r the number of draws below y and u uniform on [0, 1], which is uniform
    for such a target (ties are ranked at random).

    Mean and variance are those of the draws (ddof 0). There is no density: see `smoothed`.

    Examples
    --------
    >>> forecast = SampleForecast([[0.0], [1.0], [2.0]])
    >>> forecast.quantile([0.25, 0.5])
    array([[0.],
           [1.]])
    """

    def __init__(self, draws: ArrayLike, fair: bool = True) -> None:
        self.draws = statement("draws", draws, 2)
        self.fair = fair
        if len(self.draws) < 2:
            raise BadInput(f"draws must be (S, n) with 2 draws or more, not {self.draws.shape}")

    @property
    def n_components(self) -> int:
        return len(self.draws)

    def mean(self) -> Array:
        return np.asarray(self.draws.mean(axis=0), dtype=np.float64)

    def variance_parts(self) -> tuple[Array, Array]:
        variance = np.asarray(self.draws.var(axis=0), dtype=np.float64)
        return variance, np.zeros_like(variance)

    def logpdf(self, y: ArrayLike) -> Array:
        raise NotStated(_NO_DENSITY)

    def cdf(self, y: ArrayLike) -> Array:
        points = np.asarray(y, dtype=np.float64)
        shares = [(self.draws <= row).mean(axis=0) for row in np.atleast_2d(points)]
        return np.stack(shares).reshape(points.shape)

    def quantile(self, levels: ArrayLike) -> Array:
        wanted = np.atleast_1d(np.asarray(levels, dtype=np.float64))
        held = _held(wanted, len(self.draws))
        if not held.all():
            raise NotStated(f"{self._stated}, not that at {wanted[~held][0]:g}")
        return _order_statistics(np.sort(self.draws, axis=0), wanted)

    def sample(self, size: int, seed: int) -> Array:
        S, n = self.draws.shape
        row = seeds.generator(seed, "sample of draws").integers(S, size=(size, n))
        return np.take_along_axis(self.draws, row, axis=0)

    def smoothed(self, bandwidth: ArrayLike | None = None) -> GaussianMixture:
        """Return a kernel density estimate of the draws.

        Parameters
        ----------
        bandwidth : float or array of shape (n,), optional
            Sd of the Gaussian kernel, in target units; by default .9 min(sd, iqr / 1.34) S^(-1/5)
            at each input (Silverman 1986, eq. 3.31).

        Returns
        -------
        GaussianMixture
            The mixture of the kernels, which has a density.

        Raises
        ------
        BadInput
            Where the bandwidth is 0: the draws of an input are equal.
        """
        if bandwidth is None:
            spread = np.subtract(*np.quantile(self.draws, [0.75, 0.25], axis=0)) / 1.34
            sd = self.draws.std(axis=0)
            least = np.where(spread > 0, np.minimum(sd, spread), sd)
            bandwidth = 0.9 * least * len(self.draws) ** -0.2
        if not (np.asarray(bandwidth) > 0).all():
            raise BadInput("draws that are equal have no kernel density; give a bandwidth above 0")
        return GaussianMixture(self.draws, bandwidth)

    def forecast(
        self, y: ArrayLike, step: float = 0.0, truth: Predictive | None = None, seed: int = 0
    ) -> Forecast:
        points = targets(y, self.draws.shape[1])
        ordered = np.sort(self.draws, axis=0)
        S = len(ordered)
        missing = {
            **dict.fromkeys(NO_DENSITY_FIELDS, _NO_DENSITY),
            "cdf": f"{S} draws give F(y) in steps only",
            "smallest_sd": "samples have no component sd",
            "between_share": "samples do not divide their variance into parts",
            "quantiles": self._stated,
        }
        if _held(PINBALL_LEVELS, S).all():
            quantiles = _order_statistics(ordered, PINBALL_LEVELS)
            given = {"pinball": quantile_loss(points, quantiles, PINBALL_LEVELS).mean(axis=0)}
        else:
            given = {}
            missing["pinball"] = f"{self._stated}, not those at .01 and .99"
        stored = np.array(STORED_LEVELS)
        held = stored[_held(stored, S)]
        variance, between = self.variance_parts()
        return Forecast.partial(
            len(points),
            missing,
            mean=self.mean(),
            aleatoric=variance,
            between=between,
            crps=self._crps(ordered, points),
            quantiles=_order_statistics(ordered, held),
            levels=tuple(float(level) for level in held),
            pit=self._pit(points, seed),
            n_components=S,
            step=step,
            **given,
        )

    @property
    def _stated(self) -> str:
        S = len(self.draws)
        return f"{S} draws hold the quantiles from {1 / (S + 1):.3g} to {S / (S + 1):.3g}"

    def _pit(self, y: Array, seed: int) -> Array:
        below, up_to = (self.draws < y).sum(axis=0), (self.draws <= y).sum(axis=0)
        uniform = seeds.generator(seed, "pit of draws").random(len(y))
        return np.asarray((below + uniform * (up_to - below + 1)) / (len(self.draws) + 1))

    def _crps(self, ordered: Array, y: Array) -> Array:
        """E|X - y| - E|X - X'| / 2 (n,), the latter by sum_k (2k - S - 1) x_(k) / (S divisor)."""
        S = len(ordered)
        spread = (2 * np.arange(1, S + 1) - S - 1) @ ordered
        divisor = S * (S - 1) if self.fair else S * S
        return np.asarray(np.abs(ordered - y).mean(axis=0) - spread / divisor, dtype=np.float64)


def _held(levels: Array, S: int) -> NDArray[np.bool_]:
    """Which quantiles S draws hold."""
    place = levels * (S + 1)
    return np.asarray((place > 1 - _ROUNDING) & (place < S + _ROUNDING))


def _order_statistics(ordered: Array, levels: Array) -> Array:
    """x_(p (S + 1)) (k, n) of draws (S, n) in ascending order, linear between neighbours."""
    place = levels * (len(ordered) + 1) - 1
    whole = np.clip(np.floor(place + _ROUNDING), 0, len(ordered) - 1).astype(np.int64)
    part = np.maximum(place - whole, 0.0)[:, None]
    part[part < _ROUNDING] = 0.0
    after = np.minimum(whole + 1, len(ordered) - 1)
    return np.asarray(ordered[whole] + part * (ordered[after] - ordered[whole]))
