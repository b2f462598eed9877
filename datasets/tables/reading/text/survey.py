"""What a first reading finds in a column: what its cells are, and its numbers if all is plain."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from howrobust.base.tables.values import EXACT
from howrobust.datasets.tables.reading.text.cells import EMPTY, Form, form_of, shapes_of
from howrobust.datasets.tables.reading.text.rows import Rows

PLAIN = b"0123456789+-.eE"
INT64 = 2**63 - 1
_MOST_SHAPES = 50_000  # that are remembered
_FLOAT = Form("number", dot="decimal")
_WHOLE = Form("number", is_whole=True)

Numbers = NDArray[np.int64] | NDArray[np.float64]


@dataclass
class Survey:
    """What the cells of a column are.

    Parameters
    ----------
    name : str
        The column.
    missing : frozenset of str, default=frozenset()
        Words that stand for a missing value.
    """

    name: str
    missing: frozenset[str] = frozenset()
    counts: Counter[Form] = field(default_factory=Counter, init=False)
    first: dict[Form, tuple[str, int]] = field(default_factory=dict, init=False)
    largest: int = field(default=0, init=False)
    chunks: list[Numbers] | None = field(default_factory=list, init=False)
    _shapes: dict[str, Form] = field(default_factory=dict, init=False)

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Look at the next cells.

        Parameters
        ----------
        cells : sequence of str
            The cells.
        lines : sequence of int
            Their lines.
        """
        if self.missing:
            cells = ["" if cell.strip() in self.missing else cell for cell in cells]
        if not self._add_plain(cells, lines):
            self._add_shapes([cell.strip() for cell in cells], lines)

    def _add_plain(self, cells: Sequence[str], lines: Sequence[int]) -> bool:
        """Look at cells that are all numbers as Python writes them; return whether they are."""
        text = "\n".join(cells)
        if (raw := _plain(text)) is None:
            return False
        if b"." not in raw and b"e" not in raw and b"E" not in raw:
            return self._add_integers(cells, lines, f"\n{text}")
        if _FLOAT not in self.counts:  # where it is, no cell tells more about the marks
            return False
        values = _with_gaps(cells)
        if values is None:
            return False
        gaps = int(np.isnan(values).sum())
        self.counts[_FLOAT] += len(cells) - gaps
        self._keep(values, gaps, lines[0])
        return True

    def _add_integers(self, cells: Sequence[str], lines: Sequence[int], text: str) -> bool:
        if "\n0" in text and any(len(cell) > 1 and cell[0] == "0" for cell in cells):
            return False
        try:
            values: Numbers = np.fromiter(map(int, cells), np.int64, len(cells))
        except OverflowError:
            return False
        except ValueError:
            gapped = _with_gaps(cells)
            if gapped is None or not np.nanmax(np.abs(gapped), initial=0.0) < EXACT:
                return False
            values = gapped
        gaps = int(np.isnan(values).sum())
        if gaps < len(cells):
            row = int(np.argmin(np.isnan(values)))
            self._count(_WHOLE, len(cells) - gaps, cells[row], lines[row])
            low, high = np.nanmin(values), np.nanmax(values)
            self.largest = max(self.largest, int(high), -int(low))
        self._keep(values, gaps, lines[0])
        return True

    def _add_shapes(self, cells: list[str], lines: Sequence[int]) -> None:
        shapes = shapes_of(cells)
        if len(self._shapes) > _MOST_SHAPES:
            self._shapes.clear()
        forms = set()
        for shape, count in Counter(shapes).items():
            if (form := self._shapes.get(shape)) is None:
                form = self._shapes[shape] = form_of(shape)
            forms.add(form)
            if form not in self.first:
                row = shapes.index(shape)
                self._count(form, count, cells[row], lines[row])
            else:
                self.counts[form] += count
        self._measure(cells, shapes)
        if self.chunks is not None:
            self._keep(_plain_numbers(cells, forms))

    def _measure(self, cells: Sequence[str], shapes: Sequence[str]) -> None:
        """Note the largest whole number, where it may be beyond what float64 holds."""
        if not any(len(shape) > 15 and self._shapes[shape].is_whole for shape in set(shapes)):
            return
        for cell, shape in zip(cells, shapes, strict=True):
            if len(shape) > 15 and self._shapes[shape].is_whole:
                digits = "".join(c for c in cell if "0" <= c <= "9")
                size = int(digits) if len(digits) < 20 else INT64 + 1
                self.largest = max(self.largest, size)

    def _count(self, form: Form, count: int, cell: str, line: int) -> None:
        self.counts[form] += count
        self.first.setdefault(form, (cell, line))

    def _keep(self, values: Numbers | None, gaps: int = 0, line: int = 0) -> None:
        if gaps:
            self._count(EMPTY, gaps, "", line)
        if values is None:
            self.chunks = None
        elif self.chunks is not None:
            self.chunks.append(values)

    def total(self, kind: str) -> int:
        """Return how many cells are of a kind.

        Parameters
        ----------
        kind : str
            The kind of a form.

        Returns
        -------
        int
            The number of cells.
        """
        return sum(count for form, count in self.counts.items() if form.kind == kind)

    def forms(self, kind: str) -> list[Form]:
        """Return the forms of a kind that the column holds.

        Parameters
        ----------
        kind : str
            The kind.

        Returns
        -------
        list of Form
            The forms.
        """
        return [form for form in self.counts if form.kind == kind]

    def earliest(self, forms: Iterable[Form]) -> tuple[str, int]:
        """Return the first cell of some forms.

        Parameters
        ----------
        forms : iterable of Form
            The forms, of which the column holds one or more.

        Returns
        -------
        tuple of str and int
            The cell and its line.
        """
        return min((self.first[form] for form in forms), key=lambda place: place[1])


