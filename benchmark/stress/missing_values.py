"""Missing values in the inputs."""

import numpy as np

from howrobust import seeds
from howrobust.base.stress import InputStress
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class MissingValues(InputStress):
    """Entries missing at random: they become NaN.

    An entry is missing with probability ``level``: where one uniform draw is below it. A model that
    takes missing values is given them. A method that wants numbers is given what its encoder, which
    was fitted on training rows, makes of them; a model that refuses them is given the training
    median, or the most frequent category, and its card says so. Identifiers are left as they are.
    """

    name = "missing_values"
    levels = (0.1, 0.2, 0.4)
    unit = "share of entries"
    title = "entries missing at random"
    makes_missing = True

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        missing = seeds.generator(seed, self.name).random(X.shape) < level
        return np.where(missing & ~context.is_id, np.nan, X)
