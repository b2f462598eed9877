"""Cells of a column, collected in a second reading into values of the type that was decided."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from howrobust.datasets.tables.reading.cells import GROUPING_BLANKS, NA_WORDS, SYMBOLS
from howrobust.datasets.tables.reading.dates import Instants, dates_of, formatted_dates, times_of
from howrobust.datasets.tables.reading.decision import MARKS, Decision, exceptions
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.survey import Numbers
from howrobust.errors import printable

if TYPE_CHECKING:
    import pandas as pd

MINUS = "\u2212"
_MOST_SHARED = 100_000  # different words that are held once


class Collector(ABC):
    """Values of a column.

    Parameters
    ----------
    name : str
        The column.
    missing : frozenset of str
        Words that stand for a missing value.
    """

    def __init__(self, name: str, missing: frozenset[str]) -> None:
        self.name, self.missing = name, missing

    @abstractmethod
    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Take the next cells.

        Parameters
        ----------
        cells : sequence of str
            The cells.
        lines : sequence of int
            Their lines.
        """

    @abstractmethod
    def finish(self) -> "tuple[pd.Series, str | None]":
        """Return the column.

        Returns
        -------
        tuple of pandas.Series and str or None
            The values, and a sentence on what cannot be read.
        """


def collector(name: str, decision: Decision, options: ReadOptions) -> Collector:
    """Return what collects the values of a column.

    Parameters
    ----------
    name : str
        The column.
    decision : Decision
        What it is.
    options : ReadOptions
        What the user says.

    Returns
    -------
    Collector
        The collector.
    """
    missing = frozenset(options.missing)
    if decision.shape == "number":
        return NumberCollector(name, missing, decision)
    if decision.shape in ("date", "time"):
        return InstantCollector(name, missing, decision.shape == "date", options)
    if decision.shape == "boolean":
        return BooleanCollector(name, missing)
    return WordCollector(name, missing)


class NumberCollector(Collector):
    """Numbers: int64 where all are whole and none is missing, else float64.

    Parameters
    ----------
    name : str
        The column.
    missing : frozenset of str
        Words that stand for a missing value.
    decision : Decision
        Its decimal mark, and whether its numbers are whole.
    """

    def __init__(self, name: str, missing: frozenset[str], decision: Decision) -> None:
        super().__init__(name, missing)
        self.is_whole, self.code = decision.is_whole, decision.sign
        grouping = GROUPING_BLANKS + MARKS[decision.decimal == "."] + SYMBOLS + ")"
        self.signs = {ord(c): None for c in grouping} | {ord("("): "-", ord(MINUS): "-"}
        if decision.decimal == ",":
            self.signs[ord(",")] = "."
        self.chunks: list[Numbers] = []
        self.beyond: list[tuple[str, int]] = []

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        if self.missing:
            cells = ["" if cell.strip() in self.missing else cell for cell in cells]
        text = "\0".join(cells).translate(self.signs)
        if self.code:
            text = text.replace(self.code, "")
        values = self._parsed(text.split("\0"), cells)
        if (infinite := np.isinf(values)).any():
            row = int(np.argmax(infinite))
            self.beyond.append((cells[row].strip(), lines[row]))
        self.chunks.append(values)

    def _parsed(self, texts: list[str], cells: Sequence[str]) -> Numbers:
        size = len(texts)
        try:
            if self.is_whole:
                return np.fromiter(map(int, texts), np.int64, size)
            return np.fromiter(map(float, texts), np.float64, size)
        except ValueError:  # missing values: then float64 holds all numbers
            values = (
                np.nan if _is_gap(whole.strip().replace(MINUS, "-")) else float(text)
                for text, whole in zip(texts, cells, strict=True)
            )
            return np.fromiter(values, np.float64, size)

    def finish(self) -> "tuple[pd.Series, str | None]":
        if not self.beyond:
            return numbers(self.chunks), None
        cell, line = self.beyond[0]
        return numbers(self.chunks), (
            f"column {printable(self.name)!r} has {printable(cell[:40])} in line {line}, which is "
            "beyond the range of float64; rescale the column"
        )


class WordCollector(Collector):
    """Words, of which the empty one is missing."""

    def __init__(self, name: str, missing: frozenset[str]) -> None:
        super().__init__(name, missing | {""})
        self.words: list[str | None] = []
        self._shared: dict[str, str | None] = dict.fromkeys(self.missing)

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        if len(self._shared) > _MOST_SHARED:
            self._shared = dict.fromkeys(self.missing)
        shared = self._shared.setdefault
        self.words.extend(shared(word, word) for word in map(str.strip, cells))

    def finish(self) -> "tuple[pd.Series, str | None]":
        import pandas as pd

        if self.words and not any(word is not None for word in self.words):
            return pd.Series(np.full(len(self.words), np.nan)), None
        return pd.Series(pd.array(self.words, dtype=_text_type())), None


