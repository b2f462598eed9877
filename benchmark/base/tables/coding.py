"""How one column of a table is written as numbers, and read back."""

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from howrobust.base.tables.column import Column, Kind
from howrobust.base.tables.domain import categories_at
from howrobust.base.tables.times import dates, days_of, durations
from howrobust.base.tables.values import (
    DURATIONS,
    NUMBERS,
    are_whole,
    categories_of,
    natural_kind,
    numbers_of,
    problem_of,
    rounds,
    values_of,
)
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]


def described(column: "pd.Series", kind: Kind | None) -> Column:
    """Describe a column that can be used.

    Parameters
    ----------
    column : pandas.Series of shape (n,)
        The column, without a `problem_of`.
    kind : str, optional
        Its kind; None: that of its type.

    Returns
    -------
    Column
        The description.
    """
    import pandas as pd  # 0.65 s to import: only where there is a table

    kind = kind or natural_kind(column) or "number"
    if kind == "date":
        # Objects with a time of day, of several zones maybe, come back as one type of moments.
        is_object = column.dtype == object and values_of(column) != "date"
        dtype = pd.to_datetime(column, utc=True).dtype if is_object else column.dtype
        return Column(column.name, kind, dtype)
    if kind != "number":
        return Column(column.name, kind, column.dtype, categories_of(column))
    numbers = numbers_of(column)
    if values_of(column) in DURATIONS:
        dtype = np.dtype("m8[us]") if column.dtype == object else column.dtype
        return Column(column.name, kind, dtype, lower=_lower(numbers))
    has_gaps = column.dtype.kind == "f" and bool(np.isnan(numbers).any())
    whole = values_of(column) in ("integer", "boolean") or (has_gaps and are_whole(numbers))
    return Column(column.name, kind, column.dtype, None, whole, _lower(numbers))


def encoded(column: Column, values: "pd.Series") -> Array:
    """Write values of a column as numbers.

    Parameters
    ----------
    column : Column
        The column.
    values : pandas.Series of shape (n,)
        Its values in n rows, or those of another table.

    Returns
    -------
    array of shape (n,)
        The numbers; NaN for missing values.

    Raises
    ------
    BadInput
        For values of another kind, infinite ones, and unknown categories.
    """
    if column.categories is None:
        problem = problem_of(values, column.kind)
        if problem:
            raise BadInput(problem)
        return numbers_of(values) if column.kind == "number" else days_of(values)
    codes, unknown = _codes(column, values)
    if unknown.any():
        value = values.iloc[int(np.argmax(unknown))]
        raise BadInput(
            f"column {column.name!r} holds {value!r}, which is none of its "
            f"{len(column.categories)} categories; correct it, or describe a table that has it"
        )
    return codes


def decoded(column: Column, codes: Array) -> "pd.Series":
    """Read the values that numbers stand for.

    Parameters
    ----------
    column : Column
        The column.
    codes : array of shape (n,)
        The numbers; NaN for missing values.

    Returns
    -------
    pandas.Series of shape (n,)
        The values in the type of the column, or one that holds them all.
    """
    import pandas as pd

    if column.kind == "date":
        return dates(codes, column.dtype)
    if column.categories is None:
        if _are_durations(column):
            return durations(codes, column.dtype)
        return _typed(pd.Series(codes), column.dtype)
    missing = np.isnan(codes)
    if not column.categories:
        return pd.Series(np.nan, index=range(len(codes)), dtype=object)
    values = categories_at(column, np.where(missing, 0, codes))
    return _with_gaps(values, missing) if missing.any() else values


