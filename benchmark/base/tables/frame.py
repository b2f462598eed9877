"""Tables whose columns are numbers, texts, categories or booleans, as float64 arrays and back."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from howrobust.base.tables.column import Categories, Column, Kind
from howrobust.base.tables.domain import categories_at, in_type, values_within
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

# Kinds of columns, as pandas infers them from their values.
NUMBERS = ("integer", "floating", "mixed-integer-float", "decimal")
WORDS = ("string", "categorical")
DATES = ("datetime64", "datetime", "date", "time", "timedelta64", "timedelta", "period")


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
            Columns of numbers, texts, categories or booleans.
        kinds : mapping of hashable to str, optional
            Kinds of some columns by name; those of the others follow from their types.

        Returns
        -------
        Frame
            The encoding.

        Raises
        ------
        BadInput
            For missing values, two columns of one name, and columns of any other kind.
        """
        twice = table.columns[table.columns.duplicated()]
        if len(twice):
            raise BadInput(f"the table has two columns called {twice[0]!r}; rename one of them")
        return cls(tuple(_column(column) for _, column in table.items()))

    @property
    def names(self) -> tuple[Hashable, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def categories(self) -> tuple[Categories | None, ...]:
        """Categories of the columns; None for numbers and dates."""
        return tuple(column.categories for column in self.columns)

    @property
    def dtypes(self) -> tuple[Any, ...]:
        """Types of the columns of the table, which `decode` restores."""
        return tuple(column.dtype for column in self.columns)

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which columns hold categories (d,)."""
        return np.array([known is not None for known in self.categories], dtype=np.bool_)

    def encode(self, table: "pd.DataFrame") -> Array:
        """Encode a table.

        Parameters
        ----------
        table : pandas.DataFrame of shape (n, m)
            A table with these columns; any others are left out.

        Returns
        -------
        array of shape (n, d)
            Numbers, and indices of categories.

        Raises
        ------
        BadInput
            For a column that is absent, holds an unknown category, or has numbers that are missing
            or infinite.
        """
        self._require_columns(table)
        return np.column_stack([
            _numbers(table[name]) if known is None else _codes(table[name], known)
            for name, known in zip(self.names, self.categories, strict=True)
        ])  # fmt: skip

    def decode(self, X: "Array | pd.DataFrame") -> "pd.DataFrame":
        """Return the table that an array stands for.

        Parameters
        ----------
        X : array or pandas.DataFrame of shape (n, d)
            Numbers. Indices of categories are rounded; one beyond the last is a category that no
            row has, see `category_of`. New rows may come as the table that they are: see `select`.

        Returns
        -------
        pandas.DataFrame of shape (n, d)
            Columns in their own types. A column of numbers whose type does not hold every one of
            them, as one of whole numbers that a stress has moved, is float64. Whole numbers beyond
            2^53 are rounded to float64.
        """
        import pandas as pd  # 0.65 s to import: only where there is a table

        if isinstance(X, pd.DataFrame):
            return self.select(X)

        return pd.DataFrame({
            column.name: in_type(pd.Series(codes), column.dtype) if column.categories is None
            else categories_at(column, codes)
            for column, codes in zip(self.columns, X.T, strict=True)
        })  # fmt: skip

    def within(self, X: Array) -> Array:
        """Return the nearest rows that the table can hold, as `values_within` does.

        Parameters
        ----------
        X : array of shape (n, d)
            Stressed rows; NaN for missing values.

        Returns
        -------
        array of shape (n, d)
            The rows; X itself where nothing changes.
        """
        return values_within(self.columns, X)

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
        return pd.DataFrame({
            name: _like(table[name], known, dtype)
            for name, known, dtype in zip(self.names, self.categories, self.dtypes, strict=True)
        }, index=table.index)  # fmt: skip

    def locate(self, table: "pd.DataFrame") -> Array:
        """Encode new rows as far as that is possible.

        Parameters
        ----------
        table : pandas.DataFrame of shape (n, m)
            A table with these columns.

        Returns
        -------
        array of shape (n, d)
            As of `encode`, with NaN for what is missing, no number or an unknown category.

        Raises
        ------
        BadInput
            For columns that are absent, by name.
        """
        import pandas as pd

        def column(values: "pd.Series", known: Categories | None) -> Array:
            if known is None:
                numbers = pd.to_numeric(values, errors="coerce")
                return numbers.to_numpy(dtype=np.float64, na_value=np.nan)
            codes = pd.Index(known, dtype=object).get_indexer(pd.Index(values, dtype=object))
            return np.where(codes < 0, np.nan, codes)

        selected = self.select(table)
        described = zip(self.names, self.categories, strict=True)
        return np.column_stack([column(selected[name], known) for name, known in described])

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
            Whether the category is in none of the other rows; False for numbers, and in a column
            that `names_rows`.
        """
        new = np.zeros(X.shape, dtype=np.bool_)
        for j, known in enumerate(self.categories):
            if known is not None and not names_rows(seen[:, j]):
                new[:, j] = ~np.isin(X[:, j], seen[:, j])
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
        Indices of categories.

    Returns
    -------
    bool
        Whether more than half of the rows have a category of their own: new rows then have new
        ones, which says nothing.
    """
    _, counts = np.unique(codes, return_counts=True)
    return bool(2 * np.sum(counts == 1) > len(codes))


def _column(column: "pd.Series") -> Column:
    known = _categories(column)
    if known is not None:
        return Column(column.name, "category", column.dtype, known)
    numbers = _numbers(column)
    whole, lower = bool((np.rint(numbers) == numbers).all()), 0.0 if min(numbers) >= 0 else -np.inf
    return Column(column.name, "number", column.dtype, whole=whole, lower=lower)


def _like(column: "pd.Series", known: Categories | None, dtype: Any) -> "pd.Series":
    """Return a column of new rows in the type of the column that the model has learnt."""
    import pandas as pd

    if column.dtype == dtype:
        return column
    if known is None:
        return in_type(column, dtype) if pd.api.types.is_numeric_dtype(column) else column
    if isinstance(dtype, pd.CategoricalDtype):
        values = pd.unique(column.dropna().astype(object))
        unknown = [value for value in values if value not in dtype.categories]
        categories = [*dtype.categories, *unknown]
        return column.astype(pd.CategoricalDtype(categories, ordered=dtype.ordered))
    if all(isinstance(value, str) for value in known):
        # A file with such texts as "10" alone is read as numbers.
        column = column.astype(object).map(str, na_action="ignore")
    try:
        typed = column.astype(dtype)
    except (TypeError, ValueError):
        return column
    return typed if (typed.astype(object) == column.astype(object)).all() else column


def _kind(column: "pd.Series") -> str:
    """Return the kind of a column's values; BadInput for missing ones, dates and other objects."""
    import pandas as pd

    missing = int(column.isna().sum())
    if missing:
        raise BadInput(
            f"column {column.name!r} has {missing} missing values; "
            "remove those rows or fill them in before the run"
        )
    kind = str(pd.api.types.infer_dtype(column, skipna=False))
    if kind in DATES:
        raise BadInput(
            f"column {column.name!r} holds dates or times; "
            "convert them to numbers, such as the days since the first"
        )
    if kind not in (*NUMBERS, *WORDS, "boolean"):
        raise BadInput(
            f"column {column.name!r} holds values that are {kind}; convert it to numbers or to text"
        )
    return kind


def _categories(column: "pd.Series") -> Categories | None:
    kind = _kind(column)
    if kind in NUMBERS:
        return None
    if kind == "boolean":
        return (False, True)
    values = column.unique()
    if kind == "categorical" and column.cat.ordered:
        present = set(values)
        return tuple(value for value in column.cat.categories if value in present)
    # Numbers and texts cannot be compared: values are sorted by type first.
    return tuple(sorted(values, key=lambda value: (str(type(value)), value)))


def _numbers(column: "pd.Series") -> Array:
    kind = _kind(column)
    if kind not in NUMBERS:
        raise BadInput(f"column {column.name!r} held numbers and is {kind} now; convert it")
    numbers = column.to_numpy(dtype=np.float64)
    infinite = int(np.sum(~np.isfinite(numbers)))
    if infinite:
        raise BadInput(
            f"column {column.name!r} has {infinite} infinite values; remove or replace those rows"
        )
    return numbers


def _codes(column: "pd.Series", known: Categories) -> Array:
    import pandas as pd

    _kind(column)
    codes = pd.Index(known, dtype=object).get_indexer(pd.Index(column, dtype=object))
    if (codes < 0).any():
        unknown = column.iloc[int(np.argmax(codes < 0))]
        raise BadInput(
            f"column {column.name!r} holds {unknown!r}, which is none of its "
            f"{len(known)} categories; correct it, or describe a table that has it"
        )
    return codes.astype(np.float64)
