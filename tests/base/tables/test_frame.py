import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from howrobust.base.tables.frame import Frame
from howrobust.errors import BadInput

SIZES = pd.CategoricalDtype(["small", "large", "huge"], ordered=True)


def table():
    return pd.DataFrame({
        "depth": [1.5, -2.0, 0.25, 7.0],
        "count": [3, 1, 2, 2],
        "soil": ["peat", "clay", "sand", "clay"],
        "wet": [True, False, True, True],
        "size": pd.Series(["large", "small", "large", "small"], dtype=SIZES),
        "zone": pd.Series([10, 2, 2, 10], dtype="category"),
    })  # fmt: skip


def test_categories_become_their_index_in_sorted_order_and_numbers_stay():
    frame = Frame.of(table())
    expected = [
        [1.5, 3, 1, 1, 1, 1],
        [-2.0, 1, 0, 0, 0, 0],
        [0.25, 2, 2, 1, 1, 0],
        [7.0, 2, 0, 1, 0, 1],
    ]
    X = frame.encode(table())
    np.testing.assert_array_equal(X, expected)
    assert X.dtype == np.float64
    assert frame.categories == (
        None, None, ("clay", "peat", "sand"), (False, True), ("small", "large"), (2, 10)
    )  # fmt: skip
    assert frame.categorical.tolist() == [False, False, True, True, True, True]


def test_decoding_gives_the_table_back_with_its_names_and_its_dtypes():
    frame = Frame.of(table())
    again = frame.decode(frame.encode(table()))
    pd.testing.assert_frame_equal(again, table())


@pytest.mark.parametrize("dtype", ["int64", "uint8", "int32", "float32", "Int64", "Float64"])
def test_clean_numbers_come_back_in_their_type_and_moved_ones_as_what_holds_them(dtype):
    numbers = pd.DataFrame({"a": pd.Series([0, 250, 7], dtype=dtype)})
    frame = Frame.of(numbers)
    X = frame.encode(numbers)
    pd.testing.assert_frame_equal(frame.decode(X), numbers)
    pd.testing.assert_frame_equal(
        frame.decode(X[[2, 0]]), numbers.iloc[[2, 0]].reset_index(drop=True)
    )
    moved = frame.decode(X + 0.25)["a"]
    assert moved.dtype == (dtype if dtype.lower().startswith("float") else "float64")
    np.testing.assert_array_equal(moved.to_numpy(float), X[:, 0] + 0.25)
    beyond = frame.decode(X - 1e300)["a"]  # no type of 8 to 32 bits holds it
    np.testing.assert_array_equal(beyond.to_numpy(float), X[:, 0] - 1e300)


def test_new_rows_are_selected_as_they_are_in_the_types_that_were_learnt():
    frame = Frame.of(table().assign(code=["1", "2", "3", "x"], when="2026-01-01"))
    new = pd.DataFrame(
        {
            "extra": [1, 2],
            "when": ["2027-05-01", None],
            "code": [7, 1],  # such a file alone is read as numbers
            "zone": [10, 99],
            "size": ["large", "tiny"],
            "wet": [True, False],
            "soil": ["loam", "peat"],
            "count": [4.0, 5.0],
            "depth": [np.nan, 1e9],
        },
        index=["u", "v"],
    )
    selected = frame.select(new)
    assert selected.columns.tolist() == [*table().columns, "code", "when"]
    assert selected.index.tolist() == ["u", "v"]
    assert selected["count"].dtype == "int64"
    assert selected["code"].tolist() == ["7", "1"]
    assert selected["soil"].tolist() == ["loam", "peat"]
    assert selected["zone"].cat.categories.tolist() == [2, 10, 99]
    assert selected["size"].cat.categories.tolist() == ["small", "large", "huge", "tiny"]
    assert selected["when"].isna().tolist() == [False, True]
    pd.testing.assert_frame_equal(frame.decode(new), selected)
    nan = np.nan
    np.testing.assert_array_equal(
        frame.locate(new), [[nan, 4, 3, 1, 1, 1, 4, 1], [1e9, 5, 1, 0, 2, 2, 0, nan]]
    )
    with pytest.raises(BadInput, match="no columns 'zone', 'code'"):
        frame.select(new.drop(columns=["zone", "code"]))


@pytest.mark.parametrize("dtype", ["object", "str", "string", "category"])
def test_texts_of_every_dtype_survive(dtype):
    texts = pd.DataFrame({"word": pd.Series(["b", "a", "b"], dtype=dtype)})
    frame = Frame.of(texts)
    np.testing.assert_array_equal(frame.encode(texts)[:, 0], [1, 0, 1])
    pd.testing.assert_frame_equal(frame.decode(frame.encode(texts)), texts)


