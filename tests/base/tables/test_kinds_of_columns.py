"""Missing values, dates, durations, identifiers and bounds: what a frame holds, and gives back."""

import datetime as dt
import hashlib
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from howrobust.base.tables.frame import Frame, names_rows
from howrobust.base.tables.times import day_text
from howrobust.errors import BadInput

NAN = np.nan
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
ZONED = pd.DatetimeTZDtype("us", "Europe/Paris")


def again(table, kinds=None):
    """A table after it was written as numbers."""
    frame = Frame.of(table, kinds)
    return frame.decode(frame.encode(table), table.index)


def with_gaps():
    index = pd.Index(["u", "v", "w", "x"], name="row")
    return pd.DataFrame({
        "mass": [1.5, NAN, 2.5, 0.0],
        "count": [3.0, 1.0, NAN, 7.0],
        "items": pd.array([3, None, 2, 2], dtype="Int64"),
        "ratio": pd.array([0.5, None, 2, 2], dtype="Float64"),
        "soil": pd.Series(["peat", NAN, "sand", "clay"], dtype=object),
        "word": pd.Series(["b", "a", None, "b"], dtype="str"),
        "name": pd.Series(["b", "a", None, "b"], dtype="string"),
        "size": pd.Series(["large", None, "small", "large"], dtype="category"),
        "wet": pd.array([True, None, False, True], dtype="boolean"),
        "when": pd.to_datetime(
            ["2026-01-01", None, "1969-12-31T23:59:59.999999", "2026-05-01"], format="ISO8601"
        ),
        "took": pd.to_timedelta(["1 day", "90 s", None, "-1 us"]),
    }).set_axis(index, axis=0)  # fmt: skip


def test_gaps_come_back_in_every_type_with_the_index():
    pd.testing.assert_frame_equal(again(with_gaps()), with_gaps())


def test_missing_values_are_nan_and_no_category():
    frame = Frame.of(with_gaps())
    X = frame.encode(with_gaps())
    np.testing.assert_array_equal(np.isnan(X), with_gaps().isna())
    assert dict(zip(frame.names, frame.categories, strict=True)) == {
        "mass": None, "count": None, "items": None, "ratio": None, "when": None, "took": None,
        "soil": ("clay", "peat", "sand"), "word": ("a", "b"), "name": ("a", "b"),
        "size": ("large", "small"), "wet": (False, True),
    }  # fmt: skip
    kinds = {column.name: column.kind for column in frame.columns}
    assert {name for name, kind in kinds.items() if kind == "number"} == {
        "mass", "count", "items", "ratio", "took",
    }  # fmt: skip
    assert kinds["when"] == "date"


