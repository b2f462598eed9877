"""Rows given from Python: what is converted, and what is refused by name."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow
import pytest
import torch
from scipy import sparse

from howrobust.datasets.tables.given import given
from howrobust.errors import BadInput

N = 40
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 2))
Y = RNG.normal(size=N)
TABLE = pd.DataFrame(X, columns=["a", "b"], index=np.arange(N) + 100)
SHUFFLED = RNG.permutation(N)
DATES = pd.date_range("2026-01-01", periods=N)


class Polars:
    """A frame or a column of another library, which pandas can be made of."""

    def __init__(self, values):
        self.values = values
        self.columns = list(getattr(values, "columns", []))

    def to_pandas(self):
        return self.values


class WithoutArrow(Polars):
    def to_pandas(self):
        raise ModuleNotFoundError("pyarrow is required")


@pytest.mark.parametrize(
    ("inputs", "target"),
    [
        (X.tolist(), Y.tolist()),
        (TABLE, pd.Series(Y, TABLE.index)),
        (TABLE, Y),
        (X, pd.Series(Y, TABLE.index)),
        (X, Y[:, None]),
        (TABLE, pd.DataFrame({"price": Y}, TABLE.index)),
        (Polars(TABLE), Polars(pd.Series(Y))),
        (pyarrow.table({"a": X[:, 0], "b": X[:, 1]}), pyarrow.chunked_array([Y])),
        (torch.tensor(X, requires_grad=True), torch.tensor(Y, requires_grad=True)),
        (X.astype(object), np.array([Decimal(float(v)) for v in Y], dtype=object)),
    ],
    ids=["lists", "pandas", "a frame", "a series", "a column", "a frame of one column", "duck type",
         "arrow", "tensors", "objects"],
)  # fmt: skip
def test_rows_of_every_usual_kind_are_the_same_numbers(inputs, target):
    data = given(inputs, target).data
    np.testing.assert_allclose(data.X, X, rtol=1e-15)
    np.testing.assert_allclose(data.y, Y, rtol=1e-15)


class Interchanged:
    """A polars frame where pyarrow is not installed."""

    columns = ("a", "b")

    def to_pandas(self):
        raise ModuleNotFoundError("pyarrow is required")

    def __dataframe__(self, nan_as_null=False, allow_copy=True):
        return TABLE.__dataframe__(nan_as_null, allow_copy)


@pytest.mark.filterwarnings("ignore:.*DataFrame Interchange Protocol")
def test_a_frame_of_another_library_comes_by_the_dataframe_interchange():
    source = given(Interchanged(), Y)
    np.testing.assert_array_equal(source.data.X, X)
    assert source.data.features == ("a", "b")


def test_a_frame_of_everything_is_taken():
    number = pd.array([None, *(7 * SHUFFLED[1:])], dtype="Int64")
    table = pd.DataFrame(
        {
            "count": number,
            "small": X[:, 0].astype(np.float32),
            "flag": pd.array([None, *(Y[1:] > 0)], dtype="boolean"),
            "yes": np.array([None, *(["yes", "no"] * N)][:N], dtype=object),
            "day": [pd.NaT, *DATES[1:]],
            "lasts": [pd.NaT, *(DATES[1:] - DATES[0])],
            "level": pd.Categorical(["low", "high"] * (N // 2), ["low", "high"], ordered=True),
            "id": 2**60 + np.arange(N),
            "code": [f"k{k}" for k in range(N)],
        },
        index=[f"row {k}" for k in range(N)],
    )
    source = given(table, Y)
    assert {column.name: column.kind for column in source.frame.columns} == {
        "count": "number", "small": "number", "flag": "category", "yes": "category",
        "day": "date", "lasts": "number", "level": "category", "id": "id", "code": "id",
    }  # fmt: skip
    assert np.argwhere(np.isnan(source.data.X)).tolist() == [[0, j] for j in (0, 2, 3, 4, 5)]
    assert list(source.data.index) == list(table.index)
    back = source.frame.decode(source.data.X, source.data.index)
    # Whatever came comes back; integers beyond 2^53 are identifiers, which are exact.
    pd.testing.assert_frame_equal(back, table, check_dtype=False)


def test_labels_of_rows_are_kept_where_they_are_not_the_numbers_from_0():
    assert list(given(TABLE, Y).data.index) == list(TABLE.index)
    assert given(TABLE.reset_index(drop=True), Y).data.index is None
    assert given(X, Y).data.index is None
    train, test = given(TABLE, Y).realise("random-0", 0)
    for part in (train, test):
        np.testing.assert_array_equal(TABLE.loc[part.index].to_numpy(), part.X)


def test_missing_values_of_an_array_are_taken():
    gaps = X.astype(object)
    gaps[3, 1] = None
    for inputs in (np.where(X[3, 1] == X, np.nan, X), gaps, gaps.tolist()):
        source = given(inputs, Y)
        assert np.argwhere(np.isnan(source.data.X)).tolist() == [[3, 1]]
        assert source.frame is None


def test_the_target_transform_is_auto_unless_another_is_given():
    assert given(X, Y).target_transform == "auto without log"
    assert given(X, np.exp(Y)).target_transform == "auto"
    with pytest.raises(BadInput, match=r"y has values of 0 or less .* which have no logarithm"):
        given(X, Y, target_transform="log")
    assert given(X, Y, target_transform="none").target_transform == "none"
    with pytest.raises(BadInput, match="target_transform='logs' is unknown; did you mean 'log'"):
        given(X, Y, target_transform="logs")


def test_the_target_keeps_its_name():
    assert given(TABLE, pd.Series(Y, TABLE.index, name="price")).data.target == "price"
    assert given(TABLE, pd.DataFrame({"price": Y}, TABLE.index)).data.target == "price"
    assert given(X, Y).data.target == "y"


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        (np.ma.masked_greater(X, 1), r"X is a masked array; .* X\.filled"),
        (X + 1j, "X must be numbers, and holds complex numbers; give the real part"),
        (
            np.datetime64("2026-01-01") + np.zeros((N, 2), int),
            "X .* holds dates; convert it, or give a pandas frame, whose columns may be dates",
        ),
        (X.astype(str), "X .* holds text; convert it, or give a pandas frame"),
        (X.astype(str).astype(object), "X .* holds text"),
        (sparse.csr_matrix(X), r"X is sparse \(csr_matrix\); give X.toarray\(\)"),
        (sparse.coo_array(X), r"X is sparse \(coo_array\)"),
        (X.reshape(N, 2, 1), r"X must be \(n, d\) .* \(40, 2, 1\)"),
        (X[:, 0], r"X must be \(n, d\) .* \(40,\)"),
        ([[1.0], [2.0, 3.0]], "X must be an array of numbers: .*inhomogeneous"),
        (2**53 + 1 + np.arange(2 * N).reshape(N, 2), r"X holds integers beyond 2\^53"),
        (TABLE.assign(z=X[:, 0] + 1j), "X cannot be used as it is: column 'z' holds complex"),
        (
            TABLE.assign(z=X[:, 0] + 1j, i=np.inf, t=[[k] for k in range(N)]),
            r"X cannot be used as it is: 3 problems\n1. column 'z' .*\n2. column 'i' has 40 inf.*\n"
            "3. column 't' holds",
        ),
        (np.where(X > 1, np.inf, X), "column 'x0' of data has .* infinite values"),
        (WithoutArrow(TABLE), r"X \(WithoutArrow\) cannot be converted .* pyarrow is required; .*"),
    ],
)
def test_inputs_that_are_no_numbers_are_refused_by_name(inputs, sentence):
    with pytest.raises(BadInput, match=sentence):
        given(inputs, Y)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        (np.ma.masked_greater(Y, 1), "y is a masked array"),
        (Y + 0j, "y must be numbers, and holds complex numbers"),
        (pd.Series(DATES), "y .* holds dates; convert them to numbers"),
        (pd.Series([*DATES[:-1], pd.NaT]), "y .* holds dates"),
        (pd.Series(DATES).astype(object), "y .* holds dates"),
        (DATES.to_period("D"), "y .* holds dates"),
        (DATES.to_numpy() - DATES[0].to_datetime64(), "y .* holds durations"),
        (Y > 0, "y .* holds booleans; a regression needs numbers"),
        (pd.Series(Y > 0).astype("boolean"), "y .* holds booleans"),
        (np.where(Y > 0, "yes", "no"), "y .* holds text"),
        (pd.Series(np.where(Y > 0, "yes", "no"), dtype="category"), "y .* holds text"),
        (np.array([*Y[:-1], "1"], dtype=object), "y .* holds objects|y .* numbers and text"),
        (pd.Series([*range(N - 1), None], dtype="Int64"), "1 missing or infinite"),
        (np.array([*Y[:-1], None], dtype=object), "1 missing or infinite"),
        (np.column_stack([Y, Y]), "y has 2 columns; assess one at a time"),
        (pd.DataFrame({"a": Y, "b": Y}), "y has 2 columns"),
        (2**62 + np.arange(N), r"y holds integers beyond 2\^53"),
        (1e300 * np.arange(N), "'y' of data reaches 3.9e\\+301, and its squares overflow"),
        (1e-200 * np.arange(N), "'y' of data varies by 3.9e-199, and its squares underflow"),
    ],
)  # fmt: skip
def test_targets_that_are_no_numbers_are_refused_by_name(target, sentence):
    with pytest.raises(BadInput, match=sentence):
        given(X, target)


def test_rows_whose_labels_differ_are_refused():
    inputs, target = pd.Series(X[:, 0]).to_frame("a"), pd.Series(Y)
    assert given(inputs, target).data.y[3] == Y[3]
    with pytest.raises(BadInput, match=r"in another order; give y\.loc\[X\.index\]"):
        given(inputs, target.sort_values())
    np.testing.assert_array_equal(given(inputs, target.sort_values().loc[inputs.index]).data.y, Y)
    with pytest.raises(BadInput, match=r"different index labels; .* y\.to_numpy\(\)"):
        given(TABLE, target)
    with pytest.raises(BadInput, match=r"different index labels"):
        given(inputs, target.set_axis([0] * N))


def test_groups_are_held_out_whole():
    groups = np.repeat(["a", "b", "c", "d"], N // 4)
    source = given(X, Y, groups=groups)
    label = dict(zip(map(tuple, X), groups, strict=True))
    for split in source.splits(3):
        parts = source.realise(split, 0)
        train, test = ({label[tuple(x)] for x in part.X} for part in parts)
        assert train | test == set("abcd")
        assert not train & test
    assert source.sha256 != given(X, Y).sha256
    with pytest.raises(BadInput, match="no 'gap' splits"):
        source.splits(family="gap")


@pytest.mark.parametrize(
    ("groups", "sentence"),
    [
        (np.zeros(N), "groups holds one group"),
        (np.arange(3), r"groups must be \(40,\), a label for each row, not \(3,\)"),
        ([None, *range(N - 1)], "groups has missing labels"),
        (pd.Series(range(N), TABLE.index[::-1]), r"same index .* give groups\.loc\[X\.index\]"),
    ],
)
def test_groups_that_do_not_fit_the_rows_are_refused(groups, sentence):
    with pytest.raises(BadInput, match=sentence):
        given(TABLE, Y, groups=groups)
