"""A table as it was read from a file."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """A table as it was read, with what was found on the way.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n, d)
        The columns, in types of their own: numbers are int64 or float64, words are text, dates are
        datetime64, durations timedelta64, and ``true`` and ``false`` are booleans.
    notes : tuple of str, default=()
        Clauses on how the file was read, such as "the separator is ';'".
    problems : tuple of str, default=()
        Sentences on what cannot be read: every problem that was found. The frame is then of no use.
    """

    frame: "pd.DataFrame"
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
