"""Columns of numbers of a large .csv, a block of rows at a time, each line checked."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 16_384  # rows


@dataclass(frozen=True)
class Columns:
    """Columns of consecutive rows.

    Parameters
    ----------
    first_line : int
        Number of the line of the first row.
    values : dict of str to array of shape (m,)
        Numbers by column.
    """

    first_line: int
    values: dict[str, Array]


def header_of(path: Path, separator: str = ",") -> list[str]:
    """Return the names of the columns of a file.

    Parameters
    ----------
    path : Path
        The file, UTF-8 text whose first line names the columns.
    separator : str, default=","
        The character between columns.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    BadInput
        Where the file cannot be read, is empty, or has two columns of one name.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file, delimiter=separator), [])
    except (OSError, ValueError, csv.Error) as error:
        raise _unreadable(path, error) from None
    if not header:
        raise BadInput(f"{path} has no header; its first line must name the columns")
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise BadInput(f"{path} has two columns called {min(twice)!r}; rename one of them")
    return header


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
    import pandas as pd

    header = header_of(path, separator)
    missing = [name for name in columns if name not in header]
    if missing:
        known = ", ".join(header[:20]) + (", ..." if len(header) > 20 else "")
        raise BadInput(f"{path} has no column {missing[0]!r}; its columns are: {known}")
    _require_equal_lines(path, len(header), separator)
    first = 2
    try:
        blocks = pd.read_csv(
            path, usecols=list(columns), chunksize=BLOCK, index_col=False, sep=separator,
            decimal=decimal, skip_blank_lines=False, encoding="utf-8-sig",
        )  # fmt: skip
        for table in blocks:
            yield Columns(first, {name: _numbers(path, table[name], first) for name in columns})
            first += len(table)
    except (OSError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise _unreadable(path, error) from None
    if first == 2:
        raise BadInput(f"{path} has a header and no rows")


def _require_equal_lines(path: Path, fields: int, separator: str) -> None:
    """Raise BadInput for a line of another number of fields: its values would be shifted."""
    mark = separator.encode()
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            count = line.count(mark) + 1
            if b'"' in line:
                text = line.decode("utf-8", errors="replace")
                if text.count('"') % 2:
                    raise BadInput(
                        f"{path}, line {number}: a quoted text continues on the next line; put it "
                        "on one line"
                    )
                count = len(next(csv.reader([text], delimiter=separator)))
            if not line.strip() and number > 1:
                raise BadInput(f"{path}, line {number} is empty; remove it")
            if count != fields:
                raise BadInput(
                    f"{path}, line {number} has {count} fields, and the header has {fields}"
                )


def _numbers(path: Path, column: "pd.Series", first: int) -> Array:
    """Return a column as numbers; BadInput names the line of what is none."""
    import pandas as pd

    text = column.dtype == object or not pd.api.types.is_numeric_dtype(column)
    if text or column.dtype == bool:
        values = pd.to_numeric(column.astype(str), errors="coerce").to_numpy(np.float64)
    else:
        values = column.to_numpy(np.float64)
    (bad,) = np.nonzero(~np.isfinite(values))
    if bad.size:
        given = column.iloc[bad[0]]
        what = "is missing" if pd.isna(given) else f"is {str(given)[:40]!r}, and no finite number"
        raise BadInput(f"{path}, line {first + bad[0]}: {column.name!r} {what}")
    return values


def _unreadable(path: Path, error: Exception) -> BadInput:
    if isinstance(error, FileNotFoundError):
        return BadInput(f"there is no file {path}; check the path")
    if isinstance(error, UnicodeDecodeError):
        return BadInput(f"{path} is not UTF-8 text; save it as UTF-8")
    reason = getattr(error, "strerror", None) or (str(error).splitlines() or [""])[0]
    return BadInput(f"{path} cannot be read as a table: {reason or type(error).__name__}")
