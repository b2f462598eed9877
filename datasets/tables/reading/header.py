"""The names of a file's columns, read at once."""

from pathlib import Path

from howrobust.datasets.tables.reading.dialect import dialect_of, names_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.source import require_file, text_source


def header_of(path: Path, options: ReadOptions) -> list[str]:
    """Return the names of the columns of a file.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions
        How it is to be read.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    BadInput
        Where there is no such file, or it cannot be read.
    """
    require_file(path)
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return [str(name) for name in pq.read_schema(path).names]
    source = text_source(path, options.encoding, whole=False)
    return names_of(source, dialect_of(source, options.separator))
