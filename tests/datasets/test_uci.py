import csv
import shutil

import numpy as np
import pytest

from howrobust.base.data import discrete_step
from howrobust.base.splits import hold_out_third
from howrobust.errors import BadInput
from howrobust.planning.data_spec import DataSpec

SIZES = {"boston": (506, 13), "concrete": (1030, 8), "energy": (768, 8), "kin8nm": (8192, 8),
         "naval": (11934, 16), "power": (9568, 4), "protein": (45730, 9), "wine": (1599, 11),
         "yacht": (308, 6)}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_the_nine_sets_have_their_published_shapes_and_splits(uci, name):
    source = DataSpec(f"uci/{name}").open()
    n, d = SIZES[name]
    splits = source.splits()
    assert len(splits) == (5 if name == "protein" else 20)
    train, test = source.realise(splits[0], 0)
    assert (len(train.y) + len(test.y), train.X.shape[1]) == (n, d)
    assert len(train.y) == round(0.9 * n)
    assert len(source.splits(family="gap")) == d
    # Published splits do not depend on the seed.
    assert source.realise(splits[-1], 1)[1].sha256 == source.realise(splits[-1], 2)[1].sha256


@pytest.mark.parametrize("name", ["boston", "yacht", "wine"])
def test_random_splits_are_those_of_the_published_rule(uci, name):
    source = DataSpec(f"uci/{name}").open()
    n = SIZES[name][0]
    rs = np.random.RandomState(1)
    order = [rs.permutation(n) for _ in range(20)]
    table = np.loadtxt(uci / "data" / f"{name}.csv.gz", delimiter=",", skiprows=1)
    for k in (0, 7, 19):
        train, _ = source.realise(f"random-{k}", 0)
        np.testing.assert_array_equal(train.y, table[order[k][: round(0.9 * n)], -1])


def test_a_gap_split_leaves_out_the_middle_third_of_a_feature(uci):
    source = DataSpec("uci/boston").open()
    train, test = source.realise("gap-5", 0)
    x = np.concatenate([train.X[:, 5], test.X[:, 5]])
    lower, upper = np.sort(x)[[len(x) // 3 - 2, 2 * len(x) // 3 + 2]]
    assert ((test.X[:, 5] >= lower) & (test.X[:, 5] <= upper)).all()


def test_features_carry_the_names_of_the_file(uci):
    train, _ = DataSpec("uci/boston").open().realise("random-0", 0)
    assert train.features[0] == "CRIM"
    assert train.target == "MEDV"


def test_wine_is_discrete_and_boston_is_not(uci):
    for name, step in (("wine", 1.0), ("yacht", 0.0), ("concrete", 0.0)):
        train, _ = DataSpec(f"uci/{name}").open().realise("random-0", 0)
        assert discrete_step(train.y) == step


def test_more_splits_than_there_are_is_an_error(uci):
    with pytest.raises(BadInput, match="has 5 random splits, not 6"):
        DataSpec("uci/protein").open().splits(6)
    with pytest.raises(BadInput, match="there is no 'random-99'"):
        DataSpec("uci/yacht").open().realise("random-99", 0)


def test_a_missing_or_damaged_folder_is_named(uci, tmp_path, monkeypatch):
    shutil.copy(uci / "MANIFEST.csv", tmp_path)
    monkeypatch.setenv("HOWROBUST_DATA", str(tmp_path))
    with pytest.raises(BadInput, match="missing"):
        DataSpec("uci/yacht").open().splits()
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "yacht.npz").write_bytes(b"not an archive")
    with pytest.raises(BadInput, match="checksum"):
        DataSpec("uci/yacht").open().splits()
    monkeypatch.setenv("HOWROBUST_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match="MANIFEST"):
        DataSpec("uci/yacht").open().splits()
    monkeypatch.delenv("HOWROBUST_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(BadInput, match="HOWROBUST_DATA"):
        DataSpec("uci/yacht").open().splits()


def test_each_set_carries_source_licence_and_hash(uci):
    with (uci / "MANIFEST.csv").open(newline="") as file:
        hashes = {row["name"]: row["array_sha256"] for row in csv.DictReader(file)}
    for name in SIZES:
        source = DataSpec(f"uci/{name}").open()
        assert source.sha256 == hashes[name]
        assert source.provenance.licence
        assert source.provenance.source


def test_gaps_are_the_published_ones(uci):
    source = DataSpec("uci/yacht").open()
    table = np.loadtxt(uci / "data" / "yacht.csv.gz", delimiter=",", skiprows=1)
    with np.load(uci / "splits" / "yacht.npz", allow_pickle=False) as splits:
        published = splits["gap_test"].astype(int)
    for j, held in enumerate(published):  # LC and L_D are tied: which rows, is the sort's choice
        np.testing.assert_array_equal(source.realise(f"gap-{j}", 0)[1].y, table[held, -1])


@pytest.mark.parametrize("name", SIZES)
def test_published_gaps_hold_the_values_that_the_rule_holds(uci, name):
    source = DataSpec(f"uci/{name}").open()
    for j, split in enumerate(source.splits(family="gap")):
        train, test = source.realise(split, 0)
        x = np.concatenate([train.X[:, j], test.X[:, j]])
        # Which of equal values are held out is the sort's choice; the sorted values are not.
        _, held = hold_out_third(np.argsort(x, kind="stable"), "middle")
        np.testing.assert_array_equal(np.sort(test.X[:, j]), x[held])


@pytest.mark.parametrize("name", SIZES)
def test_tails_and_random_thirds_are_of_the_size_of_the_published_gaps(uci, name):
    source = DataSpec(f"uci/{name}").open()
    n, d = SIZES[name]
    tails, thirds = source.splits(family="tail"), source.splits(family="third")
    assert (len(tails), len(thirds)) == (2 * d, 3)
    size = len(source.realise("gap-0", 0)[1].y)
    for split in (*tails[:2], *tails[-2:], *thirds):
        train, test = source.realise(split, 0)
        assert (len(train.y), len(test.y)) == (n - size, size)
    lower, upper = (source.realise(split, 0) for split in tails[-2:])
    assert lower[1].X[:, -1].max() <= lower[0].X[:, -1].min()
    assert upper[1].X[:, -1].min() >= upper[0].X[:, -1].max()
    with pytest.raises(BadInput, match=f"has {2 * d} tail splits"):
        source.realise(f"tail-{2 * d}", 0)
    with pytest.raises(BadInput, match=r"no 'time' splits; .*: random, gap, tail, third"):
        source.splits(1, "time")
