import numpy as np
import pandas as pd
import pytest

from howrobust.errors import BadInput
from howrobust.planning.data_spec import DataSpec


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "a": rng.normal(size=60),
            "flag": rng.random(60) < 0.5,
            "site": rng.choice(["north", "south", "=cmd"], 60),
            "when": pd.date_range("2020-01-01", periods=60).astype(str),
            "y": rng.normal(size=60),
        }
    )


def write(tmp_path, frame, name="my.csv"):
    path = tmp_path / name
    frame.to_csv(path, index=False)
    return str(path)


def test_numbers_and_booleans_are_features(tmp_path, frame):
    path = write(tmp_path, frame[["a", "flag", "y"]])
    train, test = DataSpec(path, target="y").open().realise("random-0", 0)
    assert train.features == ("a", "flag")
    assert (len(train.y), len(test.y)) == (54, 6)
    assert set(np.unique(train.X[:, 1])) == {0.0, 1.0}


def test_the_last_column_is_the_target_where_none_is_named(tmp_path, frame):
    train, _ = DataSpec(write(tmp_path, frame[["a", "y"]])).open().realise("random-0", 0)
    assert train.target == "y"


def test_parquet_gives_the_same_rows_as_csv(tmp_path, frame):
    own = frame[["a", "flag", "y"]]
    own.to_parquet(tmp_path / "my.parquet")
    csv = DataSpec(write(tmp_path, own)).open().data
    parquet = DataSpec(str(tmp_path / "my.parquet")).open().data
    np.testing.assert_array_equal(csv.X, parquet.X)
    np.testing.assert_array_equal(csv.y, parquet.y)


def test_text_is_refused_by_name_or_encoded(tmp_path, frame):
    path = write(tmp_path, frame[["a", "site", "y"]])
    with pytest.raises(BadInput, match=r"column 'site' .* is text.*--one-hot"):
        DataSpec(path, target="y").open()
    train, _ = DataSpec(path, target="y", one_hot=True).open().realise("random-0", 0)
    assert train.features == ("a", "site_=cmd", "site_north", "site_south")
    np.testing.assert_array_equal(train.X[:, 1:].sum(axis=1), 1)


def test_a_text_of_many_values_is_not_encoded(tmp_path, frame):
    path = write(tmp_path, frame[["a", "when", "y"]])
    with pytest.raises(BadInput, match=r"'when' .* 60 different texts"):
        DataSpec(path, target="y", one_hot=True).open()


def test_dates_order_the_rows_or_are_refused(tmp_path, frame):
    own = frame[["a", "y"]].assign(when=pd.date_range("2020-01-30", periods=60).astype(str))
    shuffled = own.sample(frac=1, random_state=0)
    source = DataSpec(write(tmp_path, shuffled), target="y", time="when").open()
    for split in source.splits(3):
        train, test = source.realise(split, 0)
        last = own.set_index("a")["when"].reindex(train.X[:, 0]).max()
        assert last < own.set_index("a")["when"].reindex(test.X[:, 0]).min()
    ambiguous = own.assign(when=pd.date_range("2020-01-30", periods=60).strftime("%d/%m/%Y"))
    with pytest.raises(BadInput, match=r"'when' .* neither a number nor a date like 2026-01-31"):
        DataSpec(write(tmp_path, ambiguous), target="y", time="when").open()


def test_the_column_that_splits_is_part_of_the_data(tmp_path, frame):
    own = frame[["a", "y"]]
    hashes = set()
    for labels in (list("abcdef") * 10, list("abcfed") * 10):
        path = write(tmp_path, own.assign(g=labels))
        hashes.add(DataSpec(path, target="y", groups="g").open().sha256)
    assert len(hashes) == 2


def test_groups_and_time_order_the_splits_and_are_no_features(tmp_path, frame):
    path = write(tmp_path, frame.drop(columns="when"))
    source = DataSpec(path, target="y", one_hot=True, groups="site").open()
    assert "site_north" not in source.data.features
    train, test = source.realise(source.splits(1)[0], 0)
    assert len(train.y) + len(test.y) == 60
    path = write(tmp_path, frame)
    source = DataSpec(path, target="y", one_hot=True, time="when").open()
    train, test = source.realise(source.splits(3)[0], 0)
    assert (len(train.y), len(test.y)) == (42, 6)
    with pytest.raises(BadInput, match="not by both"):
        DataSpec(path, target="y", groups="site", time="when").open()


