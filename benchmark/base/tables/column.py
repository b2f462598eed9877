"""One column of a table: what its values are, and how an array of numbers stands for them."""

from collections.abc import Hashable
from dataclasses import dataclass
from math import inf
from typing import Any, Literal

Categories = tuple[Hashable, ...]
Kind = Literal["number", "category", "date", "id"]
KINDS: tuple[Kind, ...] = ("number", "category", "date", "id")


@dataclass(frozen=True)
class Column:
    """A column of a table, and how an array of float64 holds it.

    A number is held as it is, a duration as seconds, a date as days since 1970-01-01 (UTC), a
    category or an identifier as its index in ``categories``; NaN stands for a missing value.

    Parameters
    ----------
    name : hashable
        Name of the column.
    kind : {"number", "category", "date", "id"}
        What its values are. An identifier names the rows: it is no feature of methods that want
        numbers. Booleans are the categories False and True.
    dtype : dtype
        Type of the column in the table as it was read, which decoding restores.
    categories : tuple of hashable, optional
        The categories or identifiers, sorted, or in the order of an ordered column.
    whole : bool, default=False
        Whether all numbers are whole: stresses keep them so.
    lower : float, default=-inf
        Bound below which a stress moves no number: 0 for a column without negative numbers.
    """

    name: Hashable
    kind: Kind
    dtype: Any
    categories: Categories | None = None
    whole: bool = False
    lower: float = -inf
