"""What the values of a column stand for: a rule each."""

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from howrobust.datasets.tables.kinds import doubts_of, kind_of, kinds_of, says_id

N = 60
RNG = np.random.default_rng(0)
SHUFFLED = RNG.permutation(N)
CODES = [f"k{k}" for k in range(N)]

CASES = {
    "floats": (RNG.normal(size=N), "number"),
    "floats with gaps": ([np.nan, *RNG.normal(size=N - 1)], "number"),
    "no value": ([None] * N, "number"),
    "decimals": ([Decimal(k) / 7 for k in range(N)], "number"),
    "0 and 1": (SHUFFLED % 2, "number"),
    "integers that repeat": (SHUFFLED // 2, "number"),
    "integers, all different": (SHUFFLED * 7, "number"),
    "integers that count up from 0": (np.arange(N), "id"),
    "integers that count up from 1": (np.arange(N) + 1, "id"),
    "integers that count up, as years do": (np.arange(N) + 1000, "number"),
    "integers that count down": (np.arange(N)[::-1], "number"),
    "integers that count by two": (2 * np.arange(N), "number"),
    "nullable integers with a gap": (pd.array([None, *range(N - 1)], dtype="Int64"), "number"),
    "large integers": (2**60 + SHUFFLED, "id"),
    "large integers that repeat": (2**60 + SHUFFLED // 2, "category"),
    "Python integers beyond 64 bits": ([10**30 + k for k in range(N)], "id"),
    "booleans": (SHUFFLED % 2 == 0, "category"),
    "nullable booleans": (pd.array([None, True] * (N // 2), dtype="boolean"), "category"),
    "objects True, False and None": ([None, True, False] * (N // 3), "category"),
    "dates": (pd.date_range("2026-01-01", periods=N), "date"),
    "date objects": ([date(2026, 1, 1 + k % 28) for k in range(N)], "date"),
    "datetime objects": ([datetime(2026, 1, 1 + k % 28) for k in range(N)], "date"),
    "dates of a zone": (pd.date_range("2026-01-01", periods=N, tz="Asia/Tokyo"), "date"),
    "durations": (pd.to_timedelta(SHUFFLED, unit="h"), "number"),
    "words": (["red", "blue", "green"] * (N // 3), "category"),
    "two words": (["yes", "no"] * (N // 2), "category"),
    "words of their own": (CODES, "id"),
    "as a category": (pd.Categorical(CODES), "id"),
    "half of them of their own": ([*CODES[: N // 2], *["x"] * (N // 2)], "category"),
    "more than half of them": ([*CODES[: N // 2 + 1], *["x"] * (N // 2 - 1)], "id"),
    "levels that do not occur": (pd.Categorical(["a", "b"] * (N // 2), ["a", "b", *CODES]),
                                 "category"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_column_has_its_rule(case):
    values, kind = CASES[case]
    assert kind_of(pd.Series(values, name="x")) == kind


def test_twenty_words_of_their_own_are_categories():
    assert kind_of(pd.Series(CODES[:20])) == "category"
    assert kind_of(pd.Series(CODES[:21])) == "id"


@pytest.mark.parametrize(
    "name",
    ["id", "ID", "part_id", "part id", "Id", "customerId", "orderNo", "uuid", "key", "part-nr",
     "No", "number", "Index", "row", "Unnamed: 0", " id ", "x.key"],
)  # fmt: skip
def test_a_name_that_says_id_makes_different_integers_one(name):
    assert kind_of(pd.Series(SHUFFLED, name=name)) == "id"
    assert kind_of(pd.Series(SHUFFLED // 2, name=name)) == "number"  # they repeat
    assert kind_of(pd.Series(RNG.normal(size=N), name=name)) == "number"


@pytest.mark.parametrize(
    "name", ["grid", "acid", "monkey", "piano", "casino", "arrow", "paid", "numbers", "index of", 3]
)
def test_other_names_do_not(name):
    assert not says_id(name)
    assert kind_of(pd.Series(SHUFFLED, name=name)) == "number"


def kinds_in(**columns):
    return kinds_of({name: pd.Series(values, name=name) for name, values in columns.items()})


def test_numbers_that_count_up_are_numbers_where_there_is_no_other_feature():
    year = np.arange(N) + 1960
    assert kinds_in(year=year, unit=["t"] * N) == {"year": "number", "unit": "category"}
    assert kinds_in(year=year, x=SHUFFLED) == {"year": "number", "x": "number"}
    hours = np.arange(N) + 1
    assert kinds_in(hours=hours, x=SHUFFLED) == {"hours": "id", "x": "number"}
    assert kinds_in(hours=hours, unit=["t"] * N) == {"hours": "number", "unit": "category"}
    assert kinds_in(hours=hours, key=year, code=CODES, big=2**60 + SHUFFLED) == {
        "hours": "number", "key": "id", "code": "id", "big": "id",
    }  # fmt: skip


def test_what_speaks_against_a_kind_is_said():
    hours = pd.Series(np.arange(N) + 1, name="hours")
    (text,) = doubts_of(hours, "id")
    assert text.startswith("hours counts up by one from row to row and is taken for the number")
    assert doubts_of(hours, "number") == doubts_of(hours.rename("row"), "id") == []
    weights = pd.Series([f"{k}.5 kg" for k in range(N)], name="weight")
    (text,) = doubts_of(weights, "id")
    assert "numbers with 'kg' behind them, such as '0.5 kg'" in text
    assert doubts_of(weights[:9], "category") == []  # few words
    assert doubts_of(pd.concat([weights, weights.str.replace("kg", "g")]), "id") == []
    assert doubts_of(pd.Series(CODES), "id") == []
    (text,) = doubts_of(pd.Series([f"{k},01-" for k in range(N)], name="saldo"), "id")
    assert "'-' behind them" in text
