"""Small text files: what must come of each, value by value, or the sentence that refuses it."""

from datetime import UTC, datetime, timedelta

import pytest
from tables_cases import BOOL, FLOAT, INT, NA, OBJECT, TEXT, check, columns, day, of_cells, read

SHAPES = {
    "comma": ("a,b\n1,2.5\n3,4.5\n", {"a": (INT, [1, 3]), "b": (FLOAT, [2.5, 4.5])}),
    "semicolon": ("a;b\n1;x\n3;y\n", {"a": (INT, [1, 3]), "b": (TEXT, ["x", "y"])}),
    "tab": ("a\tb\n1\tx\n3\ty\n", {"a": (INT, [1, 3]), "b": (TEXT, ["x", "y"])}),
    "bar": ("a|b\n1|x\n3|y\n", {"a": (INT, [1, 3]), "b": (TEXT, ["x", "y"])}),
    "stated separator": ("sep=;\na;b\n1;2\n", {"a": (INT, [1]), "b": (INT, [2])}),
    "carriage returns alone": ("a,b\r1,2\r3,4\r", {"a": (INT, [1, 3]), "b": (INT, [2, 4])}),
    "carriage returns too": ("a,b\r\n1,2\r\n", {"a": (INT, [1]), "b": (INT, [2])}),
    "no line end at the end": ("a,b\n1,2", {"a": (INT, [1]), "b": (INT, [2])}),
    "one column": ("a\n1\n2\n", {"a": (INT, [1, 2])}),
    "one column with a gap": ("a\n1\n\n2\n\n", {"a": (FLOAT, [1.0, NA, 2.0])}),
    "one column with a quoted gap": ('a\n1\n""\n', {"a": (FLOAT, [1.0, NA])}),
    "one column of words": ("a\nx|y\nz\n", {"a": (TEXT, ["x|y", "z"])}),
    "comments and blank lines before": (
        "# made by hand\n\n# units: mm\na,b\n1,2\n",
        {"a": (INT, [1]), "b": (INT, [2])},
    ),
    "blank first line": ("\na,b\n1,2\n3,4\n", {"a": (INT, [1, 3]), "b": (INT, [2, 4])}),
    "first line of separators": (
        ",,\na,b,c\n1,2,3\n",
        {c: (INT, [k]) for k, c in enumerate("abc", 1)},
    ),
    "blank line inside": ("a,b\n1,2\n\n3,4\n", {"a": (INT, [1, 3]), "b": (INT, [2, 4])}),
    "blank lines at the end": ("a,b\n1,2\n\n \n", {"a": (INT, [1]), "b": (INT, [2])}),
    "quoted separator": ('a,b\n"x, y",2\n', {"a": (TEXT, ["x, y"]), "b": (INT, [2])}),
    "doubled quote": ('a,b\n"6"" pipe",2\n', {"a": (TEXT, ['6" pipe']), "b": (INT, [2])}),
    "quote inside a text": ('a,b\n6" pipe,2\n', {"a": (TEXT, ['6" pipe']), "b": (INT, [2])}),
    "quoted line end": ('a,b\n"x\ny",2\nz,3\n', {"a": (TEXT, ["x\ny", "z"]), "b": (INT, [2, 3])}),
    "quoted numbers": ('"a","b"\n"1","2.5"\n', {"a": (INT, [1]), "b": (FLOAT, [2.5])}),
    "blanks before quotes": ('a, b\n1, "x, y"\n', {"a": (INT, [1]), "b": (TEXT, ["x, y"])}),
    "names keep inner blanks": (" my size ,b\n1,2\n", {"my size": (INT, [1]), "b": (INT, [2])}),
    "outer blanks": ("a,b\n 1 , x \n2,x\n", {"a": (INT, [1, 2]), "b": (TEXT, ["x", "x"])}),
    "a header that ends with a separator as all rows do": (
        "a,b,\n1,2,\n3,4,\n",
        {"a": (INT, [1, 3]), "b": (INT, [2, 4])},
    ),
    "a saved index": (",a\n0,5\n1,6\n", {"a": (INT, [5, 6])}),
    "a row of gaps": ("a,b\n1,x\n,\n", {"a": (FLOAT, [1.0, NA]), "b": (TEXT, ["x", NA])}),
    "a header alone": ("a,b\n", {"a": (FLOAT, []), "b": (FLOAT, [])}),
    "levels as names": (
        "y,0.05,0.5,0.95\n1,2,3,4\n",
        {n: (INT, [k]) for k, n in enumerate(["y", "0.05", "0.5", "0.95"], 1)},
    ),
    "names that are numbers in part": ("2019,x\n1,2\n", {"2019": (INT, [1]), "x": (INT, [2])}),
}


