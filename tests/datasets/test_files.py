"""Files as data sets: roles of columns, what becomes of them, and all problems at once."""

import numpy as np
import pandas as pd
import pytest

from howrobust.datasets.tables.roles import parsed_kinds
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


def kinds(source):
    return {column.name: column.kind for column in source.frame.columns}


def test_every_column_but_the_target_is_a_feature_of_its_kind(tmp_path, frame):
    source = DataSpec(write(tmp_path, frame), target="y").open()
    assert kinds(source) == {"a": "number", "flag": "category", "site": "category", "when": "date"}
    train, test = source.realise("random-0", 0)
    assert train.features == ("a", "flag", "site", "when")
    assert (len(train.y), len(test.y)) == (54, 6)
    table = source.frame.decode(source.data.X)
    np.testing.assert_array_equal(table["a"], frame["a"])
    assert table["flag"].dtype == bool
    assert (table["flag"] == frame["flag"]).all()
    assert list(table["site"]) == list(frame["site"])
    assert list(table["when"].dt.strftime("%Y-%m-%d")) == list(frame["when"])
    np.testing.assert_array_equal(source.data.y, frame["y"])


def test_a_file_of_numbers_has_a_frame_too(tmp_path, frame):
    source = DataSpec(write(tmp_path, frame[["a", "y"]])).open()
    assert kinds(source) == {"a": "number"}


def test_the_last_column_is_the_target_where_none_is_named(tmp_path, frame):
    path = write(tmp_path, frame[["a", "y"]])
    assert DataSpec(path).open().data.target == "y"
    assert DataSpec(path, drop=("y",)).roles.target_of(["a", "b", "y"]) == "b"
    assert DataSpec(path, groups="y").roles.target_of(["a", "b", "y"]) == "b"


def test_a_file_has_the_target_transform_auto_or_the_one_that_is_given(tmp_path, frame):
    path = write(tmp_path, frame)
    assert DataSpec(path).open().target_transform == "auto without log"  # some targets are below 0
    above = write(tmp_path, frame.assign(y=np.exp(frame["y"])), "above.csv")
    assert DataSpec(above).open().target_transform == "auto"
    assert DataSpec(above, target_transform="log").open().target_transform == "log"
    with pytest.raises(BadInput, match=r"values of 0 or less .* which have no logarithm"):
        DataSpec(path, target_transform="log").open()
    assert DataSpec("diabetes").open().target_transform == "none"
    assert DataSpec("diabetes", target_transform="auto").open().target_transform == "auto"
    assert DataSpec("quintic", target_transform="yeo-johnson").open().target_transform == (
        "yeo-johnson"
    )


def test_parquet_gives_the_same_rows_as_csv(tmp_path, frame):
    own = frame[["a", "flag", "site", "y"]]
    own.to_parquet(tmp_path / "my.parquet")
    csv = DataSpec(write(tmp_path, own)).open()
    parquet = DataSpec(str(tmp_path / "my.parquet")).open()
    np.testing.assert_array_equal(csv.data.X, parquet.data.X)
    np.testing.assert_array_equal(csv.data.y, parquet.data.y)
    assert kinds(csv) == kinds(parquet)


def test_a_user_overrules_what_a_column_is(tmp_path, frame):
    own = frame[["a", "y"]].assign(code=np.arange(60) % 7)[["a", "code", "y"]]
    path = write(tmp_path, own)
    assert kinds(DataSpec(path).open()) == {"a": "number", "code": "number"}
    source = DataSpec(path, kinds=(("code", "category"),)).open()
    assert kinds(source) == {"a": "number", "code": "category"}
    assert source.sha256 != DataSpec(path).open().sha256
    assert kinds(DataSpec(path, kinds=(("code", "id"),)).open())["code"] == "id"


def test_dropped_columns_are_neither_read_nor_features(tmp_path, frame):
    own = frame[["a", "site", "y"]].assign(bad=["x", *range(59)])
    source = DataSpec(write(tmp_path, own), target="y", drop=("bad", "site")).open()
    assert source.data.features == ("a",)
    roles = {column.name: column.role for column in source.look.columns}
    assert roles == {"a": "feature", "site": "left out", "y": "target", "bad": "left out"}


def test_missing_values_are_kept_as_missing(tmp_path, frame):
    own = frame[["a", "site", "y"]].copy()
    own.loc[3, "a"], own.loc[5, "site"] = np.nan, None
    source = DataSpec(write(tmp_path, own)).open()
    assert np.argwhere(np.isnan(source.data.X)).tolist() == [[3, 0], [5, 1]]
    assert [column.missing for column in source.look.columns] == [1, 1, 0]


