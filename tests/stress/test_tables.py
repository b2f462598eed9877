"""Every stress of inputs on a table with gaps: what the columns can hold is kept."""

import numpy as np
import pandas as pd
import pytest

from howrobust.base.stress import InputStress
from howrobust.base.stress_context import Context
from howrobust.execution.stressed import stressed_inputs
from howrobust.planning.entry_points import load_stress, names
from howrobust.testing.laws import small_table
from howrobust.testing.stress_checks import _Line

STRESSES = [s for s in map(load_stress, names("stress")) if isinstance(s, InputStress)]
NUMBERS, CATEGORIES, DAY, ID = [0, 1], [2, 3], 4, 5
MOVES_GAPS = ("missing_values", "shifted_column", "stuck_sensor")
MOVES_CATEGORIES = ("unseen_category", "swapped_category", "missing_features", "missing_values")


@pytest.mark.parametrize("stress", STRESSES, ids=lambda s: s.name)
def test_columns_keep_their_domains_under_every_stress(stress):
    table = small_table(80, 3)
    context = Context.of(table.X, _Line(table), table.frame)
    for level in stress.levels:
        stressed = stressed_inputs(stress, table.X, table.y, context, level, 1)
        variants = stressed.reshape(-1, *table.X.shape)
        gaps = np.isnan(table.X)
        if stress.name not in MOVES_GAPS:
            assert (np.isnan(variants) == gaps).all()
        np.testing.assert_array_equal(
            variants[..., ID], np.tile(table.X[:, ID], (len(variants), 1))
        )
        counts, days = variants[..., 1], variants[..., DAY]
        known = ~np.isnan(counts)
        assert (counts[known] >= 0).all()
        for whole in (counts, days):
            np.testing.assert_array_equal(whole, np.rint(whole))
        if stress.name not in MOVES_CATEGORIES:
            clean = np.tile(table.X[:, CATEGORIES], (len(variants), 1, 1))
            np.testing.assert_array_equal(variants[..., CATEGORIES], clean)
        changed = (variants != table.X) & ~gaps
        assert changed.any(axis=(0, 1))[stress.features(table.frame, 6) & ~context.is_id].any()
    assert stressed_inputs(stress, table.X, table.y, context, 0.0, 1) is table.X


def test_the_context_of_a_table_leaves_missing_values_out():
    table = small_table(80, 3)
    X = np.column_stack([table.X, np.full(80, np.nan)])
    context = Context.of(X)
    known = pd.DataFrame(X)
    np.testing.assert_allclose(context.mean, known.mean(), rtol=1e-12)
    np.testing.assert_allclose(context.sd[:6], known.std(ddof=0)[:6], rtol=1e-12)
    np.testing.assert_array_equal(context.lower, known.min())
    np.testing.assert_array_equal(context.upper, known.max())
    assert context.sd[6] == 0
    assert np.isnan(context.fill[6])
    assert context.movable.all()


def test_the_context_of_a_table_knows_its_columns():
    table = small_table(80, 3)
    X = table.X.copy()
    X[::5, 2] = np.nan
    context = Context.of(X, frame=table.frame)
    assert context.movable.tolist() == [True, True, False, False, True, False]
    assert context.is_category.tolist() == [False, False, True, True, False, False]
    assert context.is_id.tolist() == [False] * 5 + [True]
    assert context.sd[[2, 3, 5]].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(context.unseen, [np.nan, np.nan, 3, 2, np.nan, np.nan])
    shares = pd.Series(X[:, 2]).value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(context.frequencies[2], shares, rtol=1e-15)
    assert context.fill[2] == shares.idxmax()
    assert context.frequencies[0] is None


def test_finite_arrays_have_the_context_of_plain_numpy_bit_for_bit():
    X = np.random.default_rng(0).normal(size=(999, 4)) * [1, 1e6, 1e-6, 1]
    X[:, 3] = X[:, 3] > 0
    context = Context.of(X)
    for found, plain in (
        (context.mean, X.mean(axis=0)), (context.sd, X.std(axis=0)),
        (context.lower, X.min(axis=0)), (context.upper, X.max(axis=0)),
    ):  # fmt: skip
        np.testing.assert_array_equal(found, plain)


class Everything(InputStress):
    """Moves every column, identifiers too."""

    name = "everything"
    levels = (1.0,)
    unit = "times"

    def apply(self, X, y, context, level, seed):
        return np.concatenate([X + 0.4, X - 9])


def test_what_a_plug_in_moves_is_put_back_where_columns_can_hold_it():
    table = small_table(80, 3)
    context = Context.of(table.X, frame=table.frame)
    up, down = stressed_inputs(Everything(), table.X, table.y, context, 1.0, 1).reshape(2, 80, 6)
    np.testing.assert_array_equal(up[:, 1:], table.X[:, 1:])
    np.testing.assert_array_equal(up[:, 0], table.X[:, 0] + 0.4)
    assert set(down[:, 2]) == {0.0}
    assert down[:, 1].min() == 0
    np.testing.assert_array_equal(down[:, ID], table.X[:, ID])
