"""What a file is, by its first bytes."""

import zipfile
from pathlib import Path
from typing import Literal

from howrobust.datasets.tables.reading.text.source import require_file
from howrobust.errors import BadInput

Form = Literal["parquet", "arrow", "feather", "excel", "text"]
_MARKS: tuple[tuple[Form, bytes], ...] = (
    ("parquet", b"PAR1"), ("arrow", b"ARROW1"), ("feather", b"FEA1"),
)  # fmt: skip
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_ZIP = b"PK\x03\x04"


def form_of(path: Path) -> Form:
    """Return what a file is, by its first bytes, whatever its name.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    {"parquet", "arrow", "feather", "excel", "text"}
        What it is: text, where nothing else is known.

    Raises
    ------
    BadInput
        For no file, an old Excel file, and an archive of files.
    """
    head = require_file(path)
    for form, mark in _MARKS:
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
