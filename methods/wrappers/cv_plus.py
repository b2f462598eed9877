"""CV+: prediction intervals from the models of a cross-validation, for any regressor.

Barber, Candes, Ramdas & Tibshirani 2021, "Predictive inference with the jackknife+", section 3.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howrobust import seeds
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import NO_DENSITY_FIELDS, NotStated
from howrobust.distributions.predictive import CompletePredictive, Evaluation

HELD_FLOATS = 2**21  # ends of intervals held at a time
NO_DENSITY = "this forecast has no density: it is made of intervals, as those of CV+"
JUST = 1e-12  # far above rounding, far below a step of the cdf


class CVPlus(CompletePredictive):
    """The intervals at x of K models, model k fitted without the rows of fold k.

    ``means`` (K, m): the models at m inputs. ``residuals`` (n,): R_i = |y_i - mu_{-k(i)}(x_i)| of
    the n training rows, each by the model that did not train on it. ``fold`` (n,): k(i). Raises
    ValueError for other shapes, values that are not finite, a residual below 0 or none above it.

    With a = 2 min(p, 1 - p) and j = floor(a (n + 1)), the quantile at p < 1/2 is the j-th smallest
    of mu_{-k(i)}(x) - R_i, at p > 1/2 the j-th largest of mu_{-k(i)}(x) + R_i, and at 1/2 the
    median of mu_{-k(i)}(x), so that ``interval(1 - a)`` is CV+ at level 1 - a. Two things go beyond
    the paper. Where j = 0, an interval that would hold more than n / (n + 1), the bound is
    infinite: n rows do not say where it is. And no lower quantile is above the median, nor an upper
    one below it: models that disagree by more than their residuals would have them cross. That only
    widens an interval.

    ``cdf`` is the inverse of the quantile function, a step function with steps of 1 / (2 (n + 1)):
    at y it is the least upper bound of the p whose quantile is at or below y, less 1e-12 because y
    lies outside the interval at that very p (above the median likewise, by symmetry).

    For rows that are exchangeable with the n, K folds of one size and one partition, an interval at
    level 1 - a holds y with probability 1 - 2a - sqrt(2 / n) or more, for any model (theorem 4 of
    the paper); about 1 - a where the models are stable. That is an average over training sets and
    x, not a promise at each x. Intervals that pool several partitions have no such guarantee, and
    choosing anything on the held-out fold, such as the epoch, voids it.

    There is no density: ``logpdf`` raises `NotStated`. ``mean`` is that of the K models, the
    aleatoric part of the variance the mean of R_i^2 and the part between the variance of the K
    models: moments of a summary, not of the cdf, which has mass 1 / (2 (n + 1)) at each infinity.
    ``sample`` and the continuous ranked probability score, which would be infinite, have that mass
    at the least lower and the greatest upper bound that is finite; the score is then exact.

    Parameters
    ----------
    means : array_like, shape (K, m)
        Predictions of K models at m inputs.
    residuals : array_like, shape (n,)
        Absolute out-of-fold residuals.
    fold : array_like of int, shape (n,)
        Fold of each row.
    """

    def __init__(self, means: ArrayLike, residuals: ArrayLike, fold: ArrayLike) -> None:
        self.means = np.asarray(means, dtype=np.float64)
        self.residuals = np.asarray(residuals, dtype=np.float64)
        self.fold = np.asarray(fold, dtype=np.int64)
        if self.means.ndim != 2 or self.means.size == 0:
            raise ValueError(f"means must be (K, m) and not empty, not {self.means.shape}")
        if self.residuals.ndim != 1 or self.residuals.shape != self.fold.shape:
            raise ValueError(
                f"residuals and fold must both be (n,), not {self.residuals.shape} and "
                f"{self.fold.shape}"
            )
        if not ((self.fold >= 0) & (self.fold < len(self.means))).all():
            raise ValueError(f"every fold must be one of the {len(self.means)} models'")
        if not (np.isfinite(self.means).all() and np.isfinite(self.residuals).all()):
            raise ValueError("means and residuals must be finite")
        if not ((self.residuals >= 0).all() and self.residuals.any()):
            raise ValueError("residuals must be at least 0, and not all of them 0")

    @property
    def n_components(self) -> int:
        return len(self.means)

    def mean(self) -> Array:
        return np.asarray(self.means.mean(axis=0), dtype=np.float64)

    def variance_parts(self) -> tuple[Array, Array]:
        noise = np.full(self.means.shape[1], np.mean(self.residuals**2))
        return noise, self.means.var(axis=0)

    def logpdf(self, y: ArrayLike) -> Array:
        raise NotStated(NO_DENSITY)

    def cdf(self, y: ArrayLike) -> Array:
        y = np.asarray(y, dtype=np.float64)
        rows = np.atleast_2d(y)
        probabilities = self._by_parts(lambda ends, part: _cdf(ends, rows[:, part]))
        return probabilities.reshape(y.shape)

    def quantile(self, levels: ArrayLike) -> Array:
        levels = np.atleast_1d(np.asarray(levels, dtype=np.float64))
        place = _places(levels, len(self.residuals))
        return self._by_parts(lambda ends, part: ends[place])

    def sample(self, size: int, seed: int) -> Array:
        n, m = len(self.residuals), self.means.shape[1]
        drawn = seeds.generator(seed, "cv+ sample").integers(2 * n + 2, size=(size, m))

        def taken(ends: Array, part: slice) -> Array:
            return np.take_along_axis(_finite(ends), drawn[:, part], axis=0)

        return self._by_parts(taken)

    def evaluate(self, y: Array, levels: Array) -> Evaluation:
        aleatoric, between = self.variance_parts()
        place = _places(levels, len(self.residuals))

        def scored(ends: Array, part: slice) -> Array:
            return np.vstack([_cdf(ends, y[None, part]), _crps(ends, y[part]), ends[place]])

        cdf, crps, *quantiles = self._by_parts(scored)
        return Evaluation(
            mean=self.mean(),
            aleatoric=aleatoric,
            between=between,
            logpdf=np.empty(0),
            cdf=cdf,
            crps=crps,
            quantiles=np.array(quantiles),
            smallest_sd=np.sqrt(aleatoric),
            nll_error=0.0,
            crps_error=0.0,
            # The moments are those of a summary: a Gaussian with them is not what CV+ states.
            missing=dict.fromkeys((*NO_DENSITY_FIELDS, "nll_gaussian"), NO_DENSITY),
        )

    def _by_parts(self, function: Callable[[Array, slice], Array]) -> Array:
        """Join ``function(ends, part)`` (k, c) over parts of c inputs: memory stays bounded."""
        m, step = self.means.shape[1], max(1, HELD_FLOATS // len(self.residuals))
        parts = [slice(start, start + step) for start in range(0, m, step)]
        return np.concatenate([function(self._ends(part), part) for part in parts], axis=-1)

    def _ends(self, part: slice) -> Array:
        """Quantiles (2n + 3, c), ascending: -inf, n lower ends, the median, n upper ends, inf."""
        centres, width = self.means[self.fold, part], self.residuals[:, None]
        middle = np.median(centres, axis=0)
        lower = np.minimum(np.sort(centres - width, axis=0), middle)
        upper = np.maximum(np.sort(centres + width, axis=0), middle)
        infinite = np.full((1, len(middle)), np.inf)
        return np.concatenate([-infinite, lower, middle[None], upper, infinite])


def _places(levels: Array, n: int) -> NDArray[np.int64]:
    """Where the quantiles at these levels stand among the 2n + 3 ends."""
    # (1 - .9) / 2 is .05 less 1 in 10^16: a whole number must survive such rounding.
    j = np.floor(2 * np.minimum(levels, 1 - levels) * (n + 1) + 1e-9).astype(np.int64)
    return np.where(levels <= 0.5, j, 2 * n + 2 - j)


def _cdf(ends: Array, y: Array) -> Array:
    """F(y) for y (k, c), by counting ends (2n + 3, c)."""
    n = len(ends) // 2 - 1
    lower, middle, upper = ends[1 : n + 1], ends[n + 1], ends[n + 2 : -1]
    below = np.stack([(lower <= row).sum(axis=0) for row in y])
    above = np.stack([(upper >= row).sum(axis=0) for row in y])
    step = 1 / (2 * n + 2)
    left, right = (below + 1) * step - JUST, 1 - (above + 1) * step + JUST
    return np.where(y < middle, left, np.where(y > middle, right, 0.5))


def _finite(ends: Array) -> Array:
    """The 2n + 2 equally weighted values of the distribution, its infinite ones moved inwards."""
    n = len(ends) // 2 - 1
    return np.concatenate([ends[1:2], ends[1 : n + 1], ends[n + 2 : -1], ends[-2:-1]])


def _crps(ends: Array, y: Array) -> Array:
    """E|Y - y| - E|Y - Y'| / 2 for y (c,); the latter is sum_k (2k - N - 1) y_(k) / N^2."""
    values = _finite(ends)
    size = len(values)
    weights = 2 * np.arange(1, size + 1) - size - 1
    return np.asarray(np.abs(values - y).mean(axis=0) - weights @ values / size**2, np.float64)
