import numpy as np
import pytest

from howrobust.data import discrete_step, group_split, random_split, time_split
from howrobust.errors import BadInput


@pytest.mark.parametrize("n", [10, 31, 300])
def test_a_random_split_is_a_partition_with_a_tenth_held_out(n):
    train, test = random_split(n, 1)
    assert sorted([*train, *test]) == list(range(n))
    assert len(test) == max(1, round(n / 10))


def test_groups_are_held_out_whole():
    groups = np.repeat(list("abcdefghij"), 7)
    train, test = group_split(groups, 3)
    assert sorted([*train, *test]) == list(range(70))
    assert not set(groups[train]) & set(groups[test])
    assert len(test) == 7
    with pytest.raises(BadInput, match="two groups"):
        group_split(np.repeat("a", 9), 0)


def test_time_splits_train_on_the_past_alone():
    times = np.random.default_rng(0).permutation(100)
    seen = []
    for k in range(5):
        train, test = time_split(times, k, 5, seed=0)
        assert times[train].max() < times[test].min()
        seen += list(times[test])
    assert seen == list(range(50, 100))
    with pytest.raises(BadInput, match="too few"):
        time_split(np.arange(3), 0, 3, 0)


def test_a_discrete_target_is_known_by_its_step():
    rng = np.random.default_rng(0)
    assert discrete_step(rng.integers(3, 9, 500).astype(float)) == 1
    assert discrete_step(rng.integers(3, 9, 500) * 0.25) == pytest.approx(0.25)
    assert discrete_step(rng.normal(size=500)) == 0
    assert discrete_step(np.arange(20.0)) == 0  # hardly any value repeats
    assert discrete_step(rng.choice([0, 1, np.pi], 500)) == 0
