"""The rows of a text, a block at a time, each with the number of its line."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from howrobust.datasets.tables.reading.text.dialect import Dialect
from howrobust.datasets.tables.reading.text.source import TextSource
from howrobust.errors import BadInput

BLOCK = 16_384  # rows
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_NAMED = 3  # lines that a sentence names


@dataclass(frozen=True)
class Block:
    """Consecutive rows of a text.

    Parameters
    ----------
    rows : list of list of str
        The rows, each of as many fields as the header.
    lines : sequence of int
        Number of the line in which each row begins.
    """

    rows: list[list[str]]
    lines: Sequence[int]


@dataclass
class Rows:
    """The rows of a text, and those that are not of the header's length.

    Parameters
    ----------
    source : TextSource
        The text.
    dialect : Dialect
        How it is a table.
    width : int
        Number of fields of the header.
    """

    source: TextSource
    dialect: Dialect
    width: int
    ragged: dict[int, list[int]] = field(default_factory=dict, init=False)
    blank: list[int] = field(default_factory=list, init=False)
    count: int = field(default=0, init=False)

    def blocks(self) -> Iterator[Block]:
        """Read the rows below the header.

        Rows of another length are left out, and noted in ``ragged`` by their length. A blank line
        between rows is left out and noted in ``blank``; in a table of one column it is a row
        without a value. Blank lines at the end are nothing.

        Yields
        ------
        Block
            The next rows.

        Raises
        ------
        BadInput
            Where a quoted text does not end or goes on behind its quotes, by line.
        """
        self.ragged, self.blank, self.count = {}, [], 0
        waiting: list[int] = []  # blank lines that are nothing if no row follows
        for block in _read(self.source, self.dialect):
            is_plain = not waiting and all(len(row) == self.width for row in block.rows)
            kept = block if is_plain else self._sifted(block, waiting)
            if kept.rows:
                self.count += len(kept.rows)
                yield kept

    def _sifted(self, block: Block, waiting: list[int]) -> Block:
        kept = Block([], [])
        lines: list[int] = []
        for row, line in zip(block.rows, block.lines, strict=True):
            if not row or (len(row) == 1 < self.width and not row[0].strip()):
                waiting.append(line)
                continue
            if self.width == 1:
                kept.rows.extend([""] for _ in waiting)
                lines.extend(waiting)
            else:
                self.blank.extend(waiting)
            waiting.clear()
            if len(row) == self.width:
                kept.rows.append(row)
                lines.append(line)
            else:
                self.ragged.setdefault(len(row), []).append(line)
        return Block(kept.rows, lines)

    @property
    def problem(self) -> str | None:
        """A sentence on the rows of another length than the header; None without any."""
        if not self.ragged:
            return None
        lines = sorted(line for each in self.ragged.values() for line in each)
        named = ", ".join(map(str, lines[:_NAMED])) + (", ..." if len(lines) > _NAMED else "")
        where = f"line{'s' if len(lines) > 1 else ''} {named}"
        lengths = sorted(self.ragged)
        if len(lengths) == 1:
            fields = f"{lengths[0]} field{'s' if lengths[0] > 1 else ''}"
        else:
            fields = f"{lengths[0]} to {lengths[-1]} fields"
        all_rows = len(lines) == self.count + len(lines)
        who = "rows have" if all_rows else f"{len(lines)} of {self.count + len(lines)} rows have"
        return (
            f"{who} {fields}, the header {self.width} ({where}); the separator is "
            f"{self.dialect.word}: quote a text that holds it, or name another with --separator"
        )


def _read(source: TextSource, dialect: Dialect) -> Iterator[Block]:
    """Read rows of any length."""
    with source.opened() as file:
        reader = dialect.reader(islice(file, dialect.skipped, None))
        rows: list[list[str]] = []
        first = dialect.skipped + 1
        try:
            header = next(reader, None)
            while header is not None:
                start = dialect.skipped + reader.line_num + 1
                first, rows = start, []
                rows.extend(islice(reader, BLOCK))
                if not rows:
                    return
                end = dialect.skipped + reader.line_num + 1
                yield Block(rows, _lines(rows, start, end))
        except csv.Error as error:
            line = _lines([*rows, []], first, 0)[-1]
            raise BadInput(_unmatched(source, line, str(error))) from None


def _lines(rows: list[list[str]], start: int, end: int) -> Sequence[int]:
    """Return the line in which each row begins; rows of several lines hold line ends."""
    if end - start == len(rows):
        return range(start, end)
    lines = [start]
    for row in rows[:-1]:
        lines.append(lines[-1] + 1 + sum(len(_LINE_ENDS.findall(text)) for text in row))
    return lines


def _unmatched(source: TextSource, line: int, error: str) -> str:
    if "unexpected end" in error:
        what = "holds a quote that does not end"
    elif "limit" in error:
        what = (
            f"holds a text of more than {csv.field_size_limit():,} characters, or a quote is open"
        )
    elif "expected after" in error:
        what = "holds a quoted text that goes on behind its closing quote"
    else:
        what = f"cannot be read: {error}"
    return f"{source.path}, line {line} {what}; double a quote that is part of a text"
