"""A user's own table: read by written rules, or refused by name and line."""

from pathlib import Path

from howrobust.datasets.tables.reading.dialect import dialect_of, names_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.source import require_file, text_source
from howrobust.datasets.tables.reading.table import Table
from howrobust.datasets.tables.reading.text import read_text

FOUND = ReadOptions()


def read_table(path: Path, options: ReadOptions = FOUND) -> Table:
    return read_text(Path(path), options)
