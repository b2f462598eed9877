import numpy as np
import pytest

from howrobust.stress.outliers import Outliers


def test_the_stated_share_of_targets_moves_by_ten_sds_up_and_down(rows):
    X, y = rows
    inputs, moved = Outliers().apply(X, y, 0.05, seed=1)
    far = (moved - y) / y.std()
    assert inputs is X
    assert np.count_nonzero(far) == 10
    # Targets of some 20 are rounded at 2^-53 of that.
    np.testing.assert_allclose(np.abs(far[far != 0]), 10, rtol=1e-14)
    # A sign for each of 10 targets: one seed in 512 would show one direction only.
    signs = np.concatenate(
        [np.sign(Outliers().apply(X, y, 0.05, seed)[1] - y) for seed in range(20)]
    )
    # 200 fair signs: their sum has the standard error sqrt(200); 5 of those.
    assert abs(signs.sum()) < 5 * np.sqrt(200)


def test_outliers_of_a_lower_level_stand_in_a_higher_one(rows):
    X, y = rows
    for seed in range(10):
        low, high = (Outliers().apply(X, y, p, seed)[1] for p in Outliers.levels)
        assert np.count_nonzero(low != y) == 2
        assert (high[low != y] == low[low != y]).all()


@pytest.mark.parametrize("n", [2, 20, 49])
def test_at_least_one_target_is_moved(rows, n):
    X, y = rows[0][:n], rows[1][:n]
    assert np.count_nonzero(Outliers().apply(X, y, 0.01, seed=1)[1] != y) == 1
    assert np.count_nonzero(Outliers().apply(X, y, 0.0, seed=1)[1] != y) == 0


def test_a_positive_target_stays_positive_and_a_count_stays_at_0_or_above(rows):
    """A move down that would leave the domain goes up by as much; other moves are as they were."""
    X, y = rows
    for target, lowest in ((np.exp(y / 4), 0), (np.round(np.abs(y)), -1e-9)):
        distance = 10 * target.std()
        for seed in range(10):
            moved = Outliers().apply(X, target, 0.05, seed)[1] - target
            assert (target + moved > lowest).all()
            np.testing.assert_allclose(moved[moved != 0], distance, rtol=1e-12)
    far, near = 1000 + y, y
    for seed in range(10):
        moves = [Outliers().apply(X, t, 0.05, seed)[1] - t for t in (far, near)]
        np.testing.assert_allclose(*moves, atol=1e-9)  # 10 sds below 1000 are still positive


def test_a_target_may_be_0_where_it_was():
    y = np.array([0.0, 1.0] * 20)  # 10 sds are 5: down would be negative everywhere
    y[1] = 5.0
    for seed in range(20):
        assert Outliers().apply(np.zeros((40, 1)), y, 0.05, seed)[1].min() >= 0
