"""A sensor that shows the same value whatever it measures."""

import numpy as np

from howrobust.base.stress import Context, InputStress, each_in_turn
from howrobust.distributions.arrays import Array


class StuckSensor(InputStress):
    """One feature stuck at its least or at its greatest training value.

    There are 2 d variants: in variant j feature j is at its least value, in variant d + j at its
    greatest.

    Feature j stuck at c, the mean squared error of least squares on its own training rows grows by
    w_j^2 (var_j + (c - mean_j)^2): its residuals have mean 0 and no correlation with a feature.
    """

    name = "stuck_sensor"
    levels = (1.0,)
    unit = "sensor"
    in_turn = True
    title = "one feature stuck at its least or greatest training value"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        ends = (context.lower, context.upper)
        return np.concatenate([each_in_turn(X, end) for end in ends])
