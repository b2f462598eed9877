"""The mean of the target at each level of a category, shrunk and cross-fitted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howrobust.distributions.arrays import Array
from howrobust.seeds import generator

FOLDS = 5


@dataclass(frozen=True)
class TargetMeans:
    """How much the target at each level differs from its overall mean.

    Parameters
    ----------
    levels : array of shape (k,)
        Codes of the levels; NaN for that of missing values.
    effects : array of shape (k,)
        Shrunken difference of each level from the mean of all rows, in units of the target.

    Notes
    -----
    The effect of a level of n_l rows is n_l t / (n_l t + s) times the difference of its mean from
    that of all rows, s the variance within levels and t that between them, both by moments of the
    one-way random-effects model (Searle, Casella & McCulloch 1992, section 3.6). Where the levels
    say nothing, t is near 0, and so are the effects.
    """

    levels: Array
    effects: Array

    @classmethod
    def of(cls, codes: Array, y: Array, levels: Sequence[float]) -> "TargetMeans":
        """Estimate the effects of levels.

        Parameters
        ----------
        codes : array of shape (n,)
            Codes of the levels, NaN where a value is missing.
        y : array of shape (n,)
            Targets.
        levels : sequence of float of length k
            Codes of the levels that have a mean.

        Returns
        -------
        TargetMeans
            The effects; 0 for a level without rows.
        """
        place = _places(codes, np.asarray(levels))
        known = place >= 0
        off = np.where(known, y - y.mean(), 0.0)
        counts = np.bincount(place[known], minlength=len(levels)).astype(np.float64)
        sums = np.bincount(place[known], off[known], minlength=len(levels))
        means = sums / np.maximum(counts, 1)
        n, k = counts.sum(), int((counts > 0).sum())
        if n <= k or k < 2:  # one row a level, or one level: nothing to tell them apart by
            return cls(np.asarray(levels), np.zeros(len(levels)))
        within = float((off[known] - means[place[known]]) @ (off[known] - means[place[known]]))
        within /= n - k
        centre = sums.sum() / n
        squares = float(counts @ (means - centre) ** 2) / (k - 1)
        typical = (n - (counts @ counts) / n) / (k - 1)
        between = max(0.0, (squares - within) / typical)
        total = counts * between + within
        weight = np.divide(counts * between, total, out=np.zeros(len(levels)), where=total > 0)
        return cls(np.asarray(levels), weight * means)

    def at(self, codes: Array) -> Array:
        """Return the effects at some rows.

        Parameters
        ----------
        codes : array of shape (n,)
            Codes of levels, NaN where a value is missing.

        Returns
        -------
        array of shape (n,)
            The effects; 0, that of the overall mean, for a level that is not known.
        """
        place = _places(codes, self.levels)
        return np.where(place >= 0, self.effects[place], 0.0)


def cross_fitted(codes: Array, y: Array, levels: Sequence[float], seed: int) -> Array:
    """Return the effect of each training row's level, of which its own target is no part.

    Parameters
    ----------
    codes : array of shape (n,)
        Codes of the levels, NaN where a value is missing.
    y : array of shape (n,)
        Targets.
    levels : sequence of float of length k
        Codes of the levels that have a mean.
    seed : int
        Seed of the 5 folds.

    Returns
    -------
    array of shape (n,)
        The effects that the four other folds give.
    """
    fold = generator(seed, "folds of target means").permutation(len(y)) % FOLDS
    effects = np.empty(len(y))
    for k in range(FOLDS):
        held = fold == k
        effects[held] = TargetMeans.of(codes[~held], y[~held], levels).at(codes[held])
    return effects


def _places(codes: Array, levels: Array) -> NDArray[np.int64]:
    """Position of the level of each row (n,); -1 for one that is not among them."""
    order = np.argsort(levels, kind="stable")  # NaN is the last
    ordered = levels[order]
    at = np.minimum(np.searchsorted(ordered, codes), len(levels) - 1)
    same = (ordered[at] == codes) | (np.isnan(ordered[at]) & np.isnan(codes))
    return np.where(same, order[at], -1)
