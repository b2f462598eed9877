"""Parquet, Arrow, Feather and Excel files: columns keep their types, what is no column is named."""

import datetime as dt
import gzip
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from commandline import environment
from tables_cases import BOOL, FLOAT, INT, NA, OBJECT, TEXT, check, columns, read

from howrobust.datasets.tables.reading.header import header_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.read import read_table
from howrobust.errors import BadInput

pa = pytest.importorskip("pyarrow")
feather = pytest.importorskip("pyarrow.feather")
parquet = pytest.importorskip("pyarrow.parquet")


def write_arrow(table, path):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


WRITERS = {"parquet": parquet.write_table, "arrow": write_arrow, "feather": feather.write_feather}
STAMP = pd.Timestamp
#: Columns of pyarrow, and what they are read as.
TYPES = {
    "whole numbers": (pa.array([1, 2, 3]), (INT, [1, 2, 3])),
    "whole numbers with a gap": (pa.array([1, None, 3]), (FLOAT, [1.0, NA, 3.0])),
    "large whole numbers": (pa.array([2**53 + 1, 2, 3]), (INT, [2**53 + 1, 2, 3])),
    "large whole numbers with a gap": (
        pa.array([2**53 + 1, None, 3]),
        (TEXT, [str(2**53 + 1), NA, "3"]),
    ),
    "numbers": (pa.array([1.5, None, 3.0]), (FLOAT, [1.5, NA, 3.0])),
    "words": (pa.array(["NA", None, "x"]), (TEXT, ["NA", NA, "x"])),
    "booleans": (pa.array([True, False, True]), (BOOL, [True, False, True])),
    "booleans with a gap": (pa.array([True, None, False]), (OBJECT, [True, NA, False])),
    "dates": (
        pa.array([dt.date(2026, 1, 31), None, dt.date(1, 1, 1)]),
        ("datetime64[ms]", [STAMP(2026, 1, 31), NA, STAMP(1, 1, 1)]),
    ),
    "stamps": (
        pa.array([dt.datetime(2026, 1, 31, 10), None, None]),
        ("datetime64[us]", [STAMP(2026, 1, 31, 10), NA, NA]),
    ),
    "times of day": (
        pa.array([dt.time(1, 30), None, dt.time(2)]),
        ("timedelta64[us]", [pd.Timedelta(hours=1.5), NA, pd.Timedelta(hours=2)]),
    ),
    "durations": (
        pa.array([dt.timedelta(hours=30), None, None]),
        ("timedelta64[us]", [pd.Timedelta(hours=30), NA, NA]),
    ),
    "decimals": (pa.array([Decimal("1.50"), None, Decimal("0.10")]), (FLOAT, [1.5, NA, 0.1])),
    "whole decimals": (pa.array([Decimal(7), Decimal(8), Decimal(-9)]), (INT, [7, 8, -9])),
    "large decimals": (
        pa.array([Decimal(10**20 + 1), None, Decimal(3)]),
        (TEXT, [str(10**20 + 1), NA, "3"]),
    ),
    "nothing": (pa.nulls(3), (FLOAT, [NA, NA, NA])),
    "a dictionary": (pa.array(["a", "b", "a"]).dictionary_encode(), ("category", ["a", "b", "a"])),
}


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("case", TYPES)
def test_a_type_is_kept(case, form, tmp_path):
    values, (dtype, expected) = TYPES[case]
    path = tmp_path / f"t.{form}"
    WRITERS[form](pa.table({"key": ["a", "b", "c"], "x": values, "z": [1, 2, 3]}), path)
    table = read_table(path)
    assert table.problems == ()
    assert list(table.frame.columns) == header_of(path) == ["key", "x", "z"]
    found = columns(table)["x"]
    if dtype == "category":
        assert isinstance(table.frame["x"].dtype, pd.CategoricalDtype)
    else:
        assert found[0] == dtype
    assert found[1] == expected


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ([[1, 2], [3, 4]], "list"),
        ([{"a": 1}, {"a": 2}], "struct"),
        ([b"a", b"b"], "binary"),
    ],
)
def test_a_column_of_columns_is_named(values, word, tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"x": [1, 2], "nested": values}), path)
    (problem,) = read_table(path).problems
    assert problem.startswith(f"column 'nested' holds values of type {word}")
    assert read_table(path, ReadOptions(drop=("nested",))).problems == ()


def test_infinite_numbers_are_named_by_row(tmp_path):
    pd.DataFrame({"x": [1.0, np.inf]}).to_parquet(tmp_path / "t.parquet")
    (problem,) = read_table(tmp_path / "t.parquet").problems
    assert "'x' has 1 infinite value, the first in row 2" in problem
    assert read_table(tmp_path / "t.parquet", ReadOptions(missing=("inf",))).problems == ()


