import numpy as np
import pytest

from howrobust.stress.small_data import SmallData


def test_the_stated_share_of_rows_is_left_out_and_the_rest_keep_their_order(rows):
    X, y = rows
    before = set(range(200))
    for level, m in zip(SmallData.levels, (100, 50, 20), strict=True):
        inputs, targets = SmallData().apply(X, y, level, seed=1)
        assert inputs.shape == (m, 3)
        kept = [int(np.flatnonzero(y == target)[0]) for target in targets]
        assert kept == sorted(kept)
        assert (inputs == X[kept]).all()
        assert set(kept) < before
        before = set(kept)


@pytest.mark.parametrize("n", [2, 3, 5, 11])
def test_two_rows_are_kept_of_few(rows, n):
    X, y = rows[0][:n], rows[1][:n]
    for level in SmallData.levels:
        assert len(SmallData().apply(X, y, level, seed=1)[1]) >= 2


def test_only_fewer_rows_ask_for_as_many_steps():
    assert SmallData().fixed_steps


def test_every_row_is_as_likely_to_be_kept(rows):
    X, y = rows
    kept = sum(np.isin(y, SmallData().apply(X, y, 0.5, seed)[1]) for seed in range(400))
    # Kept in 200 of 400 draws on average, sd sqrt(400)/2 = 10; 5.5 of those, for 200 rows.
    assert (np.abs(kept - 200) < 55).all()
