"""Tables in Parquet, Arrow and Feather files, whose columns have types of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.base.tables.values import EXACT
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.table import Table
from howrobust.datasets.tables.reading.text.survey import INT64
from howrobust.datasets.tables.reading.typed import finished
from howrobust.errors import BadInput, printable

if TYPE_CHECKING:
    import pandas as pd

_NESTED = ("list", "large_list", "fixed_size_list", "struct", "map", "union", "dense_union")
_INDEX = "__index_level_"
# pyarrow's own are of these kinds; a damaged file may state sizes that no memory has.
_ERRORS = (OSError, ValueError, TypeError, KeyError, NotImplementedError, MemoryError)


def names_of_schema(path: Path, form: str) -> list[str]:
    """Return the names of the columns of a file.

    Parameters
    ----------
    path : Path
        The file.
    form : {"parquet", "arrow", "feather"}
        What it is.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    BadInput
        Where it cannot be read.
    """
    with _errors_named(path):
        if form == "parquet":
            import pyarrow.parquet

            schema = pyarrow.parquet.read_schema(path, memory_map=True)
        elif form == "arrow":
            import pyarrow

            with pyarrow.memory_map(str(path)) as file:
                schema = pyarrow.ipc.open_file(file).schema
        else:
            import pyarrow.feather

            schema = pyarrow.feather.read_table(path).schema
    return [name for name in map(str, schema.names) if not name.startswith(_INDEX)]


def read_arrow(path: Path, form: str, options: ReadOptions) -> Table:
    """Read a table whose columns have types of their own.

    Parameters
    ----------
    path : Path
        The file.
    form : {"parquet", "arrow", "feather"}
        What it is.
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
    notes: list[str] = []
    problems: list[str] = []
    with _errors_named(path), _freed_memory():
        table = _opened(path, form, options)
        table.validate(full=True)  # a damaged file may hold bytes that are no text
        series: dict[str, Any] = {}
        for name in dict.fromkeys(table.column_names):
            if table.column_names.count(name) > 1:
                problems.append(f"several columns are called {printable(name)!r}; rename them")
                continue
            if _is_nested(table.schema.field(name).type):
                problems.append(
                    f"column {printable(name)!r} holds values of type "
                    f"{printable(str(table.schema.field(name).type))}; drop it, or make one column "
                    "of each number in it"
                )
                continue
            table, series[name] = _plain(table, name)
        table = table.select(list(series))
        frame = table.to_pandas(split_blocks=True, self_destruct=True, date_as_object=False)
        del table
    for name, values in series.items():
        if values is not None:
            frame[name] = values
    frame, said = _without_index(frame)
    return finished(frame, options, notes + said, problems)


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise BadInput(f"{path} needs pyarrow to be read; install pyarrow, or use .csv") from None
    except BadInput:
        raise
    except _ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadInput(f"{path} cannot be read as a table: {printable(reason)}") from None


@contextmanager
def _freed_memory() -> Iterator[None]:
    """Give the memory of a file, three times that of its table, back to the system."""
    import pyarrow

    pool = pyarrow.default_memory_pool()
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    try:
        yield
    finally:
        pyarrow.set_memory_pool(pool)


def _opened(path: Path, form: str, options: ReadOptions) -> Any:
    import pyarrow

    if form == "parquet":
        import pyarrow.parquet

        # A file, not a data set: folders such as year=2026 on the way to it are no columns.
        with pyarrow.parquet.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            names = [name for name in file.schema_arrow.names if name not in options.drop]
            return file.read(columns=names, use_pandas_metadata=True)
    if form == "arrow":
        with pyarrow.memory_map(str(path)) as file:
            table = pyarrow.ipc.open_file(file).read_all()
    else:
        import pyarrow.feather

        table = pyarrow.feather.read_table(path)
    return table.select([name for name in table.column_names if name not in options.drop])


def _is_nested(kind: Any) -> bool:
    import pyarrow

    types = pyarrow.types
    value = kind.value_type if types.is_dictionary(kind) else kind
    return bool(types.is_nested(value) or types.is_interval(value)) or any(
        check(value)
        for check in (types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    )


def _plain(table: Any, name: str) -> tuple[Any, Any]:
    """Return the table with a column in a type that pandas holds, or values instead of it."""
    import pyarrow

    types, kind = pyarrow.types, table.schema.field(name).type
    column = table.column(name)
    if types.is_decimal(kind):
        return _without(table, name), _decimals(column.to_pylist())
    if types.is_null(kind):
        return _without(table, name), np.full(len(column), np.nan)
    if types.is_time(kind):
        whole = column.cast(pyarrow.int32() if types.is_time32(kind) else pyarrow.int64())
        span = whole.cast(pyarrow.int64()).cast(pyarrow.duration(kind.unit))
        return table.set_column(table.column_names.index(name), name, span), None
    if types.is_integer(kind) and column.null_count and _is_large(column):
        text = column.cast(pyarrow.string())
        return table.set_column(table.column_names.index(name), name, text), None
    return table, None


def _without(table: Any, name: str) -> Any:
    """Return the table with a column of nothing, whose place its values take later."""
    import pyarrow

    empty = pyarrow.nulls(len(table), pyarrow.bool_())
    return table.set_column(table.column_names.index(name), name, empty)


def _is_large(column: Any) -> bool:
    import pyarrow.compute

    extremes = pyarrow.compute.min_max(column).as_py()
    return any(value is not None and abs(value) > EXACT for value in extremes.values())


def _decimals(values: list[Decimal | None]) -> Any:
    """Return decimals as whole numbers, or as the nearest float64; exact ones beyond 2^53 as text.

    Parameters
    ----------
    values : list of Decimal or None
        The values.

    Returns
    -------
    array or list of shape (n,)
        Numbers with NaN for None, or text.
    """
    known = [value for value in values if value is not None]
    if known and all(value == value.to_integral_value() for value in known):
        largest = max(abs(int(value)) for value in known)
        has_exponent = any(int(value.as_tuple().exponent) < 0 for value in known)
        if not has_exponent and largest <= INT64 and len(known) == len(values):
            return np.array([int(value) for value in known], dtype=np.int64)
        if not has_exponent and largest > EXACT:
            return [None if value is None else f"{value:f}" for value in values]
    return np.array([np.nan if value is None else float(value) for value in values])


def _without_index(frame: "pd.DataFrame") -> "tuple[pd.DataFrame, list[str]]":
    """Return a frame whose rows are counted from 0; an index with a name becomes a column."""
    import pandas as pd

    index = frame.index
    names = [name for name in index.names if name is not None and name not in frame.columns]
    if names:
        return frame.reset_index(names) if index.nlevels == len(names) else frame, []
    notes = []
    if not (isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1):
        notes.append("an index without a name is left out")
    return frame.reset_index(drop=True), notes
