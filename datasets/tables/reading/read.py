"""A file as a table."""

from pathlib import Path

from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.source import require_file
from howrobust.datasets.tables.reading.table import Table
from howrobust.datasets.tables.reading.text import read_text

FOUND = ReadOptions()


def read_table(path: Path, options: ReadOptions = FOUND) -> Table:
    """Read a table.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions
        How it is to be read.

    Returns
    -------
    Table
        The table, with all that is wrong with the file.

    Raises
    ------
    BadInput
        Where there is no table.
    """
    require_file(path)
    if path.suffix == ".parquet":
        import pandas as pd

        frame = pd.read_parquet(path)
        return Table(frame.drop(columns=[c for c in options.drop if c in frame.columns]))
    return read_text(Path(path), options)
