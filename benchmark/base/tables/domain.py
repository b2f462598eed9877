"""What the columns of a table may hold: bounds of stressed values, and values that are new."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from howrobust.base.tables.column import Column, Kind
from howrobust.distributions.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]
NEW_TEXT = "unseen"


def of_kind(columns: tuple[Column, ...], *kinds: Kind) -> Mask:
    """Return which columns are of some kinds.

    Parameters
    ----------
    columns : tuple of Column
        The d columns.
    *kinds : {"number", "category", "date", "id"}
        The kinds.

    Returns
    -------
    array of bool of shape (d,)
        Whether each column is of one of them.
    """
    return np.array([column.kind in kinds for column in columns], dtype=np.bool_)


def values_within(columns: tuple[Column, ...], X: Array) -> Array:
    """Return the nearest values that the columns can hold.

    Parameters
    ----------
    columns : tuple of Column
        The d columns.
    X : array of shape (n, d)
        Stressed values; NaN for a missing one.

    Returns
    -------
    array of shape (n, d)
        Whole columns rounded, half to even, and no number below the column's ``lower``; codes of k
        categories rounded to one of 0 .. k, where k is one that no row has; NaN and identifiers as
        they are. X itself where nothing changes.
    """
    kept = X
    for j, column in enumerate(columns):
        values = _nearest(column, X[:, j])
        if not np.array_equal(values, X[:, j], equal_nan=True):
            kept = X.copy() if kept is X else kept
            kept[:, j] = values
    return kept


def _nearest(column: Column, values: Array) -> Array:
    """Return the nearest values (n,) that a column can hold; NaN stays."""
    if column.kind == "id":
        return values
    if column.kind == "category":
        return np.clip(np.rint(values), 0, len(column.categories or ()))
    bounded = np.maximum(values, column.lower)
    return np.rint(bounded) if column.whole else bounded


def categories_at(column: Column, codes: Array) -> "pd.Series":
    """Return the categories that indices stand for, in the type of the column.

    Parameters
    ----------
    column : Column
        A column of k categories or identifiers, k at least 1.
    codes : array of shape (n,)
        Indices. Exactly k stands for `new_category`, where the column has one; others are rounded
        and clipped to 0 .. k - 1. None is missing.

    Returns
    -------
    pandas.Series of shape (n,)
        In the column's own type, with the new category where that is there; of objects where the
        type does not hold it.
    """
    import pandas as pd  # 0.65 s to import: only where there is a table

    known = column.categories or ()
    k, new = len(known), new_category(column)
    is_new = (codes == k) & (new is not None)
    nearest = np.clip(np.rint(codes), 0, k - 1)
    places = np.where(is_new, k, nearest).astype(np.int64)
    values = pd.Series(pd.Index([*known, new], dtype=object).take(places))
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) and is_new.any():
        dtype = pd.CategoricalDtype([*dtype.categories, new], ordered=dtype.ordered)
    try:
        return values.astype(dtype)
    except (TypeError, ValueError, OverflowError):  # a new value in a narrow type
        return values


def new_category(column: Column) -> Hashable | None:
    """Return a value of the type of a column that is none of its categories.

    Parameters
    ----------
    column : Column
        A column of categories or identifiers.

    Returns
    -------
    hashable or None
        "unseen" for texts, one more than the largest for numbers (the least natural number that is
        none of them where the type holds no larger one); None for booleans, which have no third.
    """
    import pandas as pd

    known = column.categories or ()
    if all(isinstance(value, bool | np.bool_) for value in known):
        return None
    is_category = isinstance(column.dtype, pd.CategoricalDtype)  # with levels that no row has
    taken = {*known, *column.dtype.categories} if is_category else {*known}
    if not all(isinstance(value, int | float | np.number) for value in taken):
        text = NEW_TEXT
        while text in taken:
            text += "_"
        return text
    numbers: list[Any] = [v.item() if isinstance(v, np.generic) else v for v in taken]
    new = max(numbers) + 1
    if new in taken or new > _largest_of(column.dtype):  # beyond 2^53, x + 1 may be x
        return next(k for k in range(len(taken) + 1) if k not in taken)
    return new  # type: ignore[no-any-return]


def _largest_of(dtype: object) -> float:
    """The largest number that a type of integers holds; infinite for any other."""
    kind = getattr(dtype, "numpy_dtype", dtype)  # the type under a nullable one of pandas
    return np.iinfo(kind).max if isinstance(kind, np.dtype) and kind.kind in "iu" else np.inf
