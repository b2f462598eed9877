"""Missing entries of the inputs."""

import numpy as np

from howrobust import seeds
from howrobust.base.stress import InputStress
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class MissingFeatures(InputStress):
    """Entries missing at random, replaced by the training mean.

    That of a category (of a table, or 0 or 1) is replaced by the mode. An entry is missing with
    probability ``level``: where one uniform draw is below it. This is the mildest failure of a
    feature: its values stay in the range of training. Identifiers, and entries that are NaN
    already, stay as they are; `missing_values` makes entries NaN.

    At level p the mean squared error of least squares, weights w, on its own training rows grows
    by p (1 - p) sum w^2 var + p^2 w' Sigma w in expectation, Sigma the covariance of the features:
    entries are missing independently, and residuals have no correlation with a feature.
    """

    name = "missing_features"
    levels = (0.1, 0.2, 0.4)
    unit = "share of entries"
    title = "entries missing at random, replaced by the training mean"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        missing = seeds.generator(seed, self.name).random(X.shape) < level
        stays = context.is_id | np.isnan(X) | np.isnan(context.fill)
        return np.where(missing & ~stays, context.fill, X)