BAD = {
    "empty": ("", "is empty"),
    "header alone": ("a,y\n", "at least 10"),
    "three rows": ("a,y\n1,2\n2,3\n3,5\n", "3 rows; at least 10"),
    "not a number": ("a,y\n" + "1,2\n" * 11 + ",5\n", "column 'a' .* 1 missing"),
    "infinite": ("a,y\n" + "1,2\n" * 11 + "inf,5\n", "column 'a' .* infinite"),
    "constant target": ("a,y\n" + "".join(f"{k},7\n" for k in range(20)), "constant"),
    "duplicate names": ("a,a,y\n" + "1,2,3\n" * 12, "two columns called 'a'"),
    "text target": ("a,y\n" + "".join(f"{k},t{k}\n" for k in range(12)), "'y' .* is text"),
    "no features": ("y\n" + "".join(f"{k}\n" for k in range(12)), "no feature columns"),
    "unnamed index": (
        ",a,y\n" + "".join(f"{k},{k},{k * k}\n" for k in range(12)),
        "without a name",
    ),
    "no header": ("".join(f"{k}.5,{k * k}\n" for k in range(12)), "no header"),
    "semicolons": ("a;y\n" + "1;2\n" * 12, "separated by ';'"),
    "decimal commas": (
        "a,y\n" + "".join(f'{k},"{k},5"\n' for k in range(12)),
        "',' in its decimals",
    ),
    "a stray text": (
        "a,y\n" + "".join(f"{k},{k * k}\n" for k in range(12)) + "n/a?,3\n",
        r"numbers except for 1 cells, the first of them 'n/a\?' in row 13",
    ),
    "ragged": ("a,y\n" + "1,2\n" * 11 + "1,2,3,4\n", "cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_learnt_from_is_said_in_one_sentence(tmp_path, case):
    text, message = BAD[case]
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=message) as caught:
        DataSpec(str(path), target="y").open()
    assert "\n" not in str(caught.value)


def test_files_that_are_not_tables_are_named(tmp_path):
    with pytest.raises(BadInput, match="no file"):
        DataSpec(str(tmp_path / "nowhere.csv")).open()
    (tmp_path / "table.xlsx").write_bytes(b"PK")
    with pytest.raises(BadInput, match="is neither"):
        DataSpec(str(tmp_path / "table.xlsx")).open()
    (tmp_path / "bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(BadInput, match="cannot be read"):
        DataSpec(str(tmp_path / "bad.parquet")).open()
    (tmp_path / "bytes.csv").write_bytes(b"a,y\n\xff\xfe,1\n")
    with pytest.raises(BadInput, match="not UTF-8"):
        DataSpec(str(tmp_path / "bytes.csv")).open()
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadInput, match="cannot be read"):
        DataSpec(str(tmp_path / "folder.csv")).open()


def test_a_target_that_is_not_there_is_named_with_those_that_are(tmp_path, frame):
    with pytest.raises(BadInput, match=r"no column 'price'; its columns are: a, y"):
        DataSpec(write(tmp_path, frame[["a", "y"]]), target="price").open()


def test_the_same_data_in_another_folder_is_the_same_data(tmp_path, frame):
    own = frame[["a", "y"]]
    (tmp_path / "other").mkdir()
    first = DataSpec(write(tmp_path, own)).open()
    second = DataSpec(write(tmp_path / "other", own)).open()
    assert first.name == second.name == "my.csv"
    assert first.realise("random-0", 0)[1].sha256 == second.realise("random-0", 0)[1].sha256


def test_two_files_of_one_name_are_refused(tmp_path, frame):
    from howrobust.planning.options import RunOptions
    from howrobust.planning.plan import make_plan

    own = frame[["a", "y"]]
    (tmp_path / "other").mkdir()
    both = [write(tmp_path, own), write(tmp_path / "other", own)]
    with pytest.raises(BadInput, match=r"two data sets are called 'my.csv'"):
        make_plan(RunOptions(methods=["bayesian_ridge"], data=both))


def test_a_file_split_at_random_also_holds_out_thirds(tmp_path, frame):
    source = DataSpec(write(tmp_path, frame[["a", "flag", "y"]])).open()
    assert source.splits(family="gap") == ["gap-0", "gap-1"]
    assert source.splits(family="tail") == [f"tail-{k}" for k in range(4)]
    train, test = source.realise("tail-1", 0)
    assert (len(train.y), len(test.y)) == (40, 20)
    assert test.X[:, 0].min() > train.X[:, 0].max()
    assert len(source.realise("third-2", 0)[1].y) == 20


@pytest.mark.parametrize(("word", "column"), [("groups", "site"), ("time", "when")])
def test_a_file_split_by_groups_or_time_has_no_other_splits(tmp_path, frame, word, column):
    own = frame[["a", "y", column]]
    source = DataSpec(write(tmp_path, own), target="y", **{word: column}).open()
    assert source.splits(2, source.family) == source.splits(2)
    for family in ("gap", "tail", "third", "random"):
        with pytest.raises(BadInput, match=f"no '{family}' .* one of: {source.family}"):
            source.splits(1, family)
    with pytest.raises(BadInput, match="no split 'gap-0'"):
        source.realise("gap-0", 0)