class BooleanCollector(Collector):
    """True and false, in any case."""

    def __init__(self, name: str, missing: frozenset[str]) -> None:
        super().__init__(name, missing)
        self.values: list[bool | float] = []

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        known = {"true": True, "false": False}
        words = ("" if word in self.missing else word.lower() for word in map(str.strip, cells))
        self.values.extend(known.get(word, np.nan) for word in words)

    def finish(self) -> "tuple[pd.Series, str | None]":
        import pandas as pd

        has_gaps = any(value is not True and value is not False for value in self.values)
        return pd.Series(self.values, dtype=object if has_gaps else bool), None


class InstantCollector(Collector):
    """Dates, in UTC where they state an offset, or durations.

    Parameters
    ----------
    name : str
        The column.
    missing : frozenset of str
        Words that stand for a missing value.
    is_date : bool
        Whether they are dates.
    options : ReadOptions
        What the user says.
    """

    def __init__(
        self, name: str, missing: frozenset[str], is_date: bool, options: ReadOptions
    ) -> None:
        super().__init__(name, missing)
        self.is_date = is_date
        self.form = options.date_formats.get(name)
        self.is_forced = options.kinds.get(name) == "date"
        self.cells: list[str] = []
        self.lines: dict[str, int] = {}
        self._shared: dict[str, str] = {}

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        for cell, line in zip(cells, lines, strict=True):
            text = cell.strip().replace(MINUS, "-")
            text = self._shared.setdefault(text, text)
            self.cells.append(text)
            if text not in self.lines:
                self.lines[text] = line

    def finish(self) -> "tuple[pd.Series, str | None]":
        import pandas as pd

        gaps = {cell for cell in self.lines if cell in self.missing or _is_gap(cell)}
        lines = {cell: line for cell, line in self.lines.items() if cell not in gaps}
        instants = self._instants(lines)
        if problem := instants.problem or self._exceptions(instants, lines):
            return self._as_words(gaps), problem
        return pd.Series(self._array(instants, gaps)), None

    def _instants(self, lines: dict[str, int]) -> Instants:
        if not self.is_date:
            return times_of(self.name, lines)
        if self.form is not None:
            return formatted_dates(lines, self.form)
        return dates_of(self.name, lines, self.is_forced)

    def _exceptions(self, instants: Instants, lines: dict[str, int]) -> str | None:
        if not instants.bad:
            return None
        bad = min(instants.bad, key=lines.__getitem__)
        wrong = set(instants.bad)
        count = sum(cell in wrong for cell in self.cells)
        kind = "dates" if self.is_date else "times"
        form = f" of the form {self.form}" if self.form else " that exist"
        return exceptions(self.name, kind + form, count, bad, lines[bad])

    def _as_words(self, gaps: set[str]) -> "pd.Series":
        words = WordCollector(self.name, frozenset(gaps))
        words.add(self.cells, ())
        return words.finish()[0]

    def _array(self, instants: Instants, gaps: set[str]) -> "pd.Series":
        import pandas as pd

        step, unit = (1, "ns") if instants.is_fine else (1_000, "us")
        known = {cell: value // step for cell, value in instants.values.items()}
        known |= dict.fromkeys(gaps, np.iinfo(np.int64).min)  # NaT
        values = np.fromiter(map(known.__getitem__, self.cells), np.int64, len(self.cells))
        series = pd.Series(values.view(f"{'M8' if self.is_date else 'm8'}[{unit}]"))
        return series.dt.tz_localize("UTC") if instants.has_zone else series


def _is_gap(cell: str) -> bool:
    return not cell or cell.lower() in NA_WORDS


def numbers(chunks: list[Numbers]) -> "pd.Series":
    """Return numbers that were read in parts; the parts are emptied.

    Parameters
    ----------
    chunks : list of array of shape (m,)
        The parts, int64 or float64.

    Returns
    -------
    pandas.Series of shape (n,)
        int64 if all parts are, else float64.
    """
    import pandas as pd

    values = np.concatenate(chunks) if chunks else np.empty(0)
    chunks.clear()
    return pd.Series(values)


def _text_type() -> object:
    """Return the type of texts in frames: the text type of pandas 3, or object."""
    import pandas as pd

    return pd.Series(["a"]).dtype
