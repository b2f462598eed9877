from itertools import permutations

import numpy as np

from howrobust.base.stress_context import Context
from howrobust.stress.shifted_column import ShiftedColumn
from howrobust.testing.laws import small_table


def test_every_row_holds_the_value_of_the_row_above():
    X, y = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]), np.zeros(3)
    first, second = ShiftedColumn().apply(X, y, Context.of(X), 1.0, seed=1).reshape(2, 3, 2)
    assert first.tolist() == [[3, 10], [1, 20], [2, 30]]
    assert second.tolist() == [[1, 30], [2, 10], [3, 20]]
    assert ShiftedColumn().apply(X, y, Context.of(X), 0.0, seed=1) is X


def test_over_all_orders_of_the_rows_least_squares_loses_the_known_amount(line):
    """The mean over the 720 orders of 6 rows is the expectation itself, but for rounding."""
    rng = np.random.default_rng(0)
    X, n = rng.normal(size=(6, 2)), 6
    few = type(line)(X, X @ [2.0, -1.0] + rng.normal(size=n))
    growth = []
    for order in map(list, permutations(range(n))):
        stressed = ShiftedColumn().apply(X[order], few.y[order], Context.of(X), 1.0, seed=1)
        by_row = stressed.reshape(2, n, 2)[:, np.argsort(order)]
        growth.append(few.growth(by_row).mean(axis=1))
    known = 2 * n / (n - 1) * few.weights**2 * X.var(axis=0)
    np.testing.assert_allclose(np.mean(growth, axis=0), known, rtol=1e-10)


def test_numbers_and_dates_of_a_table_are_shifted_with_their_gaps():
    table = small_table(50, 1)
    context = Context.of(table.X, frame=table.frame)
    shifted = ShiftedColumn().apply(table.X, table.y, context, 1.0, seed=1).reshape(3, 50, 6)
    for variant, j in zip(shifted, (0, 1, 4), strict=True):
        expected = table.X.copy()
        expected[:, j] = np.roll(expected[:, j], 1)
        np.testing.assert_array_equal(variant, expected)
