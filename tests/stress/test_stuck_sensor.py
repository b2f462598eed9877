import numpy as np

from howrobust.base.stress_context import Context
from howrobust.stress.missing_features import MissingFeatures
from howrobust.stress.stuck_sensor import StuckSensor


def test_each_feature_is_stuck_at_its_least_then_at_its_greatest_value(line):
    X, d = line.X, 3
    stressed = StuckSensor().apply(X, line.y, Context.of(X), 1.0, seed=1)
    variants = stressed.reshape(2 * d, *X.shape)
    for j in range(d):
        for variant, value in ((variants[j], X[:, j].min()), (variants[d + j], X[:, j].max())):
            assert (variant[:, j] == value).all()
            others = np.arange(d) != j
            assert (variant[:, others] == X[:, others]).all()


def test_the_error_of_least_squares_grows_by_the_known_amount(line):
    context = Context.of(line.X)
    stressed = StuckSensor().apply(line.X, line.y, context, 1.0, seed=1)
    ends = np.concatenate([context.lower - context.mean, context.upper - context.mean])
    known = np.tile(line.weights, 2) ** 2 * (np.tile(context.sd, 2) ** 2 + ends**2)
    # Exact, for residuals have mean 0 and no feature correlates with them; rounding is some 1e-13
    # of the clean error, and every growth here is larger than that error.
    np.testing.assert_allclose(line.growth(stressed).mean(axis=1), known, rtol=1e-9)


def test_the_range_is_that_of_training_and_level_zero_is_clean(line):
    context = Context.of(line.X)
    few = line.X[:5]
    stressed = StuckSensor().apply(few, line.y[:5], context, 1.0, seed=1)
    assert stressed.shape == (30, 3)
    assert stressed[:5, 0].tolist() == [line.X[:, 0].min()] * 5
    assert StuckSensor().apply(few, line.y[:5], context, 0.0, seed=1) is few


def test_a_gap_stays_a_gap_and_a_sensor_that_training_never_saw_is_left_as_it_is():
    train = np.array([[1.0, np.nan], [3.0, np.nan], [4.0, np.nan]])
    X = np.array([[1.0, 5.0], [np.nan, 6.0]])
    context = Context.of(train)
    stressed = StuckSensor().apply(X, np.zeros(2), context, 1.0, 0)
    low, _, high, _ = stressed.reshape(4, 2, 2)
    np.testing.assert_array_equal(low, [[1.0, 5.0], [np.nan, 6.0]])
    np.testing.assert_array_equal(high, [[4.0, 5.0], [np.nan, 6.0]])
    np.testing.assert_array_equal(stressed[2:4], X)
    np.testing.assert_array_equal(stressed[6:], X)
    filled = MissingFeatures().apply(X, np.zeros(2), context, 0.9999, 0)
    np.testing.assert_array_equal(filled[:, 1], [5.0, 6.0])
