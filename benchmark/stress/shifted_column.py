"""One column shifted against the rows."""

import numpy as np

from howrobust.base.stress import InputStress, each_in_turn
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class ShiftedColumn(InputStress):
    """One column of numbers or dates shifted by a row, as by a broken export.

    Each such column in turn is stressed alone: every row holds the value of the row above, and the
    first that of the last. Nothing is drawn: the stress depends on the order of the test rows,
    which is random for random splits and that of time for splits by time, where neighbours are
    alike and the shift is the lag that it would be in use.

    For least squares with weights w on n of its own training rows in random order, the mean squared
    error grows by 2 n / (n - 1) w_j^2 var_j in expectation.
    """

    name = "shifted_column"
    levels = (1.0,)
    unit = "row"
    in_turn = True
    changes = "numbers or dates"
    title = "one feature shifted by a row"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        return each_in_turn(X, np.roll(X, 1, axis=0), context.movable)
