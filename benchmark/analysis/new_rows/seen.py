"""What a model has seen: the range of each column, and how near to each other its rows are."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from howrobust.base.tables.column import Column
from howrobust.base.tables.frame import names_rows
from howrobust.base.tables.times import day_text
from howrobust.distributions.arrays import Array
from howrobust.errors import printable
from howrobust.seeds import generator

if TYPE_CHECKING:
    from sklearn.neighbors import NearestNeighbors

NEAR = 0.99  # share of the training rows that have another one within `Seen.limit`
_MOST_ROWS = 20_000  # that the nearest one is sought among
_MOST_PROBES = 1_000  # rows that the limit is estimated from
_MOST_LEVELS = 50  # of a column that counts in distances
_NAMED_LEVELS = 5  # in a message


@dataclass(frozen=True)
class Place:
    """Where a new row lies beside the rows that a model has learnt.

    Parameters
    ----------
    outside : dict of str to str
        By name of each column that is outside what was seen, or missing: a clause that says so.
    distance : float
        Distance to the nearest training row, see `Seen`; NaN where no column counts.
    limit : float
        Distance within which 99 % of the training rows have another one.
    """

    outside: dict[str, str]
    distance: float
    limit: float

    @property
    def is_far(self) -> bool:
        """Whether the row as a whole is farther than `limit` from the nearest training row."""
        return self.distance > self.limit

    @property
    def clauses(self) -> list[str]:
        """What is outside: the columns, or else the row as a whole; empty for a row inside."""
        if self.outside or not self.is_far:
            return list(self.outside.values())
        return [
            "the row as a whole is outside what was seen (distance "
            f"{self.distance:.2g} to the nearest training row; 99 % of those have one within "
            f"{self.limit:.2g})"
        ]


@dataclass(frozen=True)
class Seen:
    """The training rows as new rows are compared with them.

    Parameters
    ----------
    X : array of shape (n, d)
        Training rows, as a frame encodes them; NaN for missing values.
    columns : tuple of Column
        The d columns.
    least_target : float, default -inf
        Least target of the training rows.

    Notes
    -----
    A number or a date is outside where it is below the least or above the greatest of the training
    rows; a category where no training row has it; a missing value where no training row misses it.
    An identifier is never outside, nor is a category of a column in which more than half of the
    training rows have one of their own: such a column names the rows, and a new name says nothing.

    The squared distance of two rows is the sum over columns of ((a - b) / s)^2, with s the sd of
    the training rows, for numbers and dates, and of 1 for categories that differ. Missing numbers
    count as the mean of the training rows, a missing category as one more category, and identifiers
    and columns with more than 50 categories do not count. A row as a whole is outside where the
    nearest training row is farther than 99 % of the training rows have another one: about 1 % of
    new rows of the same distribution are called outside. Of more than 20,000 training rows that
    many drawn ones are looked at, and the limit is estimated from at most 1,000.
    """

    X: Array
    columns: tuple[Column, ...]
    least_target: float = -inf

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the d columns."""
        return tuple(str(column.name) for column in self.columns)

    def places(self, X: Array, values: Sequence[NDArray[Any]]) -> tuple[Place, ...]:
        """Compare new rows with the training rows.

        Parameters
        ----------
        X : array of shape (m, d)
            New rows as `howrobust.base.tables.frame.Frame.locate` gives them: NaN for what is
            missing or of an unknown category.
        values : sequence of d arrays of shape (m,)
            The columns as they were given.

        Returns
        -------
        tuple of Place
            One for each row.
        """
        outside: list[dict[str, str]] = [{} for _ in X]
        for j, name in enumerate(self.names):
            for row in np.flatnonzero(self._is_outside(j, X[:, j], values[j])):
                outside[row][name] = self._clause(j, X[row, j], values[j][row])
        distances = self._distances(X)
        return tuple(
            Place(columns, float(distance), self.limit)
            for columns, distance in zip(outside, distances, strict=True)
        )

    def unknown(self, X: Array, values: Sequence[NDArray[Any]]) -> list[tuple[str, Hashable]]:
        """Return the first unknown category of each column that has one.

        Parameters
        ----------
        X : array of shape (m, d)
            New rows, as of `places`.
        values : sequence of d arrays of shape (m,)
            The columns as they were given.

        Returns
        -------
        list of (str, hashable)
            Name of the column, and the category.
        """
        unknown = []
        for j, column in enumerate(self.columns):
            new = ~np.isin(X[:, j], self.X[:, j]) & ~pd.isna(values[j])
            if column.categories is not None and new.any():
                unknown.append((self.names[j], values[j][int(np.argmax(new))]))
        return unknown

    @cached_property
    def limit(self) -> float:
        """Distance within which 99 % of the training rows have another one; NaN for no columns."""
        if self._nearest is None:
            return np.nan
        reference, tree = self._nearest
        probes = generator(0, "probes").permutation(len(reference))[:_MOST_PROBES]
        distances, _ = tree.kneighbors(reference[probes], n_neighbors=2)
        return float(np.quantile(distances[:, 1], NEAR))

    def _is_outside(self, j: int, new: Array, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each of the values (m,) of column j is outside, or missing."""
        seen, column = self.X[:, j], self.columns[j]
        known = seen[~np.isnan(seen)]
        if column.categories is None:
            inside: NDArray[np.bool_] = (new >= known.min()) & (new <= known.max())
        elif column.kind == "id" or names_rows(seen):
            return np.zeros(len(new), dtype=np.bool_)
        else:
            inside = np.isin(new, known)
        missing = pd.isna(np.asarray(values, dtype=object))
        return ~np.where(missing, len(known) < len(seen), inside)

    def _clause(self, j: int, code: float, value: Any) -> str:
        column, seen, name = self.columns[j], self.X[:, j], printable(self.names[j])
        if pd.isna(value):
            return f"{name} is missing"
        seen = seen[~np.isnan(seen)]
        if column.categories is None:
            as_text = day_text if column.kind == "date" else _number
            text = as_text(code) if np.isfinite(code) else repr(value)
            low, high = as_text(seen.min()), as_text(seen.max())
            return f"{name} is outside what was seen ({text}; seen {low} to {high})"
        levels = [repr(column.categories[int(k)]) for k in np.unique(seen)]
        listed = ", ".join(levels[:_NAMED_LEVELS])
        more = len(levels) - _NAMED_LEVELS
        others = f" and {more} more" if more > 0 else ""
        return f"{name} is outside what was seen ({value!r}; seen {listed}{others})"

    @cached_property
    def _units(self) -> tuple[Array, Array]:
        """Means and sds (d,) of the training rows; the sd 1 of a constant."""
        sds = np.nanstd(self.X, axis=0)
        return np.nanmean(self.X, axis=0), np.where(sds > 0, sds, 1.0)

    @cached_property
    def _nearest(self) -> "tuple[Array, NearestNeighbors] | None":
        """The coordinates of training rows, and a search among them; None for no columns."""
        from sklearn.neighbors import NearestNeighbors  # takes 2 s to import

        rows = self.X
        if len(rows) > _MOST_ROWS:
            drawn = generator(0, "nearest rows").permutation(len(rows))[:_MOST_ROWS]
            rows = rows[np.sort(drawn)]
        coordinates = self._coordinates(rows)
        if not coordinates.shape[1]:
            return None
        return coordinates, NearestNeighbors().fit(coordinates)

    def _distances(self, X: Array) -> Array:
        if self._nearest is None or not len(X):
            return np.full(len(X), np.nan)
        distances, _ = self._nearest[1].kneighbors(self._coordinates(X), n_neighbors=1)
        return np.asarray(distances[:, 0], dtype=np.float64)

    def _coordinates(self, X: Array) -> Array:
        """Rows (m, d) as points whose Euclidean distance is that of the class's notes."""
        parts = []
        means, sds = self._units
        for j, column in enumerate(self.columns):
            codes, seen = X[:, j], self.X[:, j]
            if column.categories is None:
                # Sums of squares of what is farther than 1e100 sds would overflow.
                scaled = np.clip((codes - means[j]) / sds[j], -1e100, 1e100)
                parts.append(np.nan_to_num(scaled)[:, None])
            elif column.kind == "category" and _n_levels(seen) <= _MOST_LEVELS:
                same = codes[:, None] == np.unique(seen[~np.isnan(seen)])
                # An unknown or missing category is a coordinate of its own.
                parts.append(np.column_stack([same, ~same.any(axis=1)]) / np.sqrt(2))
        return np.hstack(parts) if parts else np.empty((len(X), 0))


def numbered(names: Sequence[str]) -> tuple[Column, ...]:
    """Return columns of numbers.

    Parameters
    ----------
    names : sequence of str
        Names of the d columns.

    Returns
    -------
    tuple of Column
        The d columns.
    """
    return tuple(Column(name, "number", np.dtype(np.float64)) for name in names)


def _n_levels(codes: Array) -> int:
    return len(np.unique(codes[~np.isnan(codes)]))


def _number(value: float) -> str:
    """Return a number with four digits, as 1e9, 8.4 or -3.2e-7."""
    mantissa, e, exponent = f"{value:.4g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa
