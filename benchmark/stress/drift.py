"""Drift of the gain or of the offset of a sensor.

A linear model with weights w and residuals r = y - prediction, its input moved by e in feature j,
has the squared error (r - w_j e)^2: its mean grows by w_j^2 mean(e^2) - 2 w_j mean(r e).
"""

import numpy as np

from howrobust.base.stress import InputStress, each_in_turn
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class DriftGain(InputStress):
    """Drift of the gain of one feature: mean + (1 + level) (x - mean).

    Each feature in turn is stressed alone; of a table, each column of numbers or dates. The gain is
    relative to the training mean, so that the stress does not depend on the origin of the unit.

    Here e = level (x_j - mean_j). For least squares on its own training rows r has no correlation
    with x_j, and the mean squared error grows by level^2 w_j^2 var_j.
    """

    name = "drift_gain"
    levels = (0.1, 0.25, 0.5, 1.0)
    unit = "gain above 1"
    in_turn = True
    changes = "numbers or dates"
    title = "one feature's distance from its mean multiplied"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        moved = np.where(context.sd > 0, X - context.mean, 0.0)
        return each_in_turn(X, X + level * moved, context.movable)


class DriftOffset(InputStress):
    """Drift of the offset of one feature: x + level * sd, sd that of training.

    Each feature in turn is stressed alone; of a table, each column of numbers or dates.

    Here e = level * sd_j. Where the mean of r is 0, as for least squares on its own training rows,
    the mean squared error grows by (level w_j sd_j)^2.
    """

    name = "drift_offset"
    levels = (0.25, 0.5, 1.0, 2.0)
    unit = "training sd"
    in_turn = True
    changes = "numbers or dates"
    title = "a constant added to one feature"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        return each_in_turn(X, X + level * context.sd, context.movable)
