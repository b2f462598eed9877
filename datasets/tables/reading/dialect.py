"""How a text is a table: its separator, and the line that names the columns."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from howrobust.datasets.tables.reading.source import TextSource
from howrobust.errors import BadInput

SEPARATORS = (",", ";", "\t", "|")
BLANKS = " "  # runs of blanks and tabs
NAMES_OF_SEPARATORS = {"\t": "a tab", BLANKS: "blanks"}
_SAMPLE = 1 << 20  # characters
_ROWS = 200
_QUOTED_OR_BLANKS = re.compile(r'("[^"]*")|[ \t]+')
_PLAIN = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Dialect:
    """How a text is a table.

    Parameters
    ----------
    separator : str
        The character between columns; a blank stands for runs of blanks.
    skipped : int
        Lines before the header: blank ones and comments.
    """

    separator: str
    skipped: int

    def reader(self, lines: Iterable[str]) -> "csv._reader":
        """Return the rows of lines, each a list of fields.

        Parameters
        ----------
        lines : iterable of str
            Lines of text, from the header on.

        Returns
        -------
        csv.reader
            The rows; it raises `csv.Error` where quotes do not match.
        """
        return _rows(lines, self.separator, strict=True)

    @property
    def word(self) -> str:
        """The separator in words."""
        return NAMES_OF_SEPARATORS.get(self.separator, repr(self.separator))


def dialect_of(source: TextSource, separator: str | None = None) -> Dialect:
    """Return how a text is a table.

    Parameters
    ----------
    source : TextSource
        The text.
    separator : str, optional
        The separator; None: it is found.

    Returns
    -------
    Dialect
        Its separator and the place of its header.

    Raises
    ------
    BadInput
        For a text without a line, and for one that two separators make a table of.
    """
    with source.opened() as file:
        text = file.read(_SAMPLE)
        cut = len(text) == _SAMPLE
    lines = io.StringIO(text, newline="").readlines()
    lines = lines[:-1] if cut and len(lines) > 1 else lines
    skipped, declared = _preamble(lines)
    if skipped == len(lines):
        raise BadInput(f"{source.path} is empty; it needs a header line and rows")
    given = separator if separator is not None else declared
    if given is not None:
        return Dialect(_character(given, source.path), skipped)
    return Dialect(_found(lines[skipped:], source.path, cut), skipped)


def names_of(source: TextSource, dialect: Dialect) -> list[str]:
    """Return the names of the columns, without their outer blanks.

    Parameters
    ----------
    source : TextSource
        The text.
    dialect : Dialect
        How it is a table.

    Returns
    -------
    list of str
        The names; empty ones are kept.

    Raises
    ------
    BadInput
        For a header of numbers alone.
    """
    with source.opened() as file:
        try:
            header = next(dialect.reader(islice(file, dialect.skipped, None)))
        except csv.Error as error:
            line = dialect.skipped + 1
            raise BadInput(f"{source.path}, line {line} cannot be read: {error}") from None
    names = [name.strip() for name in header]
    if all(_PLAIN.fullmatch(name) for name in names):
        raise BadInput(
            f"{source.path} has no header: its first line (line {dialect.skipped + 1}) is numbers; "
            "name the columns there"
        )
    return names


def problems_of_names(names: list[str]) -> list[str]:
    """Return what is wrong with the names of columns.

    Parameters
    ----------
    names : list of str
        The names.

    Returns
    -------
    list of str
        Sentences on columns of one name, and on columns without a name.
    """
    problems = [
        f"{names.count(name)} columns are called {name!r}; rename {_all_but_one(names, name)}"
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    ]
    problems += [
        f"column {number} has no name; name it in the header, or remove the column"
        for number, name in enumerate(names, start=1)
        if not name
    ]
    return problems


def _all_but_one(names: list[str], name: str) -> str:
    return "one of them" if names.count(name) == 2 else "all but one of them"


def _preamble(lines: list[str]) -> tuple[int, str | None]:
    """Return how many lines precede the header, and the separator that one of them states."""
    declared = None
    for number, line in enumerate(lines):
        text = line.strip("\ufeff,;|\t \r\n")
        if stated := re.fullmatch(r"sep=(.)", line.strip("\r\n"), re.IGNORECASE):
            declared = stated[1]
        elif text and not text.startswith("#"):
            return number, declared
    return len(lines), declared


def _character(separator: str, path: Path) -> str:
    character = {"\\t": "\t", "tab": "\t"}.get(separator, separator)
    if len(character) != 1 or character in '"\r\n\0':
        raise BadInput(f"--separator is {separator!r}; give one character, such as ';', for {path}")
    return character


def _found(lines: list[str], path: Path, cut: bool) -> str:
    """Return the separator by which the header and the rows have the same number of fields."""
    counts = {mark: _counts(lines, mark, cut) for mark in SEPARATORS}
    wide = {mark: fields for mark, fields in counts.items() if fields[0] > 1}
    fitting = [mark for mark, fields in wide.items() if set(fields) == {fields[0]}]
    if len(fitting) > 1:
        first, second = fitting[:2]
        raise BadInput(
            f"{path} could be separated by {first!r} or by {second!r}, and has the same number of "
            "fields in every line either way; say which with --separator"
        )
    if fitting:
        return fitting[0]
    if wide:  # rows of other lengths: they will be refused by line
        return max(wide, key=lambda mark: (_share(wide[mark]), wide[mark][0]))
    blanks = _counts(lines, BLANKS, cut)
    name = path.name.lower().removesuffix(".gz")
    if not name.endswith(".csv") and blanks[0] > 1 and set(blanks) == {blanks[0]}:
        return BLANKS
    # One column; unless all rows agree on more.
    rows = {mark: set(fields[1:]) for mark, fields in counts.items()}
    return next((mark for mark in SEPARATORS if len(rows[mark]) == 1 and rows[mark] != {1}), ",")


def _share(fields: list[int]) -> float:
    return fields.count(fields[0]) / len(fields)


def _counts(lines: list[str], separator: str, cut: bool) -> list[int]:
    """Return the numbers of fields of the header and the first rows that are not blank."""
    rows = islice(_rows(lines, separator, strict=False), _ROWS + 1)
    try:
        counts = [len(next(rows))]
        counts += [len(row) for row in rows if len(row) > 1 or any(map(str.strip, row))]
    except csv.Error:
        return [0]
    # A row may go on beyond the sample.
    return counts[:-1] if cut and 1 < len(counts) <= _ROWS else counts


def _rows(lines: Iterable[str], separator: str, strict: bool) -> "csv._reader":
    if separator == BLANKS:
        lines = _single_blanks(lines)
    return csv.reader(lines, delimiter=separator, strict=strict, skipinitialspace=True)


def _single_blanks(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield _QUOTED_OR_BLANKS.sub(lambda match: match[1] or " ", line.strip(" \t\r\n"))
