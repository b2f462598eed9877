"""Small text files that are refused, or that have a problem: the sentence names what and where."""

import pytest
from tables_cases import INT, NA, TEXT, check, columns, day, of_cells, read

from howrobust.datasets.tables.reading.header import header_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.read import read_table
from howrobust.errors import BadInput

#: Text, and what the one problem says.
PROBLEMS = {
    "a separator ends every row": (
        "a,b,y\n1,2,3,\n4,5,6,\n",
        ["rows have 4 fields, the header 3 (lines 2, 3)"],
    ),
    "thousands without quotes": (
        "size,age,price\n3,120,145,678\n",
        ["rows have 4 fields, the header 3 (line 2)"],
    ),
    "some rows are longer": (
        "a,b\n1,2\n3,4,5\n6,7\n8,9,1,2\n1,2,3\n1,2,3\n",
        ["4 of 6 rows have 3 to 4 fields, the header 2 (lines 3, 5, 6, ...)"],
    ),
    "a row is shorter": (
        "a,b,c\n1,2,3\n4,5\n",
        ["1 of 2 rows have 2 fields, the header 3 (line 3)"],
    ),
    "lines are counted with quoted line ends": (
        'a,b\n"x\ny",2\n3\n',
        ["1 of 2 rows have 1 field, the header 2 (line 4)"],
    ),
    "lines are counted with comments": ("#x\n\na,b\n1,2\n3\n", ["(line 5)"]),
    "two columns of one name": ("a,b,a \n1,2,3\n", ["2 columns are called 'a'; rename one"]),
    "a column without a name": ("a,,c\n1,2,3\n", ["column 2 has no name"]),
    "no saved index": (",a\n1,5\n2,6\n", ["column 1 has no name"]),
    "numbers with a word": (
        of_cells("1", "2", "broken", "4", "off"),
        [
            "column 'x' is numbers except for 2 cells, the first: 'broken' in line 4",
            "--missing broken",
            "--as x=category",
        ],
    ),
    "decimal commas with a word": (
        of_cells("1,5", "2,5", "n.v."),
        ["'n.v.' in line 4", '--missing "n.v."'],
    ),
    "dates with a word": (
        of_cells("2026-01-31", "2026-01-30", "soon"),
        ["is dates except for 1 cell: 'soon' in line 4"],
    ),
    "times with a word": (
        of_cells("10:30", "11:30", "late"),
        ["is times except for 1 cell: 'late' in line 4"],
    ),
    "infinity": (
        of_cells("1", "inf", "-Infinity"),
        ["column 'x' has 2 infinite values, the first 'inf' in line 3"],
    ),
    "beyond float64": (
        of_cells("1.5", "1e999"),
        ["'x' has 1e999 in line 3, which is beyond the range"],
    ),
    "both decimal marks": (
        of_cells("3.5", "4,5"),
        [
            "column 'x' has numbers with '.' and with ',' as their decimal mark: ",
            "'3.5' (line 2) and '4,5' (line 3)",
        ],
    ),
    "three places between semicolons": (
        of_cells("1.234", "5.678"),
        [
            "column 'x' can be read in two ways: ",
            "'1.234' (line 2) is 1.234 with --decimal . and 1234 with --decimal ,",
        ],
    ),
    "three places after a comma between tabs": (
        of_cells("24,340", "1,000", separator="\t"),
        ["'24,340' (line 2) is 24.340 with --decimal , and 24340 with --decimal ."],
    ),
    "columns disagree, and one is open": (
        "a;b;c\n3.5;4,5;1.234\n",
        ["column 'c' can be read in two ways"],
    ),
    "two currencies": (of_cells("€ 3", "$ 4"), ["has amounts in '$' and in '€'"]),
    "a day or a month": (
        of_cells("03/04/2026", "01/02/2026"),
        [
            "column 'x' can be read in two ways: '03/04/2026' (line 2) is 3 April or 4 March",
            "--as x=date:FORM",
        ],
    ),
    "a day and a month first": (
        of_cells("31/01/2026", "01/31/2026"),
        ["begin with the day and with the month"],
    ),
    "a date that does not exist": (
        of_cells("2026-02-28", "2026-02-30", "2026-03-01"),
        ["is dates that exist except for 1 cell: '2026-02-30' in line 3"],
    ),
    "with an offset and without": (
        of_cells("2026-01-01T00:00Z", "2026-01-01T00:00"),
        ["with an offset from UTC", "(line 2)", "(line 3)"],
    ),
    "hours or minutes": (of_cells("35:12", "36:01"), ["hours and minutes, or minutes and seconds"]),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_problem_is_named(case, tmp_path):
    text, parts = PROBLEMS[case]
    (problem,) = read(tmp_path, text).problems
    assert [part for part in parts if part not in problem] == [], problem


#: Bytes that are no table at all, and what the sentence says.
REFUSED = {
    "nothing": (b"", "is empty"),
    "blank lines": (b"\n \n", "is empty"),
    "a comment alone": (b"# a\n", "is empty"),
    "numbers alone": (b"1,2\n3,4\n", r"no header: its first line \(line 1\) is numbers"),
    "numbers with a gap": (b"1.5,,2\n3,4,5\n", r"no header"),
    "numbers and a word": (b"5.1,3.5,1.4,0.2,setosa\n4.9,3.0,1.3,0.1,setosa\n", "no header"),
    "numbers below a comment": (b"# a,b\n1,2\n", r"no header: its first line \(line 2\)"),
    "a quote that does not end": (
        b'a,b\n1,2\n3,"x\n4,5\n',
        "line 3 holds a quote that does not end",
    ),
    "a text behind its quote": (b'a,b\n1,"x"y\n', "line 2 holds a quoted text that goes on"),
    "escaped quotes": (b'a,b\n1,"x\\"y"\n', "line 2 holds a quoted text that goes on"),
    "NUL": (b"a,b\n1,\0\n", "line 2 holds a NUL"),
    "UTF-16 without a mark": ("a,b\n1,2\n".encode("utf-16-le"), "line 1 holds a NUL.*--encoding"),
    "no text": (b"a,b\n1,\x81\xff\n", "line 2 is no text in UTF-8 or cp1252"),
    "two separators": (b"a;b,c\n1;2,3\n4;5,6\n", "separated by ',' or by ';'.*--separator"),
    "a broken archive": (b"\x1f\x8bxxxxxxxx", "cannot be read"),
    "a zip archive": (b"PK\x03\x04xxxx", "zip"),
    "an old Excel file": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(case, tmp_path):
    text, message = REFUSED[case]
    with pytest.raises(BadInput, match=message) as refused:
        read(tmp_path, text)
    assert "\n" not in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path):
    for path, message in ((tmp_path / "no.csv", "there is no file"), (tmp_path, "is no file")):
        with pytest.raises(BadInput, match=message):
            read_table(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "klingon"}, "no encoding 'klingon'"),
        ({"encoding": "hex"}, "no encoding 'hex'"),
        ({"encoding": "ascii"}, "line 2 is no text in ascii"),
        ({"separator": ";;"}, "give one character"),
        ({"decimal": "x"}, "give '.' or ','"),
    ],
)
def test_options_that_cannot_hold_are_refused(options, message, tmp_path):
    with pytest.raises(BadInput, match=message):
        read(tmp_path, "a,b\né,2\n", **options)


