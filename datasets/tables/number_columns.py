"""Columns of numbers of a large text file, a block of rows at a time, each line checked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from howrobust.datasets.tables.reading.text.cells import is_missing
from howrobust.datasets.tables.reading.text.dialect import dialect_of, names_of, problems_of_names
from howrobust.datasets.tables.reading.text.rows import Rows
from howrobust.datasets.tables.reading.text.source import text_source
from howrobust.datasets.tables.reading.text.survey import finite_numbers
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput, printable


@dataclass(frozen=True)
class Columns:
    """Columns of consecutive rows.

    Parameters
    ----------
    lines : sequence of int
        Number of the line in which each of the m rows begins.
    values : dict of str to array of shape (m,)
        Numbers by column.
    """

    lines: Sequence[int]
    values: dict[str, Array]


def read_columns(
    path: Path, columns: Sequence[str], separator: str = ",", decimal: str = "."
) -> Iterator[Columns]:
    """Read some columns of a file, a block of rows at a time.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of str
        The columns to read, all numbers.
    separator : str, default=","
        The character between columns.
    decimal : str, default="."
        The decimal point.

    Yields
    ------
    Columns
        The next rows.

    Raises
    ------
    BadInput
        For a column that is not there, a line with more or fewer fields than the header, and a
        value that is no finite number; the message names the line.
    """
    source = text_source(path)
    dialect = dialect_of(source, separator)
    header = names_of(source, dialect)
    missing = [name for name in columns if name not in header]
    if missing:
        known = ", ".join(header[:20]) + (", ..." if len(header) > 20 else "")
        raise BadInput(f"{path} has no column {missing[0]!r}; its columns are: {known}")
    if problems := problems_of_names([name for name in header if name]):
        raise BadInput(f"{path}: {problems[0]}")
    rows = Rows(source, dialect, len(header))
    for _ in rows.blocks():  # nothing is scored before all rows are known to be of one length
        pass
    if rows.problem:
        raise BadInput(f"{path}: {rows.problem}")
    if not rows.count:
        raise BadInput(f"{path} has a header and no rows")
    places = {name: header.index(name) for name in columns}
    for block in rows.blocks():
        cells = list(zip(*block.rows, strict=True))
        values = {
            name: _numbers(path, name, cells[place], block.lines, decimal)
            for name, place in places.items()
        }
        yield Columns(block.lines, values)


def _numbers(
    path: Path, name: str, cells: Sequence[str], lines: Sequence[int], decimal: str
) -> Array:
    """Return a column as numbers; BadInput names the line of what is none."""
    values = finite_numbers(cells, decimal)
    if values is not None:
        return values
    numbers = []
    for cell, line in zip(map(str.strip, cells), lines, strict=True):
        value = finite_numbers([cell], decimal)
        if value is None:
            shown = repr(printable(cell[:40]))
            what = "is missing" if is_missing(cell) else f"is {shown}, and no finite number"
            raise BadInput(f"{path}, line {line}: {name!r} {what}")
        numbers.append(value[0])
    return np.array(numbers)