def test_whole_numbers_are_known_from_their_type_or_where_gaps_made_them_floats():
    columns = pd.DataFrame({
        "int": [1, 2, 3], "nullable": pd.array([1, 2, None], dtype="Int64"),
        "gap": [1.0, NAN, 3.0], "float": [1.0, 2.0, 3.0], "fraction": [1.5, NAN, 2.0],
        "below": [0.0, -1.0, 2.0], "flag": [True, False, True], "took": pd.to_timedelta([1, 2, 3]),
    })  # fmt: skip
    described = {c.name: (c.whole, c.lower) for c in Frame.of(columns, {"flag": "number"}).columns}
    assert described == {
        "int": (True, 0), "nullable": (True, 0), "gap": (True, 0), "float": (False, 0),
        "fraction": (False, 0), "below": (False, -np.inf), "flag": (True, 0), "took": (False, 0),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", ["datetime64[s]", "datetime64[us]", "datetime64[ns]", ZONED])
def test_dates_are_days_since_1970_and_come_back_to_the_microsecond(dtype):
    rng = np.random.default_rng(3)
    # 1791 to 2149, where half a unit in the last place of a day is under half a microsecond.
    ticks = rng.integers(-5_648_000_000_000_000, 5_648_000_000_000_000, 2000)
    ticks -= ticks % 1_000_000 if dtype == "datetime64[s]" else 0
    moments = pd.Series(ticks.view("datetime64[us]"))
    zoned = isinstance(dtype, pd.DatetimeTZDtype)
    when = (moments.dt.tz_localize("UTC") if zoned else moments).astype(dtype)
    table = pd.DataFrame({"when": when})
    slow = [
        (EPOCH + dt.timedelta(microseconds=int(t)) - EPOCH) / dt.timedelta(days=1) for t in ticks
    ]
    # Two roundings of a double, of at most half a unit in the last place each.
    np.testing.assert_allclose(Frame.of(table).encode(table)[:, 0], slow, rtol=4e-16)
    pd.testing.assert_frame_equal(again(table), table)


def test_date_objects_and_moments_of_several_zones_are_dates_too():
    days = [dt.date(2026, 5, 1), None, dt.date(1900, 2, 28)]
    plus_two = dt.timezone(dt.timedelta(hours=2))
    moments = [
        dt.datetime(2026, 5, 1, 2, tzinfo=plus_two),
        EPOCH,
        dt.datetime(1970, 1, 2, tzinfo=dt.UTC),
    ]
    table = pd.DataFrame({
        "day": pd.Series(days, dtype=object), "moment": pd.Series(moments, dtype=object)
    })  # fmt: skip
    X = Frame.of(table).encode(table)
    np.testing.assert_array_equal(X, [[20574, 20574], [NAN, 0], [-25509, 1]])
    back = again(table)
    assert back["day"].tolist()[::2] == days[::2]
    assert pd.isna(back["day"][1])
    assert str(back["moment"].dtype) == "datetime64[us, UTC]"
    assert back["moment"].tolist() == moments


def test_dates_moved_beyond_their_type_become_its_last():
    table = pd.DataFrame({"when": pd.to_datetime(["2026-01-01", "2026-01-02"]).astype("M8[ns]")})
    frame = Frame.of(table)
    moved = frame.decode(np.array([[1e12], [-1e12], [20454.25], [NAN]]))["when"]
    assert moved.dt.year.tolist()[:2] == [2262, 1677]
    assert moved[2] == pd.Timestamp("2026-01-01 06:00")
    assert pd.isna(moved[3])
    took = Frame.of(pd.DataFrame({"took": pd.to_timedelta([1, 2], unit="D")}))
    assert took.decode(np.array([[1e300], [86400.0]]))["took"][1] == pd.Timedelta(days=1)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_are_seconds_and_come_back(unit):
    ticks = np.array([0, 1, -1, 86_400, 10**9 + 7], dtype=f"timedelta64[{unit}]")
    table = pd.DataFrame({"took": ticks})
    X = Frame.of(table).encode(table)
    np.testing.assert_array_equal(
        X[:, 0], [t.astype(float) / 10 ** {"s": 0, "ms": 3, "us": 6, "ns": 9}[unit] for t in ticks]
    )
    pd.testing.assert_frame_equal(again(table), table)


def test_integers_beyond_2_to_the_53_are_categories():
    numbers = [2**60 + 1, 2**60 + 2, 2**60 + 1]
    table = pd.DataFrame({"serial": numbers, "small": [1, 2, 3]})
    frame = Frame.of(table)
    assert frame.columns[0].categories == (2**60 + 1, 2**60 + 2)
    pd.testing.assert_frame_equal(again(table), table)
    with pytest.raises(BadInput, match="'serial' is to be a number and holds integers beyond 2"):
        Frame.of(table, {"serial": "number"})


def test_kinds_that_are_told_are_kept():
    table = pd.DataFrame({
        "part": ["p1", "p2", "p3"], "store": [3, 1, 3], "when": pd.to_datetime(["2026-01-01"] * 3),
        "level": pd.Categorical([1, 2, 1]), "wet": [True, False, True],
    })  # fmt: skip
    kinds = {"part": "id", "store": "category", "when": "id", "level": "number", "wet": "number"}
    frame = Frame.of(table, kinds)
    assert {column.name: column.kind for column in frame.columns} == kinds
    np.testing.assert_array_equal(
        frame.encode(table), [[0, 1, 0, 1, 1], [1, 0, 0, 2, 0], [2, 1, 0, 1, 1]]
    )
    back = again(table, kinds)
    pd.testing.assert_frame_equal(back.drop(columns="level"), table.drop(columns="level"))


def test_values_that_a_type_cannot_hold_come_in_one_that_can():
    table = pd.DataFrame({"count": [3, 1], "store": [3, 1], "wet": [True, False], "big": 2**60})
    frame = Frame.of(table, {"store": "category"})
    back = frame.decode(np.array([[3.0, NAN, NAN, NAN], [NAN, 0.0, 0.0, 0.0]]))
    assert back.dtypes.astype(str).tolist() == ["float64", "float64", "object", "object"]
    assert back["store"].tolist()[1] == 1
    assert back["wet"].tolist()[1] is False
    assert back["big"].tolist()[1] == 2**60
    assert back.isna().sum().sum() == 4


def test_within_keeps_whole_numbers_domains_and_categories_and_touches_nothing_else():
    table = pd.DataFrame({
        "count": [0, 4, 9], "mass": [0.5, 2.0, 1.0], "level": [-1.0, 2.0, 3.5],
        "soil": list("aba"), "when": pd.to_datetime(["2026-01-01"] * 3), "debt": [-3, 1, 2],
    })  # fmt: skip
    frame = Frame.of(table)
    X = frame.encode(table)
    assert frame.within(X) is X
    moved = X + np.array([-0.7, -0.8, -0.8, 0.3, 0.25, -0.6])
    moved[2, 0] = NAN
    kept_as_given = moved.copy()
    expected = moved.copy()
    expected[:, 0] = [0, 3, NAN]
    expected[:, 1] = [0, 1.2, 1 - 0.8]
    expected[:, 3] = X[:, 3]
    expected[:, 5] = [-4, 0, 1]
    np.testing.assert_array_equal(frame.within(moved), expected)
    np.testing.assert_array_equal(moved, kept_as_given)
    assert frame.decode(frame.within(moved))["debt"].dtype == "int64"
    gaps = X.copy()
    gaps[0] = NAN
    assert frame.within(gaps) is gaps


def test_new_rows_are_read_in_the_types_that_were_learnt():
    table = pd.DataFrame({
        "when": pd.to_datetime(["2026-01-01", None]).tz_localize("Europe/Paris"),
        "day": pd.Series([dt.date(2026, 1, 1), dt.date(2026, 1, 2)], dtype=object),
        "took": pd.to_timedelta([60, 120], unit="s"), "count": [1.0, NAN], "soil": ["a", None],
    })  # fmt: skip
    frame = Frame.of(table)
    new = pd.DataFrame({
        "soil": [None, "c"], "count": [None, "many"], "took": [pd.Timedelta("3 s"), pd.NaT],
        "day": ["2026-02-01", "2026-02-02"], "when": ["2027-05-01T10:00:00Z", "2027-05-02"],
    })  # fmt: skip
    rows = frame.select(new)
    assert rows["when"].dtype == table["when"].dtype
    assert rows["day"].tolist() == [dt.date(2026, 2, 1), dt.date(2026, 2, 2)]
    expected = [[20939 + 10 / 24, 20485, 3, NAN, NAN], [20940, 20486, NAN, NAN, 1]]
    np.testing.assert_allclose(frame.locate(new), expected, rtol=1e-15)
    words = frame.locate(new.assign(when=["soon", None], count=[np.inf, 2.5]))
    np.testing.assert_array_equal(words[:, [0, 3]], [[NAN, NAN], [NAN, 2.5]])


def test_missing_values_and_names_of_rows_are_no_unseen_category():
    table = pd.DataFrame({"soil": ["a", "a", None, "b", None], "part": list("vwxyz")})
    frame = Frame.of(table, {"part": "id"})
    X = frame.encode(table)
    np.testing.assert_array_equal(
        frame.unseen(X[:2], X[2:]), [[False, False], [True, False], [False, False]]
    )
    assert not names_rows(np.array([0, 0, NAN, NAN, NAN]))
    assert names_rows(np.array([0, 1, 2, NAN]))


def test_a_digest_depends_on_all_that_codes_stand_for():
    table = pd.DataFrame({"soil": ["a", "b"], "n": [1, 2]})
    digests = {
        Frame.of(each, kinds).digest()
        for each, kinds in [
            (table, None),
            (table.rename(columns={"n": "m"}), None),
            (table.assign(soil=["a", "c"]), None),
            (table.assign(n=[1.0, 2.0]), None),
            (table, {"soil": "id"}),
            (table, {"n": "category"}),
        ]
    }
    assert len(digests) == 6
    assert Frame.of(table).digest() == Frame.of(table.copy()).digest() in digests
    assert len(hashlib.sha256().hexdigest()) == len(digests.pop())


def test_a_large_table_is_encoded_within_two_copies_of_it():
    n, d = 100_000, 20
    table = pd.DataFrame({f"c{j}": np.arange(n) + j * (0.5 if j % 2 else 1) for j in range(d)})
    size = 8 * n * d
    tracemalloc.start()
    X = Frame.of(table).encode(table)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert X.shape == (n, d)
    assert peak < 2 * size


@pytest.mark.parametrize(
    ("days", "text"),
    [(0.0, "1970-01-01"), (20574.5625, "2026-05-01 13:30:00"), (-1.0, "1969-12-31")],
)
def test_days_are_named_as_dates(days, text):
    assert day_text(days) == text


@pytest.mark.parametrize(
    "dtype",
    ["int64[pyarrow]", "double[pyarrow]", "string[pyarrow]", "bool[pyarrow]",
     "timestamp[us][pyarrow]", "date32[pyarrow]", "duration[ms][pyarrow]"],
)  # fmt: skip
def test_types_of_arrow_come_back(dtype):
    pytest.importorskip("pyarrow")
    values = {"s": ["b", None, "a"], "b": [True, None, False], "i": [1, None, 3]}
    values |= {"t": pd.to_datetime(["2026-01-01", None, "2026-01-02"]), "d": [1.5, None, 2.0]}
    values["date"] = [dt.date(2026, 1, 1), None, dt.date(2026, 1, 2)]
    values["duration"] = pd.to_timedelta(["1 s", None, "3 s"])
    key = next(k for k in ("date", "duration", "s", "b", "i", "t", "d") if dtype.startswith(k))
    table = pd.DataFrame({"a": pd.Series(values[key]).astype(dtype)})
    pd.testing.assert_frame_equal(again(table), table)
