"""A user's own table: read by written rules, or refused by name and line."""

from pathlib import Path

from howrobust.datasets.tables.reading.formats import form_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.table import Table

FOUND = ReadOptions()


def read_table(path: Path, options: ReadOptions = FOUND, like: Path | None = None) -> Table:
    """Read a table from a file.

    What the file is follows from its first bytes, whatever its name: Parquet, Arrow or Feather,
    Excel (.xlsx), or else text, which may be compressed by gzip.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions, optional
        What the user says; the default finds everything.
    like : Path, optional
        Another file, as whose continuation the columns of the same name are read where both are
        text: by the same marks and forms of dates, words as words, gaps as gaps.

    Returns
    -------
    Table
        The table, with all problems.

    Raises
    ------
    BadInput
        Where there is no table at all: no file, no text, no header.
    """
    form = form_of(path)
    # Each reader is imported when it is needed: pyarrow and openpyxl may be absent.
    if form == "text":
        from howrobust.datasets.tables.reading.text.reader import read_text

        alike = like if like is not None and form_of(like) == "text" else None
        return read_text(path, options, alike)
    if form == "excel":
        from howrobust.datasets.tables.reading.excel import read_excel

        return read_excel(path, options)
    from howrobust.datasets.tables.reading.arrow import read_arrow

    return read_arrow(path, form, options)
