"""Categories recorded as others."""

import numpy as np

from howrobust import seeds
from howrobust.base.stress import InputStress
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class SwappedCategory(InputStress):
    """Entries of columns of categories replaced by another category.

    An entry is replaced with probability ``level``: where one uniform draw is below it. The other
    category is drawn by its frequency f among the training rows: c becomes k with probability
    f_k / (1 - f_c). A missing entry stays, and so does one whose column has no other category.

    For least squares on a column of two categories, with the coefficient b of one of them, the mean
    squared error on its own training rows grows by level b^2 in expectation: its residuals have
    mean 0 in both.
    """

    name = "swapped_category"
    levels = (0.1, 0.2, 0.4)
    unit = "share of entries"
    changes = "categories"
    title = "categories replaced by others at random"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        rng = seeds.generator(seed, self.name)
        swapped, drawn = rng.random(X.shape) < level, rng.random(X.shape)
        stressed = X.copy()
        for j, frequencies in enumerate(context.frequencies):
            if frequencies is not None:
                rows = np.flatnonzero(swapped[:, j] & ~np.isnan(X[:, j]))
                stressed[rows, j] = _others(X[rows, j], frequencies, drawn[rows, j])
        return stressed


def _others(codes: Array, frequencies: Array, drawn: Array) -> Array:
    """Return another category for each (n,): quantiles, at uniform draws (n,), of the others.

    With the masses of the categories side by side from 0 to 1, a draw u stands at u (1 - f_c), and
    beyond the mass of c it is moved up by f_c.
    """
    k = len(frequencies)
    upper = np.cumsum(frequencies)
    own = np.clip(codes, 0, k).astype(np.int64)
    mass = np.append(frequencies, 0.0)[own]  # a category that no training row has
    lower = np.append(upper, 1.0)[own] - mass
    place = drawn * (1 - mass)
    place = np.where(place >= lower, place + mass, place)
    other = np.searchsorted(upper, place, side="right")
    possible = np.flatnonzero(frequencies)
    other = np.minimum(other, possible[-1] if len(possible) else 0)  # rounding of the last sum
    return np.where(mass < 1, other, codes)
