"""Inputs far from all training rows."""

import numpy as np

from howrobust import seeds
from howrobust.base.stress import InputStress
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class Far(InputStress):
    """Inputs far from all training rows: X + level * sd * s.

    s is -1 or 1, drawn per row and feature; sd is that of training. The true targets there are not
    known, so the error is not informative: the stress shows whether the predictive sd grows where
    there are no data.
    """

    name = "far"
    levels = (4.0, 8.0)
    unit = "training sd"
    moves_targets = True
    scored_by = "sharpness"
    title = "every feature moved far away, up or down"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        up = seeds.generator(seed, self.name).random(X.shape) < 0.5
        return X + level * context.sd * np.where(up, 1.0, -1.0)
