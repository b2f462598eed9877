import numpy as np
import pytest

from howrobust.base.data import Dataset, Provenance, discrete_step
from howrobust.base.split_names import held_feature
from howrobust.base.splits import group_split, hold_out_third, random_split, time_split
from howrobust.datasets.tables.rows import RowSource
from howrobust.errors import BadInput
from howrobust.stress.held_out_regions import Gap, Tail
from howrobust.testing.laws import small_table


def table(n, d=3, seed=0):
    """A source of n rows; feature 1 has only five values, y is the number of the row."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X[:, 1] = rng.integers(5, size=n)
    names = tuple(f"f{j}" for j in range(d))
    about = Provenance("rows", "tests", "none needed", "-")
    return RowSource("rows", Dataset(X, np.arange(n, dtype=float), names), about)


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


@pytest.mark.parametrize("n", [10, 11, 15, 21, 308, 506])  # n / 6 ends in a half for 15 and 21
def test_thirds_partition_the_rows_and_are_of_one_size(n):
    order = np.random.default_rng(n).permutation(n)
    lower, middle, upper = (hold_out_third(order, p) for p in ("lower", "middle", "upper"))
    for train, test in (lower, middle, upper):
        assert sorted([*train, *test]) == list(range(n))
        assert len(test) == 2 * round(n / 6)
    size = len(lower[1])
    np.testing.assert_array_equal(lower[1], order[:size])
    np.testing.assert_array_equal(upper[1][::-1], order[::-1][:size])
    left = list(order).index(middle[1][0])
    # As many rows below the middle as above it, or one more above where their number is odd.
    assert (n - size - left) - left == n % 2
    np.testing.assert_array_equal(middle[1], order[left : left + size])


@pytest.mark.parametrize("n", [10, 15, 61, 442])
def test_gaps_and_tails_hold_out_a_third_of_one_feature(n):
    source = table(n)
    x = source.data.X
    h = round(n / 6)
    for j in range(3):
        ranked = sorted(range(n), key=lambda i, j=j: (x[i, j], i))
        for split, held in (
            (f"gap-{j}", ranked[n // 2 - h : n // 2 + h]),
            (f"tail-{2 * j}", ranked[: 2 * h]),
            (f"tail-{2 * j + 1}", ranked[-2 * h :]),
        ):
            train, test = source.realise(split, 0)
            np.testing.assert_array_equal(test.y, held)
            assert sorted([*train.y, *test.y]) == list(range(n))
            np.testing.assert_array_equal(train.X, x[train.y.astype(int)])
            assert held_feature(split) == j


def test_a_random_third_is_the_baseline_of_the_same_size():
    source = table(100)
    gap = source.realise("gap-0", 0)[1]
    tests = [source.realise(split, 0)[1] for split in source.splits(family="third")]
    assert [len(test.y) for test in tests] == [len(gap.y)] * 3
    assert len({frozenset(test.y) for test in tests}) == 3
    assert set(source.realise("third-0", 1)[1].y) != set(tests[0].y)
    train, test = source.realise("third-0", 0)
    assert sorted([*train.y, *test.y]) == list(range(100))
    assert held_feature("third-0") is held_feature("random-3") is held_feature("time-5-1") is None


def test_a_random_third_is_equally_likely_to_hold_any_row():
    # 800 seeds, 10 of 30 rows: a row is held 800/3 times on average, sd sqrt(800 * 2/9) = 13.3;
    # 5 sd either way for 30 rows: exceeded with probability 2e-5, and the seeds are fixed.
    counts = sum(
        np.isin(np.arange(30), table(30).realise("third-0", seed)[1].y) for seed in range(800)
    )
    assert np.abs(counts - 800 / 3).max() < 5 * np.sqrt(800 * 2 / 9)


def test_training_rows_of_gaps_and_tails_come_in_random_order():
    source = table(600)
    for split in ("gap-0", "tail-0", "tail-1", "third-0"):
        train, _ = source.realise(split, 0)
        again, other = source.realise(split, 0)[0], source.realise(split, 1)[0]
        np.testing.assert_array_equal(train.y, again.y)
        assert not np.array_equal(train.y, other.y)
        # Correlation of place and value: sd 1/sqrt(399) under a random order; 4 sd.
        place = np.arange(len(train.y))
        assert abs(np.corrcoef(place, train.X[:, 0])[0, 1]) < 4 / np.sqrt(399)
        assert abs(np.corrcoef(place, train.y)[0, 1]) < 4 / np.sqrt(399)
    # The rows themselves, other than their order, are no matter of the seed in a gap or a tail.
    for split in ("gap-1", "tail-3"):
        np.testing.assert_array_equal(source.realise(split, 0)[1].y, source.realise(split, 1)[1].y)


def test_there_are_as_many_gaps_as_features_and_twice_as_many_tails():
    source = table(50)
    assert source.splits(2) == ["random-0", "random-1"]
    assert len(source.splits()) == len(source.splits(family="random")) == 20
    assert source.splits(family="gap") == ["gap-0", "gap-1", "gap-2"]
    assert source.splits(family="tail") == [f"tail-{k}" for k in range(6)]
    assert source.splits(2, "third") == ["third-0", "third-1"]
    for family, most in (("gap", 3), ("tail", 6), ("third", 3)):
        with pytest.raises(BadInput, match=f"rows has {most} {family} splits, not {most + 1}"):
            source.splits(most + 1, family)
        with pytest.raises(BadInput, match=f"{most} {family} splits; .* no '{family}-{most}'"):
            source.realise(f"{family}-{most}", 0)
    with pytest.raises(BadInput, match=r"no 'time' splits; .*: random, gap, tail, third"):
        source.splits(1, "time")
    for split in ("gap", "gap-", "gap-x", "tail--1", "draw-0"):
        with pytest.raises(BadInput, match="no split"):
            source.realise(split, 0)


def test_data_sets_join_row_after_row():
    data = table(12).data
    joined = data.take(np.arange(5)).join(data.take(np.arange(5, 12)))
    assert joined.sha256 == data.sha256
    assert (joined.features, joined.target, joined.unit) == (data.features, data.target, data.unit)


def test_rows_without_a_value_are_never_held_out_by_a_region_of_the_feature():
    source = table(61)
    source.data.X[::3, 0] = np.nan  # 21 of 61
    x = source.data.X[:, 0]
    ranked = sorted(np.flatnonzero(~np.isnan(x)), key=lambda i: x[i])
    for split, held in (
        ("gap-0", ranked[20 - 7 : 20 + 7]),
        ("tail-0", ranked[:14]),
        ("tail-1", ranked[-14:]),
    ):
        train, test = source.realise(split, 0)
        np.testing.assert_array_equal(test.y, held)
        assert sorted([*train.y, *test.y]) == list(range(61))
    source.data.X[:55, 0] = np.nan
    with pytest.raises(BadInput, match="4 rows with a value of feature 0, too few"):
        source.realise("gap-0", 0)


def test_regions_of_the_most_predictive_features_are_those_of_rows_with_a_value():
    source = table(200)
    X = source.data.X
    X[:, 0] = np.arange(200) + 40 * np.sin(np.arange(200))
    X[::4, 0] = np.nan
    X[:, 2] = np.nan  # has no region
    assert Gap().splits(source, 0) == ["gap-0"]
    assert Tail().splits(source, 0) == ["tail-0", "tail-1"]


def test_dates_have_regions_and_categories_and_identifiers_have_none():
    rows = small_table(80, 1)
    about = Provenance("rows", "tests", "none needed", "-")
    data = Dataset(np.nan_to_num(rows.X), rows.y, tuple(map(str, rows.frame.names)))
    source = RowSource("rows", data, about)
    source.frame = rows.frame
    X, y = rows.X.copy(), rows.X[:, 5] + 0.0  # the target is the identifier
    X[:, 4] = 20_000 + np.round(y / 2)
    source.data = Dataset(X, y, data.features)
    assert {int(name[4:]) for name in Gap().splits(source, 0)} <= {0, 4}
    assert "gap-4" in Gap().splits(source, 0)
