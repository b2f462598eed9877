"""What the tests of tables share: files of a few cells, and columns as they are compared."""

import math
from datetime import datetime

import pandas as pd

from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.read import read_table

NA = None  # stands for a missing value
INT, FLOAT, TEXT, BOOL, OBJECT = "int64", "float64", "text", "bool", "object"


def read(tmp_path, text, name="t.csv", **options):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, ReadOptions(**options))


def columns(table):
    """Type and values of each column; None for missing ones."""
    shown = {}
    for name, column in table.frame.items():
        is_text = pd.api.types.is_string_dtype(column.dtype) and (
            column.dtype != object or all(isinstance(v, str) for v in column.dropna())
        )
        dtype = TEXT if is_text else str(column.dtype)
        shown[name] = (dtype, [None if pd.isna(value) else value for value in column])
    return shown


def check(table, expected):
    assert table.problems == ()
    found = columns(table)
    assert list(found) == list(expected)
    for name, (dtype, values) in expected.items():
        assert found[name][0] == dtype, name
        assert found[name][1] == values, name
        signs = [math.copysign(1, v) for v in values if isinstance(v, float)]
        assert [math.copysign(1, v) for v in found[name][1] if isinstance(v, float)] == signs


def of_cells(*cells, separator=";"):
    """A file of two columns, of which the second holds the cells."""
    rows = [f"k{k}{separator}{cell}" for k, cell in enumerate(cells)]
    return "\n".join([f"key{separator}x", *rows]) + "\n"


def day(*numbers, **rest):
    return pd.Timestamp(datetime(*numbers, **rest))