def test_rows_without_a_target_are_left_out_and_counted(tmp_path, frame):
    own = frame[["a", "site", "y"]].copy()
    own.loc[[2, 7], "y"] = np.nan
    source = DataSpec(write(tmp_path, own)).open()
    np.testing.assert_array_equal(source.data.y, own["y"].dropna())
    np.testing.assert_array_equal(source.data.X[:, 0], own["a"].drop(index=[2, 7]))
    assert list(source.data.index) == [k for k in range(60) if k not in (2, 7)]
    assert source.warnings == ("2 of 60 rows are left out: they have no y, the target",)
    target = source.look.columns[-1]
    assert (target.role, target.missing) == ("target", 2)


def test_dates_or_numbers_order_the_rows(tmp_path, frame):
    own = frame[["a", "y"]].assign(when=pd.date_range("2020-01-30", periods=60).astype(str))
    shuffled = own.sample(frac=1, random_state=0)
    source = DataSpec(write(tmp_path, shuffled), target="y", time="when").open()
    for split in source.splits(3):
        train, test = source.realise(split, 0)
        last = own.set_index("a")["when"].reindex(train.X[:, 0]).max()
        assert last < own.set_index("a")["when"].reindex(test.X[:, 0]).min()
    numbered = own.assign(when=np.arange(60)).sample(frac=1, random_state=0)
    source = DataSpec(write(tmp_path, numbered), target="y", time="when").open()
    np.testing.assert_array_equal(source.times, numbered["when"])
    words = own.assign(when=[f"t{k}" for k in range(60)])
    with pytest.raises(BadInput, match=r"'when' is neither numbers nor dates like 2026-01-31"):
        DataSpec(write(tmp_path, words), target="y", time="when").open()


def test_a_column_that_splits_the_rows_has_no_gaps(tmp_path, frame):
    own = frame[["a", "site", "when", "y"]].copy()
    own.loc[3, ["site", "when"]] = None
    path = write(tmp_path, own)
    for word, column in (("groups", "site"), ("time", "when")):
        with pytest.raises(BadInput, match=rf"--{word}: column '{column}' has 1 missing values"):
            DataSpec(path, target="y", **{word: column}).open()
    with pytest.raises(BadInput, match="holds one group"):
        DataSpec(write(tmp_path, frame.assign(site="x")), target="y", groups="site").open()


def test_the_column_that_splits_is_part_of_the_data(tmp_path, frame):
    own = frame[["a", "y"]]
    hashes = set()
    for labels in (list("abcdef") * 10, list("abcfed") * 10):
        path = write(tmp_path, own.assign(g=labels))
        hashes.add(DataSpec(path, target="y", groups="g").open().sha256)
    assert len(hashes) == 2


def test_groups_and_time_order_the_splits_and_are_no_features(tmp_path, frame):
    path = write(tmp_path, frame.drop(columns="when"))
    source = DataSpec(path, target="y", groups="site").open()
    assert "site" not in source.data.features
    train, test = source.realise(source.splits(1)[0], 0)
    assert len(train.y) + len(test.y) == 60
    path = write(tmp_path, frame)
    source = DataSpec(path, target="y", time="when").open()
    train, test = source.realise(source.splits(3)[0], 0)
    assert (len(train.y), len(test.y)) == (42, 6)
    with pytest.raises(BadInput, match="not by both"):
        DataSpec(path, target="y", groups="site", time="when").open()


