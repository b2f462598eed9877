"""One feature moved up and down, the others left as they are."""

import numpy as np

from howrobust.base.stress import InputStress, each_in_turn
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class SingleFeature(InputStress):
    """One feature moved by level * sd, up and down; sd is that of training.

    Of the m features, those of a table that are numbers or dates, there are 2 m variants: in
    variant k the k-th is moved up, in variant m + k down. The true targets of moved rows are not
    known, so the error is not informative: the stress shows by how much each feature moves the
    prediction.

    The mean of a linear model with weights w moves by level |w_j| sd_j.
    """

    name = "single_feature"
    levels = (0.5, 1.0, 2.0, 4.0)
    unit = "training sd"
    moves_targets = True
    scored_by = "sharpness"
    in_turn = True
    changes = "numbers or dates"
    title = "one feature moved, up and down"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        move = level * context.sd
        ends = (X + move, X - move)
        return np.concatenate([each_in_turn(X, end, context.movable) for end in ends])
