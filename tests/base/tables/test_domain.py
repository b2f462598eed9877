import numpy as np
import pandas as pd
import pytest

from howrobust.base.tables.coding import decoded
from howrobust.base.tables.column import Column
from howrobust.base.tables.domain import new_category, values_within
from howrobust.base.tables.frame import Frame

TEXT, FLOAT = np.dtype(object), np.dtype(float)


def test_stressed_values_become_the_nearest_that_their_columns_can_hold():
    columns = (
        Column("number", "number", FLOAT),
        Column("length", "number", FLOAT, lower=0.0),
        Column("count", "number", np.dtype(int), whole=True, lower=0.0),
        Column("day", "date", np.dtype("datetime64[ns]"), whole=True),
        Column("colour", "category", TEXT, ("a", "b", "c")),
        Column("name", "id", TEXT, ("x", "y", "z")),
    )
    X = np.array([
        [-1.5, -1.5, -1.5, -1.5, -0.6, 7.5],
        [0.25, 0.25, 2.5, 3.5, 1.4, np.nan],
        [np.nan, np.nan, np.nan, np.nan, np.nan, 1.0],
        [1.0, 1.0, 1.0, 1.0, 3.0, 2.0],
    ])  # fmt: skip
    expected = np.array([
        [-1.5, 0, 0, -2, 0, 7.5],
        [0.25, 0.25, 2, 4, 1, np.nan],
        [np.nan, np.nan, np.nan, np.nan, np.nan, 1.0],
        [1.0, 1.0, 1.0, 1.0, 3.0, 2.0],
    ])  # fmt: skip
    before = X.copy()
    np.testing.assert_array_equal(Frame(columns).within(X), expected)
    np.testing.assert_array_equal(X, before)
    assert values_within(columns, expected) is expected


@pytest.mark.parametrize(
    ("dtype", "categories", "new"),
    [
        (TEXT, ("a", "b"), "unseen"),
        (TEXT, ("a", "unseen"), "unseen_"),
        (TEXT, ("a", 3), "unseen"),
        (TEXT, (), None),
        (np.dtype(np.int64), (1, 2, 7), 8),
        (np.dtype(np.int64), (np.int64(1), np.int64(2)), 3),
        (np.dtype(np.uint8), (0, 1, 255), 2),
        (pd.Int8Dtype(), (0, 127), 1),
        (FLOAT, (0.5, 2.5), 3.5),
        (FLOAT, (1e300, 0.0), 1),
        (np.dtype(bool), (False, True), None),
        (np.dtype(bool), (False,), None),
        (pd.CategoricalDtype(["a", "unseen"]), ("a",), "unseen_"),
    ],
)
def test_a_new_category_is_none_of_the_known_ones(dtype, categories, new):
    column = Column("c", "category", dtype, categories)
    assert new_category(column) == new
    assert new is None or new not in categories


@pytest.mark.parametrize(
    "dtype", [TEXT, "category", "string", pd.CategoricalDtype(["b", "a"], True)]
)
def test_codes_become_categories_new_and_missing_ones_too(dtype):
    dtype = pd.Series(["a", "b"], dtype=dtype).dtype
    column = Column("c", "category", dtype, ("a", "b"))
    values = decoded(column, np.array([0.0, 1.0, 2.0, np.nan, 0.4, 9.0, -3.0]))
    assert values.iloc[[0, 1, 2, 4, 5, 6]].tolist() == ["a", "b", "unseen", "a", "b", "a"]
    assert values.isna().tolist() == [False] * 3 + [True] + [False] * 3
    clean = decoded(column, np.array([1.0, 0.0, np.nan]))
    assert clean.dtype == dtype


def test_what_a_narrow_type_cannot_hold_becomes_objects():
    numbers = Column("c", "category", np.dtype(np.int64), (1, 5))
    assert decoded(numbers, np.array([0.0, 2.0])).tolist() == [1, 6]
    assert decoded(numbers, np.array([0.0, 2.0])).dtype == np.int64
    assert decoded(numbers, np.array([0.0, np.nan])).iloc[0] == 1
    gaps = decoded(Column("c", "category", np.dtype(bool), (False, True)), np.array([1.0, np.nan]))
    assert gaps.iloc[0] is True
    assert gaps.isna().tolist() == [False, True]
    flags = Column("c", "category", np.dtype(bool), (False, True))
    assert decoded(flags, np.array([2.0, 0.0])).tolist() == [True, False]
