import numpy as np

from howrobust.base.stress_context import Context
from howrobust.stress.missing_values import MissingValues
from howrobust.testing.laws import small_table


def test_a_share_of_the_entries_is_missing_and_levels_are_nested(line):
    context, before = Context.of(line.X), np.zeros(line.X.shape, dtype=bool)
    for level in MissingValues.levels:
        stressed = MissingValues().apply(line.X, line.y, context, level, seed=1)
        missing = np.isnan(stressed)
        np.testing.assert_array_equal(stressed[~missing], line.X[~missing])
        # A binomial share of 60,000 entries: 5 standard errors.
        error = np.sqrt(level * (1 - level) / missing.size)
        assert abs(missing.mean() - level) < 5 * error
        assert missing[before].all()
        before = missing
    assert MissingValues().apply(line.X, line.y, context, 0.0, seed=1) is line.X


def test_gaps_stay_and_an_identifier_is_never_missing():
    table = small_table(50, 1)
    context = Context.of(table.X, frame=table.frame)
    stressed = MissingValues().apply(table.X, table.y, context, 0.4, seed=1)
    assert np.isnan(stressed[:, :5]).any(axis=0).all()
    assert np.isnan(stressed[np.isnan(table.X)]).all()
    np.testing.assert_array_equal(stressed[:, 5], table.X[:, 5])