def test_a_moved_code_is_rounded_and_clipped_to_a_category_that_exists():
    frame = Frame.of(table()[["soil", "depth"]])
    moved = np.array([[-3.0, 0.1], [0.4, 0.2], [0.6, 0.3], [2.49, 0.4], [99.0, 0.5]])
    decoded = frame.decode(moved)
    assert decoded["soil"].tolist() == ["clay", "clay", "peat", "sand", "sand"]
    np.testing.assert_array_equal(decoded["depth"], moved[:, 1])


def test_other_rows_are_encoded_by_the_same_categories_whatever_the_order_of_columns():
    frame = Frame.of(table())
    some = table().iloc[[2]][["zone", "soil", "size", "wet", "count", "depth"]].assign(extra="x")
    np.testing.assert_array_equal(frame.encode(some), frame.encode(table())[[2]])


def test_a_table_without_names_keeps_its_numbered_columns():
    numbered = pd.DataFrame([[1.0, "a"], [2.0, "b"]])
    frame = Frame.of(numbered)
    again = frame.decode(frame.encode(numbered))
    assert again.columns.tolist() == [0, 1]
    assert again.to_numpy().tolist() == numbered.to_numpy().tolist()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.period_range("2026-01", periods=4), "periods; convert it to dates"),
        (pd.to_datetime(["2026-01-01 10:30"] * 4).time, "times of day; convert it to durations"),
        ([1, "a", 2, "b"], "numbers and text; make all of them"),
        ([1j, 2, 3, 4], "complex numbers; give the real part"),
        (pd.Series([[1], [2], [3], [4]]), "objects of several kinds; convert it"),
    ],
)
def test_values_of_no_kind_are_bad_input(column, message):
    with pytest.raises(BadInput, match=f"'odd' holds {message}"):
        Frame.of(table().assign(odd=column))


def test_all_problems_of_a_table_are_named_at_once():
    bad = table().assign(mixed=[1, "a", 2, "b"], empty=np.nan, none=None, when="2026-01-01")
    bad.loc[1:2, "depth"] = [np.inf, -np.inf]
    problems = [
        "column 'depth' has 2 infinite values; remove or replace those rows",
        "column 'soil' is to be a number and holds text; convert it, or drop it",
        "column 'mixed' holds numbers and text; make all of them numbers, or all of them text",
        "column 'empty' holds no value; drop it",
        "column 'none' holds no value; drop it",
        "column 'when' is to be a date and holds text; convert it",
    ]
    kinds = {"when": "date", "soil": "number", "wet": "number"}
    assert Frame.problems_of(bad, kinds) == problems
    with pytest.raises(BadInput) as caught:
        Frame.of(bad, kinds)
    refused = [problem for problem in problems if not problem.endswith("no value; drop it")]
    assert str(caught.value) == "; ".join(refused)
    assert Frame.of(bad[["empty", "none"]]).decode(np.full((2, 2), np.nan)).isna().all().all()
    assert Frame.problems_of(table()) == []


def test_a_table_that_does_not_fit_its_frame_is_bad_input():
    frame = Frame.of(table())
    with pytest.raises(BadInput, match="no column 'soil'"):
        frame.encode(table().drop(columns="soil"))
    with pytest.raises(BadInput, match="'soil' holds 'loam', which is none of its 3 categories"):
        frame.encode(table().assign(soil=["clay", "loam", "sand", "peat"]))
    with pytest.raises(BadInput, match="'depth' is to be a number and holds text"):
        frame.encode(table().assign(depth=list("abcd")))
    with pytest.raises(BadInput, match="'depth' has 1 infinite values"):
        frame.encode(table().assign(depth=[1.0, np.inf, 0.0, 2.0]))
    with pytest.raises(BadInput, match="two columns called 'soil'"):
        Frame.of(pd.concat([table(), table()[["soil"]]], axis=1))


def test_categories_that_no_other_row_has_are_found_but_for_names_of_rows():
    rows = pd.DataFrame({"id": list("abcd"), "soil": ["clay", "clay", "peat", "peat"], "a": 1.0})
    frame = Frame.of(rows)
    X = frame.encode(rows)
    assert frame.unseen(X[:2], X[1:]).tolist() == [
        [False, False, False], [False, True, False], [False, True, False]
    ]  # fmt: skip


def test_a_frame_crosses_processes():
    frame = Frame.of(table())
    assert pickle.loads(pickle.dumps(frame)) == frame


def test_importing_frames_does_not_import_pandas():
    code = "import sys, howrobust.base.tables.frame; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