def test_a_header_of_a_file_that_ends_within_a_character_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,\xc3")
    assert header_of(tmp_path / "t.csv") == ["a", "b"]
    with pytest.raises(BadInput, match="line 2 is no text in utf-8"):
        header_of(tmp_path / "t.csv", ReadOptions(encoding="utf-8"))


def test_what_was_taken_for_granted_is_said(tmp_path):
    text = "# x\na;b;c;d;\n1,5;(3);5 %;1.234,5;\n\n2,5;4;6 %;2,5;\n"
    table = read(tmp_path, text)
    assert table.problems == ()
    assert table.notes == (
        "the separator is ';'",
        "1 line before the header left out, blank or comments",
        "1 blank line between the rows (line 4) left out",
        "column 5, without a name or a value, is left out",
        "'a' has ',' as its decimal mark",
        "'b' has negative numbers in parentheses",
        "'c' is in %",
        "'d' has ',' as its decimal mark",
        "'d' has '.' between groups of three digits",
    )


def test_all_problems_are_named_at_once(tmp_path):
    text = "d,e,f,f,\n03/04/2026,inf,3,4,5\n01/02/2026,3,x,5,6\n01/02/2026,3,4,5,6\n1,2\n"
    table = read(tmp_path, text)
    for part in ("(line 5)", "called 'f'", "column 5 has no name", "two ways", "infinite", "'x'"):
        assert sum(part in problem for problem in table.problems) == 1, part
    assert list(table.frame.columns) == ["d", "e", "f"]


