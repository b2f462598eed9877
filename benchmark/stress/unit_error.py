"""Numbers recorded in another unit."""

from howrobust.base.stress import InputStress, each_in_turn
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class UnitError(InputStress):
    """One column of numbers multiplied by 2.54, 10 or 1000, as by a wrong unit.

    Each column of numbers in turn is stressed alone; dates and categories are none.

    A linear model with weights w errs by w_j (level - 1) x_j more. For least squares on its own
    training rows, whose residuals have no correlation with x_j, the mean squared error grows by
    w_j^2 (level - 1)^2 mean(x_j^2).
    """

    name = "unit_error"
    levels = (2.54, 10.0, 1000.0)
    unit = "factor"
    in_turn = True
    ladder = False
    changes = "numbers"
    title = "one feature in a wrong unit"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        return each_in_turn(X, X * level, self.features(context.frame, X.shape[1]))
