import numpy as np

from howrobust.base.stress_context import Context
from howrobust.stress.unit_error import UnitError
from howrobust.testing.laws import small_table


def test_a_wrong_unit_costs_least_squares_the_known_amount_in_each_feature(line):
    """Residuals have mean 0 and no feature correlates with them: see test_drift for rounding."""
    for level in UnitError.levels:
        stressed = UnitError().apply(line.X, line.y, Context.of(line.X), level, seed=1)
        known = line.weights**2 * (level - 1) ** 2 * np.mean(line.X**2, axis=0)
        np.testing.assert_allclose(line.growth(stressed).mean(axis=1), known, rtol=1e-8)


def test_numbers_of_a_table_alone_have_a_unit():
    table = small_table(50, 1)
    context = Context.of(table.X, frame=table.frame)
    size, count = UnitError().apply(table.X, table.y, context, 10.0, seed=1).reshape(2, 50, 6)
    np.testing.assert_array_equal(size, table.X * [10, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(count, table.X * [1, 10, 1, 1, 1, 1])
    assert UnitError().apply(table.X, table.y, context, 0.0, seed=1) is table.X
