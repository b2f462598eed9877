"""What the values of a column of a table are, and why some cannot be used."""

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

from howrobust.base.tables.column import Categories, Kind
from howrobust.base.tables.times import seconds_of
from howrobust.distributions.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

# Kinds of values, as pandas infers them.
NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")
WORDS = ("string", "categorical")
DATES = ("datetime64", "datetime", "date")
DURATIONS = ("timedelta64", "timedelta")
EXACT = 2**53  # integers beyond it are not all different in float64
NAMES = {
    **dict.fromkeys(NUMBERS, "numbers"), **dict.fromkeys(WORDS, "text"),
    **dict.fromkeys(DATES, "dates"), **dict.fromkeys(DURATIONS, "durations"),
    "boolean": "booleans",
}  # fmt: skip
ODD = {
    "mixed-integer": ("numbers and text", "make all of them numbers, or all of them text"),
    "mixed": ("objects of several kinds", "convert it to numbers or to text"),
    "complex": ("complex numbers", "give the real part, or the modulus"),
    "period": ("periods", "convert it to dates, by .dt.to_timestamp()"),
    "time": ("times of day", "convert it to durations since midnight"),
}


def values_of(column: "pd.Series") -> str:
    """Return what the values of a column are, missing ones left out.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        The column.

    Returns
    -------
    str
        The word of `pandas.api.types.infer_dtype`; "empty" where every value is missing and the
        type does not say.
    """
    import pandas as pd  # 0.65 s to import: only where there is a table

    if column.dtype.kind in "iuf":
        return "floating" if column.dtype.kind == "f" else "integer"
    word = str(pd.api.types.infer_dtype(column, skipna=True))
    return "floating" if word == "integer-na" else word


def natural_kind(column: "pd.Series") -> Kind | None:
    """Return the kind that follows from the type of a column's values.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        The column.

    Returns
    -------
    {"number", "category", "date"} or None
        Integers beyond 2^53, which float64 would round to one another, are categories; None for
        values that cannot be used.
    """
    word = values_of(column)
    if word in NUMBERS:
        return "category" if word == "integer" and rounds(column) else "number"
    if word in DURATIONS:
        return "number"
    if word in DATES:
        return "date"
    return "category" if word in (*WORDS, "boolean") else None


def problem_of(column: "pd.Series", kind: Kind | None = None) -> str | None:
    """Return why a column cannot be used.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        The column; values may be missing.
    kind : str, optional
        The kind that it is to have; None: that of its type.

    Returns
    -------
    str or None
        A clause that names the column and says what to do; None for a column that can be used.
    """
    word, natural = values_of(column), natural_kind(column)
    if word == "empty":
        return None
    if natural is None:
        what, advice = ODD.get(
            word, (f"values that are {word}", "convert it to numbers or to text")
        )
        return f"column {column.name!r} holds {what}; {advice}"
    if kind == "date" and natural != "date":
        return f"column {column.name!r} is to be a date and holds {NAMES[word]}; convert it"
    if kind == "number" and natural != "number" and not _are_numbers(column, word):
        what = "integers beyond 2^53" if word == "integer" else NAMES[word]
        return f"column {column.name!r} is to be a number and holds {what}; convert it, or drop it"
    if (kind or natural) == "number":
        infinite = int(np.sum(np.isinf(numbers_of(column))))
        if infinite:
            return (
                f"column {column.name!r} has {infinite} infinite values; "
                "remove or replace those rows"
            )
    return None


def numbers_of(column: "pd.Series") -> Array:
    """Return a column of numbers or durations as float64.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        Numbers, booleans or durations.

    Returns
    -------
    array of shape (n,)
        Numbers, and durations in seconds; NaN for missing values.
    """
    import pandas as pd

    if values_of(column) in DURATIONS:
        return seconds_of(column)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    numbers: Array = column.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def categories_of(column: "pd.Series") -> Categories:
    """Return the categories of a column.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        The column; missing values are no category.

    Returns
    -------
    tuple of hashable
        False and True for booleans; otherwise those that occur, sorted, or in the order of an
        ordered column.
    """
    import pandas as pd

    if values_of(column) == "boolean":
        return (False, True)
    values: list[Hashable] = list(pd.Index(column.dropna().unique()).astype(object))
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        present = set(values)
        return tuple(value for value in column.cat.categories if value in present)
    if len(set(map(type, values))) == 1:
        return tuple(sorted(values))  # type: ignore[type-var]  # texts, numbers or dates
    # Numbers and texts cannot be compared: values are sorted by type first.
    return tuple(sorted(values, key=lambda value: (str(type(value)), value)))


def are_whole(numbers: Array) -> bool:
    """Return whether all numbers are whole.

    Parameters
    ----------
    numbers : array of shape (n,)
        Numbers; NaN are left out.

    Returns
    -------
    bool
        Whether each is an integer.
    """
    return bool(((np.rint(numbers) == numbers) | np.isnan(numbers)).all())


def rounds(column: "pd.Series") -> bool:
    """Return whether float64 would round some integers of a column to one another.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        Integers; missing ones are left out.

    Returns
    -------
    bool
        Whether one is beyond 2^53.
    """
    values = column.dropna()
    return bool(len(values)) and max(-int(values.min()), int(values.max())) > EXACT


def _are_numbers(column: "pd.Series", word: str) -> bool:
    """Whether a column that counts as categories can be numbers: booleans, or levels of numbers."""
    import pandas as pd

    if word == "boolean":
        return True
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return False
    return natural_kind(column.cat.categories.to_series()) == "number"
