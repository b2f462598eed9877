"""The names of a file's columns, read before anything heavy is imported."""

from pathlib import Path

from howrobust.datasets.tables.reading.formats import form_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.text.dialect import dialect_of, names_of
from howrobust.datasets.tables.reading.text.source import text_source

FOUND = ReadOptions()


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
    form = form_of(path)
    if form == "text":
        source = text_source(path, options.encoding, whole=False)
        return names_of(source, dialect_of(source, options.separator))
    if form == "excel":
        from howrobust.datasets.tables.reading.excel import names_of_sheet

        return names_of_sheet(path)
    from howrobust.datasets.tables.reading.arrow import names_of_schema

    return names_of_schema(path, form)
