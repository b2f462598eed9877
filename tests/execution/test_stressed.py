"""Rows with missing values: given to a model that takes them, filled for one that refuses them."""

import numpy as np
import pytest

from howrobust.base.stress_context import Context
from howrobust.execution.stressed import MissingValues
from howrobust.testing.laws import small_table


@pytest.fixture
def table():
    return small_table(81, 5)


@pytest.fixture
def stressed(table):
    """Every second entry missing, in two variants."""
    X = np.concatenate([table.X, table.X])
    X[::2, :5] = np.nan
    return X


def test_a_model_that_takes_missing_values_is_given_them(table, stressed):
    missing = MissingValues(table.X, Context.of(table.X, frame=table.frame))
    assert missing.forecast(lambda X: X, stressed, table.X) is stressed
    assert missing.forecast(lambda X: X, table.X, table.X) is table.X
    assert not missing.refused


def refuses(X):
    if np.isnan(X[:, 1:]).any():
        raise ValueError("Input contains NaN")
    return X


def test_one_that_refuses_them_is_given_medians_and_modes_and_asked_once(table, stressed):
    missing = MissingValues(table.X, Context.of(table.X, frame=table.frame))
    calls = []

    def forecast(X):
        calls.append(X)
        return refuses(X)

    filled = missing.forecast(forecast, stressed, table.X)
    assert missing.refused
    gaps = np.isnan(stressed) & ~np.isnan(np.tile(table.X, (2, 1)))
    np.testing.assert_array_equal(filled[~gaps], stressed[~gaps])  # gaps of the table stay
    for j in (0, 1, 4):
        expected = np.nanmedian(table.X[:, j])
        assert set(filled[gaps[:, j], j]) == {np.rint(expected) if j else expected}
    for j in (2, 3):
        values, counts = np.unique(table.X[:, j], return_counts=True)
        assert set(filled[gaps[:, j], j]) == {values[counts.argmax()]}
    missing.forecast(forecast, stressed, table.X)
    assert [np.isnan(X[:, 1:]).any() for X in calls] == [True, False, False]


def test_where_filled_rows_fail_too_the_first_reason_is_the_failure(table, stressed):
    missing = MissingValues(table.X, Context.of(table.X))

    def forecast(X):
        raise ValueError("refused" if np.isnan(X[:, 1:]).any() else "broken anyway")

    with pytest.raises(ValueError, match="refused"):
        missing.forecast(forecast, stressed, table.X)
    assert not missing.refused
    with pytest.raises(ValueError, match="broken anyway"):
        missing.forecast(forecast, table.X, table.X)
