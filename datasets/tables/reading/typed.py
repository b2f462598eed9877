"""Columns that have types of their own, and words among them that are read by the rules of text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.table import Table
from howrobust.datasets.tables.reading.text.columns import collector
from howrobust.datasets.tables.reading.text.decision import decide
from howrobust.datasets.tables.reading.text.survey import Survey
from howrobust.errors import printable

if TYPE_CHECKING:
    import pandas as pd


def finished(
    frame: "pd.DataFrame", options: ReadOptions, notes: Sequence[str], problems: Sequence[str]
) -> Table:
    """Return a table of typed columns, with what the user says.

    Words for missing values are missing. A column of words that the user calls numbers or dates is
    read by the rules of text. Infinite numbers are a problem.

    Parameters
    ----------
    frame : pandas.DataFrame of shape (n, d)
        The columns.
    options : ReadOptions
        What the user says.
    notes, problems : sequence of str
        What was found before.

    Returns
    -------
    Table
        The table.
    """
    notes, problems = list(notes), list(problems)
    for name in list(frame.columns):
        column = _marked(frame[name], options)
        if _holds_words(column) and _is_parsed(str(name), options):
            gaps = column.isna()
            cells = ["" if gap else str(v) for v, gap in zip(column, gaps, strict=True)]
            column, said, problem = read_cells(str(name), cells, range(1, len(cells) + 1), options)
            notes += said
            problems += [problem] if problem else []
        if problem := _infinite(column):
            problems.append(problem)
        if column is not frame[name]:
            frame[name] = column
    return Table(frame, tuple(notes), tuple(problems))


def read_cells(
    name: str, cells: Sequence[str], lines: Sequence[int], options: ReadOptions
) -> "tuple[pd.Series, tuple[str, ...], str | None]":
    """Read the cells of a column by the rules of text.

    Parameters
    ----------
    name : str
        The column.
    cells : sequence of str
        The cells.
    lines : sequence of int
        Their lines.
    options : ReadOptions
        What the user says.

    Returns
    -------
    tuple of pandas.Series, tuple of str, and str or None
        The values, notes, and what cannot be read.
    """
    survey = Survey(name, frozenset(options.missing))
    survey.add(cells, lines)
    decision = decide(survey, options, ",", set())
    values = collector(name, decision, options)
    values.add(cells, lines)
    column, problem = values.finish()
    return column, decision.notes, decision.problem or problem


def _is_parsed(name: str, options: ReadOptions) -> bool:
    return options.kinds.get(name) in ("number", "date") or name in options.date_formats


def _holds_words(column: "pd.Series") -> bool:
    import pandas as pd

    return bool(pd.api.types.infer_dtype(column, skipna=True) == "string")


def _marked(column: "pd.Series", options: ReadOptions) -> "pd.Series":
    """Return a column whose missing values are NaN or NaT, those that the user names too."""
    import pandas as pd

    if column.dtype == object and column.isna().any():
        column = column.where(column.notna(), np.nan)
    if not options.missing:
        return column
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        numbers = [float(word) for word in options.missing if _is_number(word)]
        return column.mask(column.isin(numbers)) if numbers else column
    if pd.api.types.is_string_dtype(column):
        return column.mask(column.isin(list(options.missing)))
    return column


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _infinite(column: "pd.Series") -> str | None:
    if column.dtype.kind != "f":
        return None
    infinite = np.isinf(column.to_numpy(np.float64, na_value=np.nan))
    if not infinite.any():
        return None
    count = int(infinite.sum())
    return (
        f"column {printable(str(column.name))!r} has {count} infinite value"
        f"{'s' if count > 1 else ''}, the first in row {int(np.argmax(infinite)) + 1}; correct "
        "the rows, or give --missing inf"
    )