def selected(column: Column, values: "pd.Series") -> "pd.Series":
    """Return values of new rows in the type of a column, where it holds them.

    Parameters
    ----------
    column : Column
        The column.
    values : pandas.Series of shape (n,)
        Values of new rows, of any type.

    Returns
    -------
    pandas.Series of shape (n,)
        The values with their index. Unknown categories are added to those of a categorical column;
        what the type does not hold stays as it is.
    """
    import pandas as pd

    dtype, known = column.dtype, column.categories
    if values.dtype == dtype:
        return values
    if column.kind == "date":
        days = _days_of_new(values)
        lost = np.isnan(days) & values.notna().to_numpy()
        return values if lost.any() else dates(days, dtype).set_axis(values.index)
    if _are_durations(column):
        is_duration = values_of(values) in DURATIONS
        return (
            durations(numbers_of(values), dtype).set_axis(values.index) if is_duration else values
        )
    if known is None:
        is_number = values_of(values) in (*NUMBERS, "empty", "boolean")
        return _typed(pd.Series(numbers_of(values), values.index), dtype) if is_number else values
    if isinstance(dtype, pd.CategoricalDtype):
        present = pd.unique(values.dropna().astype(object))
        unknown = [value for value in present if value not in dtype.categories]
        categories = [*dtype.categories, *unknown]
        return values.astype(pd.CategoricalDtype(categories, ordered=dtype.ordered))
    if known and all(isinstance(value, str) for value in known):
        # A file with such texts as "10" alone is read as numbers.
        values = values.astype(object).map(str, na_action="ignore")
    try:
        typed = values.astype(dtype)
    except (TypeError, ValueError):
        return values
    same = (typed.astype(object) == values.astype(object)) | (typed.isna() & values.isna())
    return typed if same.all() else values


def located(column: Column, values: "pd.Series") -> Array:
    """Write values of new rows as numbers, as far as that is possible.

    Parameters
    ----------
    column : Column
        The column.
    values : pandas.Series of shape (n,)
        The values, as `selected` returns them.

    Returns
    -------
    array of shape (n,)
        The numbers; NaN for what is missing, infinite or of another kind, and for an unknown
        category the index after that of the last one.
    """
    import pandas as pd

    if column.categories is not None:
        codes, unknown = _codes(column, values)
        return np.where(unknown, len(column.categories), codes)
    if column.kind == "date":
        return _days_of_new(values)
    if values_of(values) in DURATIONS:
        return numbers_of(values)
    numbers = numbers_of(pd.to_numeric(values, errors="coerce"))
    return np.where(np.isinf(numbers), np.nan, numbers)


def _codes(column: Column, values: "pd.Series") -> tuple[Array, Array]:
    """Indices of categories (n,), NaN for missing and unknown ones; and which are unknown (n,)."""
    import pandas as pd

    numbers, distinct = pd.factorize(values)
    categories: Any = column.categories
    known = pd.Index(categories, dtype=object)
    indices = known.get_indexer(pd.Index(distinct, dtype=object)).astype(np.float64)
    indices[indices < 0] = np.inf
    codes = np.append(indices, np.nan)[numbers]  # a missing value has the number -1
    unknown = np.isinf(codes)
    return np.where(unknown, np.nan, codes), unknown


def _days_of_new(values: "pd.Series") -> Array:
    """Return dates of new rows, or such texts as 2026-05-01, as days; NaN for anything else."""
    import pandas as pd

    if natural_kind(values) == "date":
        return days_of(values)
    if values_of(values) not in ("string", "categorical"):
        return np.full(len(values), np.nan)
    return days_of(
        pd.to_datetime(values.astype(object), format="ISO8601", errors="coerce", utc=True)
    )


def _lower(numbers: Array) -> float:
    """0 where no number is negative."""
    return -inf if bool((numbers < 0).any()) else 0.0


def _are_durations(column: Column) -> bool:
    return bool(column.categories is None and column.dtype.kind == "m")


def _with_gaps(values: "pd.Series", missing: Mask) -> "pd.Series":
    """Return values (n,) of which some are missing: booleans as objects, integers as float64."""
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else ""
    gaps = values.astype(object)
    gaps[missing] = np.nan
    if kind == "b" or (kind in ("i", "u") and rounds(values)):
        return gaps
    return gaps.astype(np.float64 if kind in ("i", "u") else values.dtype)


def _typed(numbers: "pd.Series", dtype: Any) -> "pd.Series":
    """Return numbers (n,) in a type that holds every one of them, or as they are."""
    if dtype.kind == "O":
        return numbers
    try:
        with np.errstate(invalid="ignore", over="ignore"):
            typed = numbers.astype(dtype)
            given, kept = (
                column.to_numpy(dtype=np.float64, na_value=np.nan) for column in (numbers, typed)
            )
    except (TypeError, ValueError, OverflowError):  # a type of integers refuses fractions
        return numbers
    # Floats may be rounded to their type, as a stress does not keep to it; integers may not.
    if dtype.kind in "iub":
        same = (given == kept) | (np.isnan(given) & np.isnan(kept))
    else:
        same = np.isfinite(given) == np.isfinite(kept)
    return typed if same.all() else numbers
