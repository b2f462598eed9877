"""Generated tables: every cell is the generator's own value and that of an independent reading.

A file may be refused only for a reason on the list of true ambiguities, and only where the
generator has made one.
"""

import csv
import gzip
import io
import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from howrobust import seeds
from howrobust.datasets.tables.reading.header import header_of
from howrobust.datasets.tables.reading.read import read_table
from howrobust.errors import BadInput

MANY, BUNDLE = 1_000, 50
#: The true ambiguities of docs/reference/tables.md, as problems begin to name them.
AMBIGUITIES = {
    "marks": r"column '.*' can be read in two ways: '.*' \(line \d+\) is .* with --decimal",
    "days": r"column '.*' can be read in two ways: '.*' \(line \d+\) is \d+ \w+ or \d+ \w+",
    "words": r"column '.*' is (numbers|dates|times) except for \d+ cell",
    "one column": r".*rows have .* fields?, the header 1 \(line",
    "separators": r".* could be separated by '.+' or by '.+'",
}
NA_WORDS = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "None", "-", "--", "?", "#N/A", "missing"]
WORDS = [
    "north",
    "south",
    "east side",
    "Zürich",
    "a, b",
    "x;y",
    "p|q",
    'say "hi"',
    "None",
    "NA",
    "two\nlines",
    "-",
    "O'Neill",
    "1st",
    "3 mm",
]
MONTHS = [date(2000, k, 1).strftime("%b") for k in range(1, 13)]


@dataclass
class Made:
    """A column: its cells as text, their values (None: missing), and how they are written."""

    cells: list[str]
    values: list[object]
    dtype: str
    read: object  # text -> value, by the independent reading
    ambiguous: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)  # decimal marks that a reader can be sure of
    is_open: bool = False  # whether its marks can be read in two ways


def grouped(digits, mark):
    return f"{int(digits):,}".replace(",", mark)