#: Options, text, and the second column then.
OVERRULED = {
    "missing words": (
        {"missing": ("-999", "x")},
        of_cells("1", "-999", "x", "4"),
        ("float64", [1, NA, NA, 4]),
    ),
    "missing words in words": ({"missing": ("x",)}, of_cells("a", "x"), (TEXT, ["a", NA])),
    "missing infinity": ({"missing": ("inf",)}, of_cells("1", "inf"), ("float64", [1, NA])),
    "a decimal comma": ({"decimal": ","}, of_cells("1.234", "5.678"), (INT, [1234, 5678])),
    "a decimal point": ({"decimal": "."}, of_cells("1.234", "24,340"), ("float64", [1.234, 24340])),
    "category": (
        {"kinds": {"x": "category"}},
        of_cells("007", "1,5", "2.5", ""),
        (TEXT, ["007", "1,5", "2.5", NA]),
    ),
    "an identifier of numbers": ({"kinds": {"x": "id"}}, of_cells("7", "8"), (INT, [7, 8])),
    "an identifier with a problem": (
        {"kinds": {"x": "id"}},
        of_cells("7", "8", "x"),
        (TEXT, ["7", "8", "x"]),
    ),
    "codes as numbers": ({"kinds": {"x": "number"}}, of_cells("007", "12"), (INT, [7, 12])),
    "eight digits as dates": (
        {"kinds": {"x": "date"}},
        of_cells("20260131", "-"),
        ("datetime64[us]", [day(2026, 1, 31), NA]),
    ),
    "months as dates": (
        {"kinds": {"x": "date"}},
        of_cells("2026-01"),
        ("datetime64[us]", [day(2026, 1, 1)]),
    ),
    "a form of dates": (
        {"date_formats": {"x": "%m/%d/%Y"}},
        of_cells("03/04/2026"),
        ("datetime64[us]", [day(2026, 3, 4)]),
    ),
    "a separator": ({"separator": ";"}, "key;x,y\n1;2\n", (INT, [2])),
}


@pytest.mark.parametrize("case", OVERRULED)
def test_what_the_user_says_overrules(case, tmp_path):
    options, text, expected = OVERRULED[case]
    table = read(tmp_path, text, **options)
    assert table.problems == ()
    assert list(columns(table).values())[1] == expected


@pytest.mark.parametrize(
    ("kinds", "cells", "part"),
    [
        (
            {"x": "number"},
            ["1", "a", "b", "c"],
            "is numbers except for 3 cells, the first: 'a' in line 3",
        ),
        (
            {"x": "date"},
            ["2026-01-31", "a"],
            "is dates that exist except for 1 cell: 'a' in line 3",
        ),
    ],
)
def test_a_kind_that_cells_do_not_have_is_refused(kinds, cells, part, tmp_path):
    (problem,) = read(tmp_path, of_cells(*cells), kinds=kinds).problems
    assert part in problem


def test_columns_that_are_dropped_have_no_problems(tmp_path):
    text = "key;x\nk0;03/04/2026\nk1;01/02/2026\n"
    check(read(tmp_path, text, drop=("x",)), {"key": (TEXT, ["k0", "k1"])})


def test_marks_of_columns_that_are_called_categories_decide_nothing(tmp_path):
    text = "a;b;c\n3,5;1.234;3.11\n"
    assert "column 'b' can be read" in read(tmp_path, text).problems[0]
    table = read(tmp_path, text, kinds={"c": "category"})
    check(table, {"a": ("float64", [3.5]), "b": (INT, [1234]), "c": (TEXT, ["3.11"])})


def test_marks_of_the_whole_file_decide_what_a_column_leaves_open(tmp_path):
    check(read(tmp_path, "a;b\n3,5;1.234\n"), {"a": ("float64", [3.5]), "b": (INT, [1234])})
    gapped = {"a": ("float64", [3.5, 1.0]), "b": ("float64", [1234.0, NA])}
    check(read(tmp_path, "a;b\n3,5;1.234\n1;\n"), gapped)
    check(read(tmp_path, "a;b\n3.5;1.234\n"), {"a": ("float64", [3.5]), "b": ("float64", [1.234])})
    check(
        read(tmp_path, 'a,b\n"3,5","24,340"\n'),
        {"a": ("float64", [3.5]), "b": ("float64", [24.34])},
    )
    check(read(tmp_path, 'a,b\n1,"24,340"\n'), {"a": (INT, [1]), "b": (INT, [24340])})
    check(read(tmp_path, "a\tb\n1\t1.234\n"), {"a": (INT, [1]), "b": ("float64", [1.234])})
