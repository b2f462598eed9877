import numpy as np

from howrobust.base.stress_context import Context
from howrobust.stress.single_feature import SingleFeature


def test_each_feature_is_moved_up_then_down_and_the_others_stay(rows):
    X, y = rows
    context = Context.of(X)
    moved = SingleFeature().apply(X, y, context, 2.0, seed=1).reshape(2, 3, *X.shape)
    for j in range(3):
        for sign, variant in zip((1, -1), moved[:, j], strict=True):
            np.testing.assert_allclose(variant[:, j], X[:, j] + sign * 2.0 * context.sd[j])
            others = np.arange(3) != j
            np.testing.assert_array_equal(variant[:, others], X[:, others])
    assert SingleFeature().apply(X, y, context, 0.0, seed=1) is X


def test_a_linear_prediction_moves_by_level_times_slope_times_sd(line):
    context = Context.of(line.X)
    for level in SingleFeature.levels:
        moved = SingleFeature().apply(line.X, line.y, context, level, seed=1)
        change = (moved.reshape(6, *line.X.shape) - line.X) @ line.weights
        known = level * np.tile(np.abs(line.weights) * context.sd, 2)
        # Rounding of inputs near 100 with a prediction near 1: some 1e-13.
        np.testing.assert_allclose(np.abs(change), known[:, None].repeat(len(line.y), 1), rtol=1e-9)
