"""A sensor that shows the same value whatever it measures."""

import numpy as np

from howrobust.base.stress import InputStress, each_in_turn
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class StuckSensor(InputStress):
    """One feature stuck at its least or at its greatest training value.

    Of the m features, those of a table that are numbers or dates, there are 2 m variants: in
    variant k the k-th is at its least value, in variant m + k at its greatest.

    Feature j stuck at c, the mean squared error of least squares on its own training rows grows by
    w_j^2 (var_j + (c - mean_j)^2): its residuals have mean 0 and no correlation with a feature.
    """

    name = "stuck_sensor"
    levels = (1.0,)
    unit = "sensor"
    in_turn = True
    changes = "numbers or dates"
    title = "one feature stuck at its least or greatest training value"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        ends = (context.lower, context.upper)
        kept = [np.where(np.isnan(X) | np.isnan(end), X, end) for end in ends]
        return np.concatenate([each_in_turn(X, stuck, context.movable) for stuck in kept])
