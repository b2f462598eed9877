"""Tables of a report: cells, and rows that name the data set and the method they are about."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from howrobust.analysis.measured import Measured
from howrobust.base.facts import REFERENCES


@dataclass(frozen=True)
class TableCell:
    """A cell of a table.

    Parameters
    ----------
    text : str
        What a reader sees.
    value : float, optional
        The exact number behind the text; None where the cell is no number.
    best : bool, default=False
        Whether it is the best of its column, and distinguishable from every other ranked method.
    """

    text: str
    value: float | None = None
    best: bool = False


@dataclass(frozen=True)
class TableRow:
    """A row of a table.

    Parameters
    ----------
    cells : sequence of TableCell
        One cell for each column.
    dataset, method : str, default=""
        The data set and the method that the row is about; "" where it is about none.
    kind : {"", "first", "reference"}, default=""
        "first" leads its table, "reference" is never ranked.
    """

    cells: Sequence[TableCell]
    dataset: str = ""
    method: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    label : str
        What it shows, in a few words.
    header : sequence of str
        Titles of the columns.
    text_columns : sequence of int
        Positions of the columns that hold text; the others hold numbers.
    rows : sequence of TableRow
        The rows, from the top.
    last : sequence of str, default=()
        Titles of columns that are left out last where there is no room: the reader asked for them.
    """

    label: str
    header: Sequence[str]
    text_columns: Sequence[int]
    rows: Sequence[TableRow]
    last: Sequence[str] = ()


def kind_of(method: str) -> str:
    """Return the kind of a row about a method.

    Parameters
    ----------
    method : str
        Label of the method.

    Returns
    -------
    str
        "reference", or "" for a method that may be ranked.
    """
    return "reference" if method in REFERENCES else ""


def number_cell(value: float) -> TableCell:
    """Return a number with three significant digits.

    Parameters
    ----------
    value : float
        The number; NaN where there is none.

    Returns
    -------
    TableCell
        The number, or a dash.
    """
    return TableCell("-") if math.isnan(value) else TableCell(f"{value:.3g}", value)


def share_cell(share: Measured) -> TableCell:
    """Return a share in percent with its interval.

    Parameters
    ----------
    share : Measured
        A number between 0 and 1.

    Returns
    -------
    TableCell
        The share, one digit after the point.
    """
    limits = [f"{100 * v:.1f}" for v in (share.lower, share.upper) if v is not None]
    interval = f" [{', '.join(limits)}]" if limits else ""
    return TableCell(f"{100 * share.value:.1f} %{interval}", share.value)


def p_value_cell(p: float) -> TableCell:
    """Return a p-value with three digits after the point.

    Parameters
    ----------
    p : float
        The p-value; NaN where there is none.

    Returns
    -------
    TableCell
        The p-value, "< 0.001", or a dash.
    """
    if math.isnan(p):
        return TableCell("-")
    return TableCell("< 0.001" if p < 0.001 else f"{p:.3f}", p)