def surveyed(rows: Rows, columns: dict[int, Survey]) -> dict[int, Survey]:
    """Show the cells of rows to the surveys of their columns.

    Parameters
    ----------
    rows : Rows
        The rows.
    columns : dict of int to Survey
        Surveys by the place of their column.

    Returns
    -------
    dict of int to Survey
        The same surveys.
    """
    for block in rows.blocks():
        cells = list(zip(*block.rows, strict=True))
        for place, survey in columns.items():
            survey.add(cells[place], block.lines)
    return columns


def finite_numbers(cells: Sequence[str], decimal: str = ".") -> NDArray[np.float64] | None:
    """Return plain numbers, without groups and signs; None where a cell is no such number.

    Parameters
    ----------
    cells : sequence of str
        The cells.
    decimal : {".", ","}, default="."
        The decimal mark.

    Returns
    -------
    array of shape (n,) or None
        The numbers, all finite.
    """
    text, count = "\n".join(cells), len(cells)
    if decimal == ",":
        text = text.translate({ord(","): ".", ord("."): ","})
    cells = text.split("\n")
    if _plain(text) is None or "" in cells or len(cells) != count:
        return None
    return _with_gaps(cells)


def _plain(text: str) -> bytes | None:
    """Return a text of lines of which all are digits, points, signs and exponents, or None."""
    raw = text.encode() if text.isascii() else b"?"
    return None if raw.translate(None, PLAIN).strip(b"\n") else raw


def _with_gaps(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Return plain numbers with NaN for empty cells; None for other cells, and beyond float64."""
    numbers = (float(cell) if cell else np.nan for cell in cells)
    try:
        values = np.fromiter(numbers, np.float64, len(cells))
    except ValueError:
        return None
    return None if np.isinf(values).any() else values


def _plain_numbers(cells: list[str], forms: set[Form]) -> Numbers | None:
    """Return plain numbers with NaN for missing ones, or None where other cells are among them."""
    plain = {form for form in forms if form.kind == "number" and not form.comma}
    plain = {form for form in plain if not (form.sign or form.negative or form.is_code)}
    if forms - plain - {EMPTY, Form("missing")}:
        return None
    numbers = {"": np.nan}
    try:
        values = [numbers[cell] if cell in numbers else float(cell) for cell in cells]
    except ValueError:  # words for missing values, groups
        return None
    return None if np.isinf(values).any() else np.array(values, dtype=np.float64)