BAD = {
    "empty": ("", "is empty"),
    "header alone": ("a,y\n", "0 rows; at least 10"),
    "three rows": ("a,y\n1,2\n2,3\n3,5\n", "3 rows; at least 10"),
    "infinite": ("a,y\n" + "1,2\n" * 11 + "inf,5\n", "column 'a' .*inf"),
    "constant target": ("a,y\n" + "".join(f"{k},7\n" for k in range(20)), "constant"),
    "duplicate names": ("a,a,y\n" + "1,2,3\n" * 12, "columns are called 'a'"),
    "text target": (
        "a,y\n" + "".join(f"{k},t{k}\n" for k in range(12)),
        "the target 'y' holds text, and a regression needs numbers",
    ),
    "dates as target": (
        "a,y\n" + "".join(f"{k},2026-01-{k + 10}\n" for k in range(12)),
        "the target 'y' holds dates",
    ),
    "booleans as target": ("a,y\n" + "1,true\n2,false\n" * 6, "the target 'y' holds booleans"),
    "no target at all": ("a,y\n" + "1,\n2,\n" * 6, "the target 'y' holds no value"),
    "no features": ("y\n" + "".join(f"{k}\n" for k in range(12)), "no feature columns"),
    "no header": ("".join(f"{k}.5,{k * k}\n" for k in range(12)), "no header"),
    "a stray text": (
        "a,y\n" + "".join(f"{k},{k * k}\n" for k in range(12)) + "n/a?,3\n",
        r"column 'a' is numbers except for 1 cell: 'n/a\?' in line 14",
    ),
    "ragged": ("a,y\n" + "1,2\n" * 11 + "1,2,3,4\n", r"4 fields, the header 2 \(line 13\)"),
    "a target that splits": (
        "a,y\n" + "1,2\n" * 12,
        "'y' is the target; split by another column",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_one_problem_is_one_line_that_names_it(tmp_path, case):
    text, message = BAD[case]
    path = tmp_path / "bad.csv"
    path.write_text(text)
    more = {"groups": "y"} if case == "a target that splits" else {}
    with pytest.raises(BadInput, match=message) as caught:
        DataSpec(str(path), target="y", **more).open()
    assert "\n" not in str(caught.value)


def test_all_problems_are_named_at_once(tmp_path):
    rows = "".join(f"{k},t{k % 3},{k % 4 or ''},{k}\n" for k in range(20))
    path = tmp_path / "bad.csv"
    path.write_text("a,b,g,y\n" + rows + "x,t1,,-3\n")
    spec = DataSpec(str(path), target="b", groups="g", drop=("yy",), kinds=(("A", "id"),))
    with pytest.raises(BadInput) as caught:
        spec.open()
    first, *others = str(caught.value).splitlines()
    assert first == "bad.csv cannot be used as it is: 5 problems"
    for k, (line, named) in enumerate(
        zip(
            others,
            [
                "column 'a' is numbers except for 1 cell: 'x' in line 22",
                "--drop: there is no column 'yy'; did you mean 'y'?",
                "--as: there is no column 'A'; did you mean 'a'?",
                "the target 'b' holds text",
                "--groups: column 'g' has 6 missing values",
            ],
            strict=True,
        ),
        start=1,
    ):
        assert line.startswith(f"{k}. {named}"), line


def test_files_that_are_not_tables_are_named(tmp_path):
    with pytest.raises(BadInput, match="no file"):
        DataSpec(str(tmp_path / "nowhere.csv")).open()
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadInput, match=r"folder\.csv"):
        DataSpec(str(tmp_path / "folder.csv")).open()


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path, frame):
    path = write(tmp_path, frame[["a", "y"]])
    with pytest.raises(BadInput, match=r"--target: there is no column 'price'.*: a, y$"):
        DataSpec(path, target="price").open()
    with pytest.raises(BadInput, match=r"--time: there is no column 'A'; did you mean 'a'\?"):
        DataSpec(path, target="y", time="A").open()


@pytest.mark.parametrize(
    ("texts", "kinds"),
    [
        (["code=category"], (("code", "category"),)),
        (["a=b=id", "x=number", "x=date"], (("a=b", "id"), ("x", "date"))),
        (["day=date:%d/%m/%Y"], (("day", "date:%d/%m/%Y"),)),
    ],
)
def test_kinds_are_read_from_the_words_of_the_command_line(texts, kinds):
    assert parsed_kinds(texts) == kinds


@pytest.mark.parametrize("text", ["code", "code=", "=id", "code=word", "code=date:", "code=id:x"])
def test_other_words_for_kinds_are_refused(text):
    with pytest.raises(BadInput, match="give COLUMN=KIND, with a kind of number, category, date"):
        parsed_kinds([text])


def test_the_form_of_dates_is_handed_to_the_reader(tmp_path, frame):
    days = pd.date_range("2020-01-01", periods=60).strftime("%d/%m/%Y")
    path = write(tmp_path, frame[["a", "y"]].assign(day=days)[["a", "day", "y"]])
    spec = DataSpec(path, kinds=(("day", "date:%d/%m/%Y"),))
    assert spec.roles.read.date_formats == {"day": "%d/%m/%Y"}
    assert spec.roles.read.kinds == {"day": "date"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"separator": ";;"}, "--separator is one character"),
        ({"separator": ""}, "--separator is one character"),
        ({"decimal": ";"}, "--decimal is '.' or ','"),
        ({"encoding": "klingon"}, "--encoding 'klingon' is unknown"),
        ({"encoding": "a\0b"}, "--encoding .* is unknown"),
    ],
)
def test_ways_of_reading_that_there_are_not_are_refused(tmp_path, frame, words, sentence):
    with pytest.raises(BadInput, match=sentence):
        DataSpec(write(tmp_path, frame), **words).open()


@pytest.mark.parametrize("tab", ["\t", "\\t", "tab"])
def test_a_tabulator_can_be_written_as_a_word(tmp_path, frame, tab):
    frame.to_csv(tmp_path / "my.tsv", sep="\t", index=False)
    source = DataSpec(str(tmp_path / "my.tsv"), separator=tab).open()
    np.testing.assert_array_equal(source.data.y, frame["y"])


def test_the_same_data_in_another_folder_is_the_same_data(tmp_path, frame):
    own = frame[["a", "y"]]
    (tmp_path / "other").mkdir()
    first = DataSpec(write(tmp_path, own)).open()
    second = DataSpec(write(tmp_path / "other", own)).open()
    assert first.name == second.name == "my.csv"
    assert first.sha256 == second.sha256
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
