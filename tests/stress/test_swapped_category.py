import numpy as np
import pytest

from howrobust.base.stress_context import Context
from howrobust.base.tables.column import Column
from howrobust.base.tables.frame import Frame
from howrobust.stress.swapped_category import SwappedCategory, _others
from howrobust.testing.laws import small_table


def frame_of(*categories):
    """Columns of categories, and a number."""
    columns = [Column(f"c{j}", "category", object, known) for j, known in enumerate(categories)]
    return Frame((*columns, Column("x", "number", np.dtype(float))))


def test_two_categories_swapped_cost_least_squares_the_known_amount(line):
    """Growth of row i: s_i (b^2 - 2 b r_i e_i), e_i the swap; its mean is level b^2 as n grows."""
    X = np.column_stack([line.X[:, 0] > 0.5, line.X[:, 1]]).astype(float)
    fitted = type(line)(X, line.y)
    context = Context.of(X, frame=frame_of(("no", "yes")))
    for level in SwappedCategory.levels:
        stressed = SwappedCategory().apply(X, line.y, context, level, seed=1)
        growth = fitted.growth(stressed)[0]
        error = growth.std() / np.sqrt(len(growth))
        assert growth.mean() == pytest.approx(level * fitted.weights[0] ** 2, abs=5 * error)


@pytest.mark.parametrize("own", range(4))
def test_another_category_is_drawn_by_its_frequency_among_the_others(own):
    """Draws are the 100,000 midpoints of a grid: each share is exact but for one step an edge."""
    frequencies, n = np.array([0.1, 0.4, 0.0, 0.5]), 100_000
    drawn = (np.arange(n) + 0.5) / n
    others = _others(np.full(n, float(own)), frequencies, drawn)
    expected = np.where(np.arange(4) == own, 0, frequencies) / (1 - frequencies[own])
    shares = np.bincount(others.astype(int), minlength=4) / n
    np.testing.assert_allclose(shares, expected, atol=2 / n)


def test_a_lone_category_and_a_missing_one_stay_and_a_new_one_becomes_known():
    X = np.array([[0.0, 1.0, 0.5], [0.0, np.nan, 0.5], [0.0, 2.0, 0.5]] * 40)
    train = X[X[:, 1] != 2.0]
    context = Context.of(train, frame=frame_of(("a",), ("b", "c")))
    stressed = SwappedCategory().apply(X, np.zeros(120), context, 0.4, seed=1)
    np.testing.assert_array_equal(stressed[:, [0, 2]], X[:, [0, 2]])
    assert np.isnan(stressed[1::3, 1]).all()
    assert set(stressed[0::3, 1]) == {1.0}  # no training row has b
    assert set(stressed[2::3, 1]) == {1.0, 2.0}


def test_levels_are_nested_and_other_columns_stay():
    table = small_table(200, 1)
    context = Context.of(table.X, frame=table.frame)
    low, high = (
        SwappedCategory().apply(table.X, table.y, context, level, seed=1) for level in (0.1, 0.4)
    )
    moved = low != table.X
    moved[np.isnan(table.X)] = False
    assert moved[:, [2, 3]].any(axis=0).all()
    assert not moved[:, [0, 1, 4, 5]].any()
    np.testing.assert_array_equal(high[moved], low[moved])
    assert SwappedCategory().apply(table.X, table.y, context, 0.0, seed=1) is table.X