@pytest.mark.parametrize("case", SHAPES)
def test_a_file_of_a_shape_is_read(case, tmp_path):
    text, expected = SHAPES[case]
    check(read(tmp_path, text), expected)


def test_runs_of_blanks_separate_where_all_lines_agree(tmp_path):
    text = " mpg  size name\n18.0   8\t\"a b\"\n 9.5  10  'c'\n"
    expected = {"mpg": (FLOAT, [18.0, 9.5]), "size": (INT, [8, 10]), "name": (TEXT, ["a b", "'c'"])}
    check(read(tmp_path, text, "auto.txt"), expected)
    check(read(tmp_path, text, "auto.csv", separator=" "), expected)


ENCODINGS = {
    "UTF-8": ("größe,b\n1,é\n".encode(), ()),
    "UTF-8 with a mark": ("\ufeffgröße,b\n1,é\n".encode(), ()),
    "UTF-16": ("größe,b\n1,é\n".encode("utf-16"), ()),
    "cp1252": ("größe,b\n1,é\n".encode("cp1252"), ("cp1252",)),
}


@pytest.mark.parametrize("case", ENCODINGS)
def test_an_encoding_is_found_and_said_where_it_is_a_guess(case, tmp_path):
    text, said = ENCODINGS[case]
    table = read(tmp_path, text)
    check(table, {"größe": (INT, [1]), "b": (TEXT, ["é"])})
    assert [word for word in said if not any(word in note for note in table.notes)] == []
    assert bool(table.notes) == bool(said)


def test_an_encoding_that_is_given_overrules(tmp_path):
    for name, text in (("utf-8", "\ufeffa,b\n1,é\n"), ("UTF-16LE", "\ufeffa,b\n1,é\n")):
        table = read(tmp_path, text.encode(name), encoding=name)
        check(table, {"a": (INT, [1]), "b": (TEXT, ["é"])})
    text = "größe,b\n1,Ж\n".encode("cp866", errors="replace")
    assert list(read(tmp_path, text, encoding="cp866").frame["b"]) == ["Ж"]


