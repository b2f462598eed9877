"""Tables of numbers, dates, texts, categories and booleans, as float64 arrays and back."""

import hashlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from howrobust.base.tables.coding import (
    decoded,
    described,
    encoded,
    kept_within,
    located,
    selected,
)
from howrobust.base.tables.column import Categories, Column, Kind
from howrobust.base.tables.values import problem_of
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

Labels = Any  # of rows: a pandas.Index or an array (n,), or None for the numbers from 0
_HASHED = 4096  # categories


@dataclass(frozen=True)
class Frame:
    """The encoding of a table of d columns as an array of numbers, and back.

    Parameters
    ----------
    columns : tuple of Column
        The d columns.
    """

    columns: tuple[Column, ...]

    @classmethod
    def of(cls, table: "pd.DataFrame", kinds: Mapping[Hashable, Kind] | None = None) -> "Frame":
        """Return the encoding of a table, with the categories that its rows hold.

        Parameters
        ----------
        table : pandas.DataFrame of shape (n, d)
            Columns of numbers, durations, dates, texts, categories or booleans; values may be
            missing.
        kinds : mapping of hashable to str, optional
            Kinds of some columns by name; those of the others follow from their types. A column is
            an identifier only where this says so.

        Returns
        -------
        Frame
            The encoding.

        Raises
        ------
        BadInput
            For what `problems_of` names, all of it at once.
        """
        problems = cls.problems_of(table, kinds)
        if problems:
            raise BadInput("; ".join(problems))
        kinds = kinds or {}
        return cls(tuple(described(column, kinds.get(name)) for name, column in table.items()))

    @staticmethod
    def problems_of(
        table: "pd.DataFrame", kinds: Mapping[Hashable, Kind] | None = None
    ) -> list[str]:
        """Return why a table has no encoding.

        Parameters
        ----------
        table : pandas.DataFrame of shape (n, d)
            The table.
        kinds : mapping of hashable to str, optional
            As of `of`.

        Returns
        -------
        list of str
            A clause for each name that two columns share, and for each column without a value,
            with infinite values, or whose values are of no kind or not of the one that is asked
            for; empty for a table that can be encoded.
        """
        twice = table.columns[table.columns.duplicated()].unique()
        if len(twice):
            return [
                f"the table has two columns called {name!r}; rename one of them" for name in twice
            ]
        kinds = kinds or {}
        problems = [
            problem_of(column, kinds.get(name))
            or (None if column.notna().any() else f"column {name!r} holds no value; drop it")
            for name, column in table.items()
        ]
        return [problem for problem in problems if problem]

    @property
    def names(self) -> tuple[Hashable, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def categories(self) -> tuple[Categories | None, ...]:
        """Categories or identifiers of the columns; None for numbers and dates."""
        return tuple(column.categories for column in self.columns)

    @property
    def dtypes(self) -> tuple[Any, ...]:
        """Types of the columns of the table, which `decode` restores."""
        return tuple(column.dtype for column in self.columns)

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which columns hold categories or identifiers (d,)."""
        return np.array([known is not None for known in self.categories], dtype=np.bool_)

    def digest(self) -> str:
        """Return a hash of the names, kinds, types and categories.

        Returns
        -------
        str
            SHA-256, in hexadecimal digits.
        """
        sha256 = hashlib.sha256()
        for column in self.columns:
            known = column.categories or ()
            about = (column.name, column.kind, str(column.dtype), column.whole, column.lower)
            sha256.update(repr((about, len(known))).encode())
            for first in range(0, len(known), _HASHED):
                sha256.update(repr(known[first : first + _HASHED]).encode())
        return sha256.hexdigest()

    def encode(self, table: "pd.DataFrame") -> Array:
        """Encode a table.

        Parameters
        ----------
        table : pandas.DataFrame of shape (n, m)
            A table with these columns; any others are left out.

        Returns
        -------
        array of shape (n, d)
            Numbers, durations in seconds, dates as days since 1970-01-01 (UTC) and indices of
            categories; NaN for missing values.

        Raises
        ------
        BadInput
            For a column that is absent, holds an unknown category, has infinite values or values
            of another kind.
        """
        self._require_columns(table)
        X = np.empty((len(table), len(self.columns)))
        for j, column in enumerate(self.columns):  # one column is copied at a time
            X[:, j] = encoded(column, table[column.name])
        return X

    def decode(self, X: "Array | pd.DataFrame", index: Labels = None) -> "pd.DataFrame":
        """Return the table that an array stands for.

        Parameters
        ----------
        X : array or pandas.DataFrame of shape (n, d)
            Numbers, NaN for missing values. Indices of categories are rounded and clipped to those
            that exist, so that inputs that a stress has moved can be decoded too. New rows may come
            as the table that they are: see `select`.
        index : pandas.Index or array of shape (n,), optional
            Labels of the rows of an array; None: the numbers from 0.

        Returns
        -------
        pandas.DataFrame of shape (n, d)
            Columns in their own types. A column whose type does not hold every one of its values is
            float64, as integers that a stress has moved or that are missing now, or object, as
            booleans that are missing. Whole numbers beyond 2^53 are rounded to float64.
        """
        import pandas as pd  # 0.65 s to import: only where there is a table

        if isinstance(X, pd.DataFrame):
            return self.select(X)
        pairs = zip(self.columns, X.T, strict=True)
        table = pd.DataFrame({column.name: decoded(column, codes) for column, codes in pairs})
        return table if index is None else table.set_axis(pd.Index(index), axis=0)

    def select(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return new rows with these columns alone, in their order and types.

        Parameters
        ----------
        table : pandas.DataFrame of shape (n, m)
            A table with these columns; its values may be missing or of unknown categories.

        Returns
        -------
        pandas.DataFrame of shape (n, d)
            The values and the index of the table. Unknown categories are added to those of a
            categorical column; a column whose type does not hold its values stays as it is.

        Raises
        ------
        BadInput
            For columns that are absent, by name.
        """
        import pandas as pd

        self._require_columns(table)
        columns = {each.name: selected(each, table[each.name]) for each in self.columns}
        return pd.DataFrame(columns, index=table.index)

    def locate(self, table: "pd.DataFrame") -> Array:
        """Encode new rows as far as that is possible.

        Parameters
        ----------
        table : pandas.DataFrame of shape (n, m)
            A table with these columns.

        Returns
        -------
        array of shape (n, d)
            As of `encode`, with NaN for what is missing, infinite, of another kind or an unknown
            category.

        Raises
        ------
        BadInput
            For columns that are absent, by name.
        """
        rows = self.select(table)
        return np.column_stack([located(each, rows[each.name]) for each in self.columns])

    def within(self, X: Array) -> Array:
        """Return the nearest numbers that the table could hold.

        Parameters
        ----------
        X : array of shape (n, d)
            Numbers, such as those that a stress has moved.

        Returns
        -------
        array of shape (n, d)
            X itself where nothing changes; otherwise a copy in which columns of whole numbers are
            rounded, and numbers are not below the `Column.lower` of theirs. Missing values, dates
            and categories stay as they are.
        """
        kept = X
        for j, column in enumerate(self.columns):
            codes = kept_within(column, X[:, j])
            if not np.array_equal(codes, X[:, j], equal_nan=True):
                kept = X.copy() if kept is X else kept
                kept[:, j] = codes
        return kept

    def unseen(self, seen: Array, X: Array) -> NDArray[np.bool_]:
        """Return which categories of some rows no other row has, names of rows left out.

        Parameters
        ----------
        seen : array of shape (n, d)
            The other rows, such as those that a model has learnt.
        X : array of shape (m, d)
            The rows.

        Returns
        -------
        array of bool of shape (m, d)
            Whether the category is in none of the other rows; False for numbers, dates, identifiers
            and missing values, and in a column that `names_rows`.
        """
        new = np.zeros(X.shape, dtype=np.bool_)
        for j, column in enumerate(self.columns):
            if column.kind == "category" and not names_rows(seen[:, j]):
                new[:, j] = ~np.isin(X[:, j], seen[:, j]) & ~np.isnan(X[:, j])
        return new

    def _require_columns(self, table: "pd.DataFrame") -> None:
        absent = [repr(name) for name in self.names if name not in table.columns]
        if absent:
            names = f"column {absent[0]}" if len(absent) == 1 else f"columns {', '.join(absent)}"
            raise BadInput(f"the table has no {names}, which the model was given; add it")


def names_rows(codes: Array) -> bool:
    """Return whether a column of categories names the rows, as an identifier does.

    Parameters
    ----------
    codes : array of shape (n,)
        Indices of categories; NaN for missing ones, which have no name.

    Returns
    -------
    bool
        Whether more than half of the rows have a category of their own: new rows then have new
        ones, which says nothing.
    """
    known = codes[~np.isnan(codes)]
    _, counts = np.unique(known, return_counts=True)
    return bool(2 * np.sum(counts == 1) > len(codes))
