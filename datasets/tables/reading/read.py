"""A user's own table: read by written rules, or refused by name and line."""

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.table import Table
from howrobust.datasets.tables.reading.text.dialect import dialect_of, names_of
from howrobust.datasets.tables.reading.text.source import require_file, text_source
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

FOUND = ReadOptions()
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"


def read_table(path: Path, options: ReadOptions = FOUND) -> Table:
    """Read a table from a file.

    What the file is follows from its first bytes, whatever its name: Parquet, Arrow or Feather,
    Excel (.xlsx), or else text, which may be compressed by gzip.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions, optional
        What the user says; the default finds everything.

    Returns
    -------
    Table
        The table, with all problems.

    Raises
    ------
    BadInput
        Where there is no table at all: no file, no text, no header.
    """
    form = _form_of(path)
    # Each reader is imported when it is needed: pyarrow and openpyxl may be absent.
    if form == "text":
        from howrobust.datasets.tables.reading.text.reader import read_text

        return read_text(path, options)
    if form == "excel":
        from howrobust.datasets.tables.reading.excel import read_excel

        return read_excel(path, options)
    from howrobust.datasets.tables.reading.arrow import read_arrow

    return read_arrow(path, form, options)


def read_frame(path: Path, options: ReadOptions = FOUND) -> "pd.DataFrame":
    """Return the columns of a table in a file that has no problem.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions, optional
        What the user says; the default finds everything.

    Returns
    -------
    pandas.DataFrame of shape (n, d)
        The columns.

    Raises
    ------
    BadInput
        Where the file cannot be read, and for all problems of its cells.
    """
    table = read_table(path, options)
    if table.problems:
        raise BadInput(f"{path}: {'; '.join(table.problems)}")
    return table.frame


def header_of(path: Path, options: ReadOptions = FOUND) -> list[str]:
    """Return the names of the columns of a file, before anything heavy is imported.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions, optional
        What the user says; the default finds everything.

    Returns
    -------
    list of str
        The names, as `read_table` finds them in the header: one may be empty or be there twice.

    Raises
    ------
    BadInput
        Where there is no file or no header.
    """
    form = _form_of(path)
    if form == "text":
        source = text_source(path, options.encoding, whole=False)
        return names_of(source, dialect_of(source, options.separator))
    if form == "excel":
        from howrobust.datasets.tables.reading.excel import names_of_sheet

        return names_of_sheet(path)
    from howrobust.datasets.tables.reading.arrow import names_of_schema

    return names_of_schema(path, form)


def _form_of(path: Path) -> str:
    """Return "parquet", "arrow", "excel" or "text", by the first bytes of a file."""
    head = require_file(path)
    for form, mark in (("parquet", b"PAR1"), ("arrow", b"ARROW1"), ("feather", b"FEA1")):
        if head.startswith(mark):
            return form
    if head.startswith(_OLD_EXCEL):
        raise BadInput(f"{path} is an old Excel file; save it as .xlsx or .csv")
    if head.startswith(_ZIP):
        if _holds_a_workbook(path):
            return "excel"
        raise BadInput(f"{path} is a zip archive; unpack it and give the table in it")
    return "text"


def _holds_a_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        return False
