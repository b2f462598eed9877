"""Tables in the first sheet of Excel workbooks."""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.base.tables.values import EXACT
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.table import Table
from howrobust.datasets.tables.reading.text.dialect import problems_of_names
from howrobust.datasets.tables.reading.typed import finished, read_cells
from howrobust.errors import BadInput, printable

if TYPE_CHECKING:
    import pandas as pd

Row = tuple[Any, ...]


def names_of_sheet(path: Path) -> list[str]:
    """Return the names of the columns of the first sheet.

    Parameters
    ----------
    path : Path
        The workbook.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    BadInput
        Where it cannot be read.
    """
    with _rows(path) as rows:
        return _names(path, rows)[0]


def read_excel(path: Path, options: ReadOptions) -> Table:
    """Read the first sheet of a workbook.

    The first row with a value is the header. A column whose cells are of one type keeps it; cells
    of text are read by the rules of text.

    Parameters
    ----------
    path : Path
        The workbook.
    options : ReadOptions
        What the user says.

    Returns
    -------
    Table
        The table, with all problems.

    Raises
    ------
    BadInput
        Where it cannot be read.
    """
    import pandas as pd

    with _rows(path) as rows:
        names, first = _names(path, rows)
        kept = list(rows)
    while kept and not any(value is not None for value in kept[-1]):
        kept.pop()
    columns = {
        place: [row[place] if place < len(row) else None for row in kept]
        for place in range(max(map(len, [names, *kept])))
    }  # fmt: skip
    names += [""] * (len(columns) - len(names))
    for place in reversed(range(len(columns))):
        if not names[place] and all(value is None for value in columns[place]):
            del columns[place]
    problems = problems_of_names([names[place] for place in columns])
    notes: list[str] = []
    series: dict[str, pd.Series] = {}
    lines = range(first + 1, first + 1 + len(kept))
    for place, values in columns.items():
        name = names[place]
        if not name or name in series or name in options.drop:
            continue
        series[name], said, problem = _column(name, values, lines, options)
        notes += said
        problems += [problem] if problem else []
    return finished(pd.DataFrame(series, index=pd.RangeIndex(len(kept))), options, notes, problems)


@contextmanager
def _rows(path: Path) -> Iterator[Iterator[Row]]:
    """Open the rows of the first sheet."""
    try:
        import openpyxl
    except ImportError:
        raise BadInput(
            f"{path} needs openpyxl to be read; install openpyxl, or save it as .csv"
        ) from None
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # whatever a damaged archive or its XML raises
        raise BadInput(f"{path} cannot be read as a workbook: {_reason(error)}") from None
    try:
        if not book.worksheets:
            raise BadInput(f"{path} has no sheet of cells")
        yield _read(path, book.worksheets[0])
    finally:
        book.close()


def _read(path: Path, sheet: Any) -> Iterator[Row]:
    try:
        sheet.reset_dimensions()
        yield from sheet.iter_rows(values_only=True)
    except Exception as error:  # whatever a damaged archive or its XML raises
        raise BadInput(f"{path} cannot be read as a workbook: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return printable((str(error).splitlines() or [type(error).__name__])[0])


def _names(path: Path, rows: Iterator[Row]) -> tuple[list[str], int]:
    """Return the names in the first row with a value, and its number."""
    for number, row in enumerate(rows, start=1):
        if any(value is not None for value in row):
            if all(isinstance(value, int | float) for value in row if value is not None):
                raise BadInput(
                    f"{path} has no header: its first row (row {number}) is numbers; name the "
                    "columns there"
                )
            names = ["" if value is None else str(value).strip() for value in row]
            while not names[-1]:
                names.pop()
            return names, number
    raise BadInput(f"{path} is empty; it needs a header and rows")


def _column(
    name: str, values: Sequence[Any], lines: Sequence[int], options: ReadOptions
) -> "tuple[pd.Series, Sequence[str], str | None]":
    import pandas as pd

    kinds = {type(value) for value in values if value is not None}
    if options.kinds.get(name) != "category" and name not in options.date_formats:
        if not kinds or kinds <= {int, float}:
            return _numbers(values), (), None
        if kinds == {bool}:
            has_gaps = any(value is None for value in values)
            cells = [np.nan if value is None else value for value in values]
            return pd.Series(cells, dtype=object if has_gaps else bool), (), None
        if kinds <= {dt.datetime, dt.date}:
            return pd.Series(np.array(values, dtype="M8[us]")), (), None
        if kinds <= {dt.time, dt.timedelta}:
            return pd.Series(np.array([_span(v) for v in values], dtype="m8[us]")), (), None
    return read_cells(name, [_text(value) for value in values], lines, options)


def _numbers(values: Sequence[Any]) -> "pd.Series":
    import pandas as pd

    if values and all(isinstance(value, int) and abs(value) < 2**63 for value in values):
        return pd.Series(np.array(values, dtype=np.int64))
    if any(isinstance(value, int) and abs(value) > EXACT for value in values):
        return pd.Series([None if value is None else str(value) for value in values])
    return pd.Series([np.nan if value is None else float(value) for value in values], dtype=float)


def _span(value: dt.time | dt.timedelta | None) -> dt.timedelta | None:
    if isinstance(value, dt.time):
        midnight = dt.datetime.combine(dt.date.min, dt.time())
        return dt.datetime.combine(dt.date.min, value.replace(tzinfo=None)) - midnight
    return value


def _text(value: Any) -> str:
    """Return a cell as it would stand in a text file."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    return str(value)