#: Cells of a column in a file of semicolons; what they are.
CELLS = {
    "whole numbers": (["1", "-2", "+3", "-0"], (INT, [1, -2, 3, 0])),
    "whole numbers with a gap": (["1", "", "3"], (FLOAT, [1.0, NA, 3.0])),
    "numbers": (
        ["1.5", "-.5", "2.", "+1e-3", "1E5", "-0.0"],
        (FLOAT, [1.5, -0.5, 2.0, 1e-3, 1e5, -0.0]),
    ),
    "decimal commas": (["1,5", "-,5", "2", "1,25e2"], (FLOAT, [1.5, -0.5, 2.0, 125.0])),
    "points and commas": (["1.234.567,89", "0,5"], (FLOAT, [1234567.89, 0.5])),
    "commas and points": (["1,234,567.89", "-1,000.5"], (FLOAT, [1234567.89, -1000.5])),
    "three places after a zero": (["0,125", "1,250"], (FLOAT, [0.125, 1.25])),
    "four digits before a point": (["1234.567", "1.234"], (FLOAT, [1234.567, 1.234])),
    "many groups": (["1.234.567", "1.234"], (INT, [1234567, 1234])),
    "blanks as groups": (
        ["1 234 567,5", "12\u00a0000,25", "7"],
        (FLOAT, [1234567.5, 12000.25, 7.0]),
    ),
    "apostrophes as groups": (["1'234.5", "12\u2019000"], (FLOAT, [1234.5, 12000.0])),
    "whole numbers in groups": (["1 234", "5"], (INT, [1234, 5])),
    "a minus of typesetters": (["\u22125", "3"], (INT, [-5, 3])),
    "percent": (["12 %", "3.5%", "7"], (FLOAT, [12.0, 3.5, 7.0])),
    "euro": (["€ 3.50", "€-4.25", "-€1.00"], (FLOAT, [3.5, -4.25, -1.0])),
    "dollars in words": (["1,200 USD", "15,300 USD", "7.5 USD"], (FLOAT, [1200.0, 15300.0, 7.5])),
    "negative in parentheses": (["(3.5)", "4.5", "($1.25)"], (FLOAT, [-3.5, 4.5, -1.25])),
    "words for missing numbers": (
        ["1", "NA", "n/a", "NaN", "null", "None", "-", "--", "?", "#N/A", "missing", ".", "2"],
        (FLOAT, [1.0, *[NA] * 11, 2.0]),
    ),
    "nothing at all": (["", "", ""], (FLOAT, [NA, NA, NA])),
    "words for missing alone": (["NA", "-", ""], (FLOAT, [NA, NA, NA])),
    "codes": (["00123", "10000", "00007"], (TEXT, ["00123", "10000", "00007"])),
    "codes with a word": (["007", "NA", "12"], (TEXT, ["007", "NA", "12"])),
    "padded decimals are numbers": (["01.50", "10.25"], (FLOAT, [1.5, 10.25])),
    "integers beyond 2^53": (["9007199254740993", "-1"], (INT, [9007199254740993, -1])),
    "integers beyond 2^53 with a gap": (["9007199254740993", ""], (TEXT, ["9007199254740993", NA])),
    "integers beyond int64": (["18446744073709551617", "1"], (TEXT, ["18446744073709551617", "1"])),
    "the least of int64": (
        ["-9223372036854775807", "9223372036854775807"],
        (INT, [-9223372036854775807, 9223372036854775807]),
    ),
    "words": (["None", "NA", "x", "", "null"], (TEXT, ["None", "NA", "x", NA, "null"])),
    "more words than numbers": (["1", "x", "y"], (TEXT, ["1", "x", "y"])),
    "as many words as numbers": (["1", "x"], (TEXT, ["1", "x"])),
    "an underscore is a word": (["1_000", "2_000"], (TEXT, ["1_000", "2_000"])),
    "digits of other scripts are words": (["١٢", "٣"], (TEXT, ["١٢", "٣"])),
    "hexadecimal is a word": (["0x1F", "0xFF"], (TEXT, ["0x1F", "0xFF"])),
    "units are words": (["12 mm", "15 mm"], (TEXT, ["12 mm", "15 mm"])),
    "booleans": (["TRUE", "false", "True"], (BOOL, [True, False, True])),
    "booleans with gaps": (["true", "", "NA", "false"], (OBJECT, [True, NA, NA, False])),
    "yes and no": (["yes", "no", "yes"], (TEXT, ["yes", "no", "yes"])),
    "true, false and maybe": (["true", "false", "maybe"], (TEXT, ["true", "false", "maybe"])),
    "0 and 1": (["0", "1"], (INT, [0, 1])),
    "numbers of articles that look like dates": (
        ["1234-56-78", "-", "2024-33-01", ""],
        (TEXT, ["1234-56-78", "-", "2024-33-01", NA]),
    ),
    "ratios": (["4:75", "16:90"], (TEXT, ["4:75", "16:90"])),
    "versions": (["1.2.3", "1.10.0"], (TEXT, ["1.2.3", "1.10.0"])),
    "a control character": (["\x01", "\x015"], (TEXT, ["\x01", "\x015"])),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_column_is_read(case, tmp_path):
    cells, expected = CELLS[case]
    check(
        read(tmp_path, of_cells(*cells)),
        {
            "key": (TEXT, [f"k{k}" for k in range(len(cells))]),
            "x": expected,
        },
    )


@pytest.mark.parametrize("case", [c for c in CELLS if not any("," in x for x in CELLS[c][0])])
def test_a_column_without_commas_is_read_the_same_between_tabs(case, tmp_path):
    cells, expected = CELLS[case]
    assert columns(read(tmp_path, of_cells(*cells, separator="\t")))["x"] == expected


MOMENTS = {
    "ISO": (["2026-01-31", "2026-2-1"], [day(2026, 1, 31), day(2026, 2, 1)]),
    "ISO with slashes": (["2026/01/31", ""], [day(2026, 1, 31), NA]),
    "ISO with times": (
        ["2026-01-31T10:20:30.25", "2026-01-31 00:00"],
        [day(2026, 1, 31, 10, 20, 30, 250_000), day(2026, 1, 31)],
    ),
    "points": (["31.12.2026", "1.2.2026", "NA"], [day(2026, 12, 31), day(2026, 2, 1), NA]),
    "points without a day above 12": (["03.04.2026"], [day(2026, 4, 3)]),
    "day first": (["31/12/2026", "01/02/2026"], [day(2026, 12, 31), day(2026, 2, 1)]),
    "month first": (["12/31/2026", "01/02/2026"], [day(2026, 12, 31), day(2026, 1, 2)]),
    "the same either way": (["05/05/2026", "7/7/2026"], [day(2026, 5, 5), day(2026, 7, 7)]),
    "words": (["Jan 5, 2026", "February 7 2026"], [day(2026, 1, 5), day(2026, 2, 7)]),
    "words between": (["05-Jan-2026", "7 March 2026"], [day(2026, 1, 5), day(2026, 3, 7)]),
    "afternoons": (
        ["12/31/2026 2:30 PM", "1/5/2026 12:05 am"],
        [day(2026, 12, 31, 14, 30), day(2026, 1, 5, 0, 5)],
    ),
    "early and late years": (["0001-01-01", "9999-12-31"], [day(1, 1, 1), day(9999, 12, 31)]),
    "a leap day": (["2024-02-29"], [day(2024, 2, 29)]),
}


@pytest.mark.parametrize("case", MOMENTS)
def test_dates_are_read(case, tmp_path):
    cells, expected = MOMENTS[case]
    check(
        read(tmp_path, of_cells(*cells)),
        {
            "key": (TEXT, [f"k{k}" for k in range(len(cells))]),
            "x": ("datetime64[us]", expected),
        },
    )


def test_dates_with_offsets_are_in_utc(tmp_path):
    table = read(tmp_path, of_cells("2026-01-31T10:00:00+01:30", "2026-01-31T10:00Z", ""))
    expected = [datetime(2026, 1, 31, 8, 30, tzinfo=UTC), datetime(2026, 1, 31, 10, tzinfo=UTC), NA]
    assert columns(table)["x"] == ("datetime64[us, UTC]", expected)


def test_nanoseconds_are_kept(tmp_path):
    (stamp,) = read(tmp_path, of_cells("2026-01-31 10:00:00.123456789")).frame["x"]
    assert stamp.value % 10**9 == 123_456_789


TIMES = {
    "of day": (
        ["08:30", "23:59:30.5"],
        [timedelta(hours=8.5), timedelta(hours=23, minutes=59, seconds=30.5)],
    ),
    "in the afternoon": (["1:30 PM", ""], [timedelta(hours=13.5), NA]),
    "more than a day": (["36:15:00", "0:00:01"], [timedelta(hours=36.25), timedelta(seconds=1)]),
    "with days": (
        ["1 days 02:00:00", "-1 days +23:00:00"],
        [timedelta(days=1, hours=2), timedelta(hours=-1)],
    ),
}


@pytest.mark.parametrize("case", TIMES)
def test_times_are_durations(case, tmp_path):
    cells, expected = TIMES[case]
    found = columns(read(tmp_path, of_cells(*cells)))["x"]
    assert found == ("timedelta64[us]", expected)
