"""What the values of a column stand for: numbers, categories, dates, or names of the rows."""

import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.base.tables.column import Kind
from howrobust.base.tables.values import rounds
from howrobust.errors import printable

if TYPE_CHECKING:
    import pandas as pd

FEWEST_NAMES = 20  # texts that name rows are more than these
NAMES = re.compile(
    r"(?:.*[\s_.-])?(?:id|uuid|guid|key|nr|no|number|index|row)|unnamed:? ?\d*", re.IGNORECASE
)
CAMEL = re.compile(r".*[a-z0-9](?:ID|Id|No|Nr|Key)")
_WITH_UNIT = re.compile(r"[+-]?\d[\d.,]*\s?([^\W\d_]{1,8}|°[CF]?|-)")
_FEWEST_WITH_UNIT = 10  # different words
_LOOKED_AT = 1_000  # different words
_DATES = ("datetime64", "datetime", "date", "period")


def kind_of(column: "pd.Series") -> Kind:
    """Return what the values of a column stand for.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        A column of a table as it was read; any of its values may be missing.

    Returns
    -------
    {"number", "category", "date", "id"}
        The kind.

    Notes
    -----
    The rules, the first that applies:

    1. Dates and times of a day and year are dates; durations are numbers.
    2. Booleans are categories.
    3. Integers name the rows where no two are equal and they count up by one from 0 or 1, or
       the column is called ``id``, ``*_id``, ``uuid``, ``key``, ``nr``, ``no``, ``number``,
       ``index``, ``row`` or ``Unnamed: 0`` (in any case), or one of them is beyond 2^53. Integers
       beyond 2^53 that repeat are categories, since float64 would not keep them apart.
    4. All other numbers are numbers.
    5. Texts, categories and all else name the rows where more than half of the rows have a value
       of their own and there are more than 20 values; else they are categories.
    """
    import pandas as pd  # 0.65 s to import: only where there is a table

    inferred = str(pd.api.types.infer_dtype(column, skipna=True))
    if inferred in _DATES:
        return "date"
    if inferred in ("timedelta64", "timedelta", "floating", "mixed-integer-float", "decimal"):
        return "number"
    if inferred in ("empty", "complex"):
        return "number"
    if inferred == "boolean":
        return "category"
    if inferred == "integer":
        return _kind_of_integers(column)
    return "id" if _own_values(column) else "category"


def kinds_of(columns: "Mapping[Hashable, pd.Series]") -> dict[Hashable, Kind]:
    """Return what the values of the features of a table stand for.

    Parameters
    ----------
    columns : mapping of hashable to pandas.Series of shape (n,)
        The features.

    Returns
    -------
    dict of hashable to str
        Kinds by name, as of `kind_of`. Where every feature names the rows or has one value,
        integers that are no more than numbers that count up are numbers: they are all that there
        is, as the years of a series are.
    """
    kinds = {name: kind_of(column) for name, column in columns.items()}
    if any(kind != "id" and columns[name].nunique() > 1 for name, kind in kinds.items()):
        return kinds
    return {
        name: "number" if kind == "id" and _only_counts(columns[name]) else kind
        for name, kind in kinds.items()
    }


def _only_counts(column: "pd.Series") -> bool:
    """Return whether integers name the rows for no other reason than that they count up."""
    return column.dtype.kind in "iu" and not says_id(column.name) and not rounds(column)


def _kind_of_integers(column: "pd.Series") -> Kind:
    values = column.dropna()
    distinct = bool(values.is_unique)
    if rounds(values):
        return "id" if distinct else "category"
    if not distinct or len(values) < 2:
        return "number"
    if says_id(column.name) or _counts_up(column):
        return "id"
    return "number"


def says_id(name: Any) -> bool:
    """Return whether the name of a column says that it names the rows.

    Parameters
    ----------
    name : hashable
        The name.

    Returns
    -------
    bool
        Whether it is, or ends in, one of the words that rule 3 of `kind_of` lists.
    """
    text = str(name).strip()
    return bool(NAMES.fullmatch(text) or CAMEL.fullmatch(text))


def _counts_up(column: "pd.Series") -> bool:
    if column.isna().any():
        return False
    numbers = column.to_numpy(dtype=np.int64)
    return bool(numbers[0] in (0, 1) and np.all(np.diff(numbers) == 1))


def doubts_of(column: "pd.Series", kind: Kind) -> list[str]:
    """Return what speaks against the kind of a column.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        The column.
    kind : {"number", "category", "date", "id"}
        Its kind.

    Returns
    -------
    list of str
        A sentence for integers that count the rows under a name that does not say so, and for
        words that are numbers with one unit.
    """
    name = printable(str(column.name))
    if kind == "id" and column.dtype.kind in "iu" and _only_counts(column):
        return [
            f"{name} counts up by one from row to row and is taken for the number of the row; "
            f"--as {name}=number makes it a feature"
        ]
    if column.dtype.kind not in "OUT" and str(column.dtype) not in ("str", "string"):
        return []
    words = [str(word) for word in column.dropna().unique()[:_LOOKED_AT]]
    units = {found.group(1) for word in words if (found := _WITH_UNIT.fullmatch(word))}
    with_unit = sum(_WITH_UNIT.fullmatch(word) is not None for word in words)
    if len(words) < _FEWEST_WITH_UNIT or len(units) != 1 or with_unit < len(words):
        return []
    return [
        f"{name} holds numbers with {next(iter(units))!r} behind them, such as {words[0]!r}, which "
        "are words to every method; write the numbers alone to make it a feature that counts"
    ]


def _own_values(column: "pd.Series") -> bool:
    """Return whether more than half of the rows have a value of their own."""
    try:
        counts = column.value_counts(sort=False).to_numpy()
    except TypeError:  # lists and the like, which no table can be made of
        return False
    counts = counts[counts > 0]
    return bool(2 * np.sum(counts == 1) > len(column) and len(counts) > FEWEST_NAMES)