class Generator:
    def __init__(self, number):
        self.rng = seeds.generator(0, "tables", number)
        self.separator = self.pick([",", ";", "\t", "|"])
        self.decimal = self.pick([".", "."] if self.separator == "," else [".", ",", ","])
        if self.separator == "," and self.rng.random() < 0.15:
            self.decimal = ","
        other = "," if self.decimal == "." else "."
        self.group = self.pick(["", "", other, " ", "'", "\u00a0"])
        self.n = int(self.rng.integers(2, 30))
        kinds = [name for name in dir(self) if name.startswith("column_")]
        count = int(self.rng.integers(1, 7))
        self.columns = {}
        for k in range(count):
            name = (
                self.pick(["col", "größe", "my size", "2019 sales", "a.b", "Temp (°C)"]) + f" {k}"
            )
            self.columns[name] = getattr(self, self.pick(kinds))()

    def pick(self, choices):
        return choices[int(self.rng.integers(len(choices)))]

    def gaps(self, cells, values, words=NA_WORDS):
        """Make some cells missing, by one or two words of a column."""
        if self.rng.random() < 0.4:
            word = [self.pick(words), self.pick(words)]
            for k in range(1, len(cells)):
                if self.rng.random() < 0.2:
                    cells[k], values[k] = self.pick(word), None
        return cells, values

    def independent(self, text):
        """A number by the rules of the generator's own locale."""
        if text.lower() in {word.lower() for word in NA_WORDS}:
            return None
        text = re.sub(r"[€$%]|USD", "", text).strip()
        if text.startswith("("):
            text = "-" + text.strip("()")
        text = "".join(c for c in text if c in "0123456789+-eE" or c == self.decimal)
        return float(text.replace(self.decimal, "."))

    def number(self, value, places, group):
        """Text and value of a number, written in the locale."""
        text = f"{abs(value):.{places}f}"
        whole, _, fraction = text.partition(".")
        exact = float(text)
        body = grouped(whole, self.group) if group and self.group else whole
        if fraction:
            body += self.decimal + fraction
        negative = value < 0
        return ("-" if negative else "") + body, -exact if negative else exact

    def numbers(self, values, places, group=True):
        pairs = [self.number(v, places, group) for v in values]
        cells, numbers = [c for c, _ in pairs], [v for _, v in pairs]
        made = Made(cells, numbers, "float64", self.independent)
        self.judge(made)
        return made

    def judge(self, made):
        """Note which decimal marks the cells show, by an independent rule."""
        found = set()
        for cell in made.cells:
            text = re.sub(r"[^0-9.,eE]", "", cell)
            for mark, other in ((".", ","), (",", ".")):
                if mark not in text:
                    continue
                parts = text.split(mark)
                three = all(len(p) == 3 and p.isdigit() for p in parts[1:])
                start = 1 <= len(parts[0]) <= 3 and parts[0].isdigit() and parts[0][0] != "0"
                if len(parts) > 2:
                    found.add(other)
                elif other in text:
                    found.add(mark if text.rindex(mark) > text.rindex(other) else other)
                elif (re.search(r"[ '\u00a0]\d", cell.strip()) and mark == self.decimal) or not (
                    three and start
                ):
                    found.add(mark)
                else:
                    made.is_open = True
        made.marks = found
        made.is_open = made.is_open and not found

    def column_integers(self):
        top = self.pick([2, 100, 10**4, 10**9])
        values = [int(v) for v in self.rng.integers(-top, top, self.n)]
        made = self.numbers(values, 0, group=self.rng.random() < 0.5)
        made.values = [int(v) for v in values]
        made.cells, made.values = self.gaps(made.cells, made.values)
        gapped = any(v is None for v in made.values)
        made.dtype = "float64" if gapped else "int64"
        return made

    def column_large_integers(self):
        values = [int(v) for v in self.rng.integers(2**53, 2**63 - 1, self.n)]
        return Made([str(v) for v in values], values, "int64", int)

    def column_decimals(self):
        places = int(self.rng.integers(1, 7))
        scale = self.pick([1e-2, 1, 50, 1e4, 1e7])
        made = self.numbers(scale * self.rng.normal(size=self.n), places)
        made.cells, made.values = self.gaps(made.cells, made.values)
        return made

    def column_open_decimals(self):
        """Numbers from 1 to 999 with three places, which could be thousands."""
        return self.numbers(self.rng.uniform(1, 999, self.n).round(3), 3)

    def column_scientific(self):
        values = [float(f"{v:.6e}") for v in 10 ** self.rng.uniform(-300, 300, self.n)]
        cells = [f"{v:.6e}".replace(".", self.decimal) for v in values]
        return Made(cells, values, "float64", self.independent, marks={self.decimal})

    def column_exact_floats(self):
        values = [float(v) for v in self.rng.normal(size=self.n)]
        cells = [repr(v).replace(".", self.decimal) for v in values]
        return Made(cells, values, "float64", self.independent, marks={self.decimal})

    def column_amounts(self):
        made = self.numbers(self.rng.lognormal(6, 2, self.n), 2)
        form = self.pick(["€ {}", "{} €", "${}", "{} USD", "{} %", "{}%"])
        made.cells, made.values = self.gaps([form.format(c) for c in made.cells], made.values)
        return made

    def column_accounts(self):
        made = self.numbers(100 * self.rng.normal(size=self.n), 2)
        made.cells = [f"({c[1:]})" if c.startswith("-") else c for c in made.cells]
        return made

    def column_codes(self):
        values = [f"{v:05d}" for v in self.rng.integers(0, 10**5, self.n)]
        values[0] = "00" + values[0][2:]
        return Made(list(values), values, "text", str)

    def column_booleans(self):
        values = [bool(v) for v in self.rng.random(self.n) < 0.5]
        write = self.pick([str, str.upper, str.lower])
        cells = [write(str(v)) for v in values]
        return Made(cells, values, "bool", lambda text: text.lower() == "true")

    def column_yes_and_no(self):
        values = [self.pick(["yes", "no"]) for _ in range(self.n)]
        return Made(list(values), values, "text", str)

    def column_words(self):
        values = [self.pick(WORDS) for _ in range(self.n)]
        values[0] = "north"
        cells, values = self.gaps(list(values), list(values), [""])
        cells[:1] = values[:1] = ["north"]
        if all(re.fullmatch(r"north|NA|None|-|", cell) for cell in cells):
            cells[:] = values[:] = ["north"] * self.n
        return Made(cells, values, "text", lambda text: text or None)

    def column_mixed(self):
        """Numbers among words: words, if numbers are half of them at most; else asked for."""
        values = [self.pick(["x", "y", "1"]) for _ in range(self.n)]
        made = Made(list(values), values, "text", str)
        share = np.mean([v != "x" for v in values])
        if 0.5 < share < 1:
            made.ambiguous.add("words")
        elif share == 1:
            made.cells[0] = made.values[0] = "y"
            made.ambiguous |= {"words"} if self.n > 2 else set()
        return made

    def column_dates(self):
        form = self.pick(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d"])
        first, step = date(1995, 1, 1), self.pick([1, 40])
        values = [first + timedelta(int(v)) for v in self.rng.integers(0, 300 * step, self.n)]
        made = Made(
            [v.strftime(form) for v in values],
            [pd.Timestamp(v) for v in values],
            "datetime64[us]",
            lambda text: moment(text, form),
        )
        made.cells, made.values = self.gaps(made.cells, made.values)
        if form in ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"):
            held = [v for v, kept in zip(values, made.values, strict=True) if kept is not None]
            if all(v.day <= 12 for v in held) and any(v.day != v.month for v in held):
                made.ambiguous.add("days")
        return made

    def column_stamps(self):
        form = self.pick(
            ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"]
        )
        first = datetime(1950, 1, 1)
        values = [first + timedelta(minutes=int(v)) for v in self.rng.integers(0, 5e7, self.n)]
        return Made(
            [v.strftime(form) for v in values],
            [pd.Timestamp(v) for v in values],
            "datetime64[us]",
            lambda text: moment(text, form),
        )

    def column_named_months(self):
        first = date(1990, 1, 1)
        values = [first + timedelta(int(v)) for v in self.rng.integers(0, 12_000, self.n)]
        cells = [f"{MONTHS[v.month - 1]} {v.day}, {v.year}" for v in values]
        return Made(
            cells,
            [pd.Timestamp(v) for v in values],
            "datetime64[us]",
            lambda text: moment(text, "%b %d, %Y"),
        )

    def column_times(self):
        seconds = [int(v) for v in self.rng.integers(0, 86_400, self.n)]
        cells = [f"{v // 3600:02d}:{v // 60 % 60:02d}:{v % 60:02d}" for v in seconds]
        return Made(
            cells, [pd.Timedelta(seconds=v) for v in seconds], "timedelta64[us]", pd.Timedelta
        )

    def ambiguities(self):
        found = set().union(*(made.ambiguous for made in self.columns.values()))
        marks = set().union(*(made.marks for made in self.columns.values()))
        open_columns = [made for made in self.columns.values() if made.is_open]
        if open_columns and (len(marks) != 1):
            found.add("marks")
        cells = [cell for made in self.columns.values() for cell in made.cells]
        if len(self.columns) == 1 and any(mark in cell for mark in ",;\t|" for cell in cells):
            found.add("one column")
        return found

    def is_misleading(self):
        """Whether the marks alone say the opposite of the locale, by a convention of readers."""
        marks = set().union(*(made.marks for made in self.columns.values()))
        return self.decimal == "," and not marks and any(m.is_open for m in self.columns.values())

    def write(self, folder):
        text = io.StringIO()
        end = self.pick(["\n", "\r\n"])
        text.write(self.pick(["", "", end, "# a comment, with; marks" + end, f"{end}# two{end}"]))
        quoting = self.pick([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        writer = csv.writer(text, delimiter=self.separator, lineterminator=end, quoting=quoting)
        self.indexed = len(self.columns) > 1 and self.rng.random() < 0.1
        index = [[""]] + [[k] for k in range(self.n)] if self.indexed else [[]] * (self.n + 1)
        rows = [list(self.columns), *zip(*(m.cells for m in self.columns.values()), strict=True)]
        writer.writerows([*head, *row] for head, row in zip(index, rows, strict=True))
        text.write(self.pick(["", "", end, end + end]))
        choices = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"]
        self.encoding = self.pick(choices)
        self.text = text.getvalue()
        raw = self.text.encode(self.encoding)
        packed = self.rng.random() < 0.1
        path = folder / ("t.csv.gz" if packed else "t.csv")
        path.write_bytes(gzip.compress(raw) if packed else raw)
        return path

    def independent_reading(self):
        """Values of the file by the csv module, and the generator's knowledge of its locale."""
        lines = self.text.splitlines(keepends=True)
        while not lines[0].strip() or lines[0].startswith("#"):
            lines.pop(0)
        rows = [r for r in csv.reader(lines, delimiter=self.separator) if r]
        body = rows[1:]
        offset = 1 if self.indexed else 0
        return {
            name: [made.read(row[k + offset]) for row in body]
            for k, (name, made) in enumerate(self.columns.items())
        }


def moment(text, form):
    if text.lower() in {word.lower() for word in NA_WORDS}:
        return None
    return pd.Timestamp(datetime.strptime(text, form))


def compare(column, made, name):
    found = [None if pd.isna(value) else value for value in column]
    assert found == made.values, name
    is_text = pd.api.types.is_string_dtype(column.dtype)
    assert ("text" if is_text else str(column.dtype)) == made.dtype, name


def judge(generator, folder):
    """Read a generated table; return the ambiguities that it was refused for."""
    path = generator.write(folder)
    allowed = generator.ambiguities()
    try:
        table = read_table(path)
        problems = list(table.problems)
    except BadInput as error:
        problems = [str(error)]
    if problems:
        reasons = set()
        for problem in problems:
            fitting = {r for r, form in AMBIGUITIES.items() if re.match(form, problem)}
            assert fitting, problem
            assert fitting <= allowed, (problem, generator.text)
            reasons |= fitting
        return reasons
    assert list(table.frame.columns) == list(generator.columns)
    other = generator.independent_reading()
    for name, made in generator.columns.items():
        compare(table.frame[name], made, name)
        assert other[name] == made.values, name
    return set()


def check_bundle(first, count, folder):
    refused = set()
    for number in range(first, first + count):
        generator = Generator(number)
        if not generator.is_misleading():
            refused |= judge(generator, folder)
    return refused


@pytest.mark.parametrize("first", range(0, MANY, BUNDLE))
def test_a_generated_table_is_read_cell_by_cell_or_refused_for_an_ambiguity(first, tmp_path):
    check_bundle(first, BUNDLE, tmp_path)


@pytest.mark.slow
def test_five_thousand_generated_tables_are_read_or_refused_for_an_ambiguity(tmp_path):
    assert check_bundle(MANY, 5_000, tmp_path) == {"marks", "days", "words", "one column"}


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_no_file_makes_a_traceback(first, tmp_path):
    """Random bytes, torn tables and tables with a byte changed end in a table or in BadInput."""
    path = tmp_path / "t.csv"
    for number in range(first, first + 100):
        rng = seeds.generator(0, "bytes", number)
        alphabet = [np.arange(256), np.frombuffer(b'a1,;.\t|"\n\r-e0 #()%/:', np.uint8)][number % 2]
        raw = bytes(rng.choice(alphabet, int(rng.integers(0, 400))).astype(np.uint8))
        if number % 3 == 0:
            text = bytearray(Generator(number).write(tmp_path).read_bytes())
            text[int(rng.integers(len(text)))] = int(rng.integers(256))
            raw = bytes(text[: int(rng.integers(1, len(text) + 1))])
        path.write_bytes(raw)
        sentences = []
        for read in (header_of, read_table):
            try:
                table = read(path)
                sentences += [*table.problems, *table.notes] if read is read_table else []
            except BadInput as error:
                sentences.append(str(error))
        assert not any("\n" in sentence for sentence in sentences)
