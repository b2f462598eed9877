"""A category that no training row has."""

import numpy as np

from howrobust.base.stress import InputStress, each_in_turn
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class UnseenCategory(InputStress):
    """One column of categories holds a category that no training row has, in every row.

    Each such column of a table in turn is stressed alone; booleans have no third value. The
    category is "unseen" for texts and one more than the largest for numbers, see
    `howrobust.base.tables.domain.new_category`. A pipeline whose encoder refuses unknown categories
    fails here, as it would in use.

    For least squares on indicators of categories, fitted on the same rows, the category has no
    indicator: with the coefficient b of each row's own category the mean squared error grows by
    mean(b^2), since residuals sum to 0 in each category.
    """

    name = "unseen_category"
    levels = (1.0,)
    unit = "column"
    in_turn = True
    changes = "open categories"
    title = "one column's category never seen in training"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        features = self.features(context.frame, X.shape[1])
        return each_in_turn(X, np.where(np.isnan(X), X, context.unseen), features)