def test_an_index_with_a_name_is_a_column_and_another_is_left_out(tmp_path):
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=pd.Index(["a", "b", "c"], name="key"))
    frame.to_parquet(tmp_path / "t.parquet")
    check(
        read_table(tmp_path / "t.parquet"), {"key": (TEXT, ["a", "b", "c"]), "x": (INT, [1, 2, 3])}
    )
    frame.reset_index(drop=True).loc[[2, 0]].to_parquet(tmp_path / "u.parquet")
    table = read_table(tmp_path / "u.parquet")
    check(table, {"x": (INT, [3, 1])})
    assert table.notes == ("an index without a name is left out",)
    assert list(table.frame.index) == [0, 1]


def test_what_the_user_says_of_words_and_missing_values_holds(tmp_path):
    frame = pd.DataFrame(
        {"x": ["1,5", "x", "2,5"], "d": ["20260131", "-", "20260201"], "n": [1, -9, 3]}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    options = ReadOptions(kinds={"x": "number", "d": "date"}, missing=("x", "-9"))
    found = columns(read_table(tmp_path / "t.parquet", options))
    assert found["x"] == (FLOAT, [1.5, NA, 2.5])
    assert found["d"] == ("datetime64[us]", [STAMP(2026, 1, 31), NA, STAMP(2026, 2, 1)])
    assert found["n"] == (FLOAT, [1.0, NA, 3.0])


@pytest.mark.parametrize("content", [b"PAR1xxxx", b"ARROW1xx", b"FEA1xxxx", b"PAR1" * 40])
def test_a_damaged_file_is_refused_in_one_sentence(content, tmp_path):
    with pytest.raises(BadInput, match="cannot be read as a table"):
        read(tmp_path, content)


def test_a_suffix_that_lies_is_not_believed(tmp_path):
    check(read(tmp_path, "a,b\n1,2\n", "t.parquet"), {"a": (INT, [1]), "b": (INT, [2])})
    check(
        read(tmp_path, gzip.compress(b"a\tb\n1\t2\n"), "t.dat"), {"a": (INT, [1]), "b": (INT, [2])}
    )
    parquet.write_table(pa.table({"x": [1]}), tmp_path / "t.csv")
    check(read_table(tmp_path / "t.csv"), {"x": (INT, [1])})


@pytest.fixture
def workbook():
    """A function that writes rows in the first sheet of a workbook."""
    openpyxl = pytest.importorskip("openpyxl")

    def write(path, *rows):
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.create_sheet("second").append(["other"])
        book.save(path)
        return path

    return write


def test_the_first_sheet_of_a_workbook_is_read(workbook, tmp_path):
    moment = dt.datetime(2026, 1, 31, 10, 30)
    path = workbook(
        tmp_path / "t.xlsx",
        [],
        ["n", "f", "gap", "word", "code", "flag", "when", "at", "comma", None],
        [1, 1.234, 1, "NA", "007", True, moment, dt.time(8, 30), "3,5", None],
        [2, 2, None, "x", "012", False, moment, dt.time(9), "1.234,5", None],
        [],
    )
    check(
        read_table(path),
        {
            "n": (INT, [1, 2]),
            "f": (FLOAT, [1.234, 2.0]),
            "gap": (FLOAT, [1.0, NA]),
            "word": (TEXT, ["NA", "x"]),
            "code": (TEXT, ["007", "012"]),
            "flag": (BOOL, [True, False]),
            "when": ("datetime64[us]", [STAMP(moment)] * 2),
            "at": ("timedelta64[us]", [pd.Timedelta(hours=8.5), pd.Timedelta(hours=9)]),
            "comma": (FLOAT, [3.5, 1234.5]),
        },
    )
    assert header_of(path)[:3] == ["n", "f", "gap"]


def test_a_workbook_has_the_problems_of_a_text(workbook, tmp_path):
    path = workbook(tmp_path / "t.xlsx", ["a", "a", "b"], [1, 2, 3], [2, 3, "off"], [3, 4, 5, 6])
    problems = read_table(path).problems
    for part in ("called 'a'", "column 4 has no name", "'off' in line 3"):
        assert sum(part in problem for problem in problems) == 1, part
    with pytest.raises(BadInput, match="no header"):
        read_table(workbook(tmp_path / "u.xlsx", [1, 2], [3, 4]))
    with pytest.raises(BadInput, match="is empty"):
        read_table(workbook(tmp_path / "v.xlsx"))


def test_a_workbook_without_openpyxl_is_refused_in_one_sentence(tmp_path, monkeypatch):
    import zipfile

    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "no workbook")
    with pytest.raises(BadInput, match=r"cannot be read as a workbook|needs openpyxl"):
        read_table(tmp_path / "t.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(BadInput, match="needs openpyxl to be read; install openpyxl"):
        read_table(tmp_path / "t.xlsx")


def test_a_header_is_read_before_pandas_is_imported(tmp_path):
    (tmp_path / "t.csv").write_text("# a\n x ,y,y,\n1,2,3,4\n")
    code = (
        "import sys; from pathlib import Path\n"
        "from howrobust.datasets.tables.reading.header import header_of\n"
        "assert header_of(Path('t.csv')) == ['x', 'y', 'y', '']\n"
        "assert not {'pandas', 'pyarrow', 'sklearn', 'torch', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment(), check=True)
