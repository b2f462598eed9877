"""What becomes of a column of a table for methods that want numbers."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from howrobust.base.tables.column import Column
from howrobust.distributions.arrays import Array

Form = Literal["constant", "id", "number", "0/1", "one-hot", "target means", "date"]
DateParts = tuple[str, ...]

FEWEST_ROWS = 10  # of a level that has a column of its own
MOST_LEVELS = 40  # that have columns of their own
LARGEST_REST = 0.05  # share of the rows in the rest level, beyond which target means tell more
DATE_PARTS: DateParts = ("year", "month", "weekday", "hour", "days since")


@dataclass(frozen=True)
class Treatment:
    """What becomes of a column, as its training rows decide.

    Parameters
    ----------
    form : {"constant", "id", "number", "0/1", "one-hot", "target means", "date"}
        What it becomes; a constant and an identifier are left out.
    has_missing : bool, default=False
        Whether a training row has no value: a 0/1 column then says which rows have none, or it is
        a level of its own.
    levels : tuple of float, default=()
        Codes of the levels that have a column or a mean of their own, the most frequent first; NaN
        for the level of missing values.
    has_rest : bool, default=False
        Whether training rows are of other levels than these.
    parts : tuple of str, default=()
        The parts of a date that vary.
    """

    form: Form
    has_missing: bool = False
    levels: tuple[float, ...] = ()
    has_rest: bool = False
    parts: DateParts = ()

    @property
    def text(self) -> str:
        """What becomes of the column, in a short phrase."""
        if self.form == "0/1" and not self.levels:
            return "0/1 for missing"
        k = len(self.levels)
        named = {
            "constant": "left out: constant",
            "id": "left out: names the rows",
            "number": "number",
            "0/1": "0/1",
            "one-hot": f"one-hot of {k} levels" + " and the rest" * self.has_rest,
            "target means": f"target means of {k} levels",
            "date": ", ".join(self.parts),
        }[self.form]
        return named + " with a column for missing" * self._has_missing_column

    def names(self, column: Column) -> tuple[str, ...]:
        """Return names of the encoded columns.

        Parameters
        ----------
        column : Column
            The column.

        Returns
        -------
        tuple of str
            The names, such as ``("colour: red", "colour: rest")``.
        """
        name = str(column.name)
        named: tuple[str, ...] = {
            "constant": (),
            "id": (),
            "number": (name,),
            "0/1": (name,) if self.levels else (),
            "one-hot": tuple(f"{name}: {_level(column, code)}" for code in self.levels),
            "target means": (f"{name}: mean of the target",),
            "date": tuple(f"{name}: {part}" for part in self.parts),
        }[self.form]
        rest = (f"{name}: rest",) * (self.form == "one-hot" and self.has_rest)
        return (*named, *rest, *((f"{name}: missing",) * self._has_missing_column))

    @property
    def _has_missing_column(self) -> bool:
        return self.has_missing and self.form in ("number", "0/1", "date")


def treatment_of(column: Column | None, codes: Array) -> Treatment:
    """Decide what becomes of a column for methods that want numbers.

    Parameters
    ----------
    column : Column or None
        The column; None: numbers.
    codes : array of shape (n,)
        Its training rows, NaN where a value is missing.

    Returns
    -------
    Treatment
        What becomes of it.

    Notes
    -----
    A number stays a number, and a category of two levels becomes a column of 0 and 1; a date
    becomes those of its year, month, weekday, hour and days since the first that vary.

    A category of more levels is one-hot. A level of fewer than 10 training rows, or beyond the 40
    most frequent, belongs to the rest: the effect of a level is estimated from its rows alone, and
    with fewer than 10 the estimate has a third of the sd of a single row or more. Missing values
    are a level, too. Where the rest would hold more than a twentieth of the rows, the column
    becomes the shrunken mean of the target at its level instead: for effects as large as the noise,
    the squared error of ridge regression is then a tenth lower or more (measured at a rest of 8 %
    and above; as large as that of one-hot where there is no rest).
    """
    kind = "number" if column is None else column.kind
    present = codes[~np.isnan(codes)]
    missing = len(present) < len(codes)
    if kind == "id":
        return Treatment("id")
    if not len(present):
        return Treatment("constant")
    if kind == "category":
        return _category(codes, missing)
    if (present == present[0]).all():
        return Treatment("0/1", missing) if missing else Treatment("constant")
    if kind == "number":
        return Treatment("number", missing)
    parts = date_parts(present, present.min())
    varying = [part for part, row in zip(DATE_PARTS, parts, strict=True) if np.ptp(row) > 0]
    return Treatment("date", missing, parts=tuple(varying))


def date_parts(days: Array, first: float) -> Array:
    """Return the parts of dates.

    Parameters
    ----------
    days : array of shape (n,)
        Days since 1970-01-01 (UTC), NaN where a date is missing.
    first : float
        The day from which days are counted, likewise.

    Returns
    -------
    array of shape (5, n)
        Year, month (1 to 12), weekday (0: Monday), hour of the day with its fraction, and days
        since ``first``; NaN for missing dates.
    """
    missing = np.isnan(days)
    whole = np.floor(np.where(missing, 0.0, days)).astype(np.int64)
    date = whole.astype("datetime64[D]")
    month = date.astype("datetime64[M]").astype(np.int64)  # since January 1970
    hour = np.round((days - whole) * 86_400) / 3_600  # to the second
    parts = np.stack([1970 + month // 12, 1 + month % 12, (whole + 3) % 7, hour, days - first])
    return np.where(missing, np.nan, parts)


def _category(codes: Array, missing: bool) -> Treatment:
    values, counts = np.unique(codes, return_counts=True)  # NaN, if any, is one value, the last
    known = values[~np.isnan(values)]
    if len(known) == 1:
        return Treatment("0/1", True) if missing else Treatment("constant")
    if len(known) == 2:
        return Treatment("0/1", missing, (float(known[0]), float(known[1])))
    order = np.argsort(-counts, kind="stable")
    frequent = order[:MOST_LEVELS]
    frequent = frequent[counts[frequent] >= FEWEST_ROWS]
    rest = len(codes) - int(counts[frequent].sum())
    if rest > LARGEST_REST * len(codes):
        return Treatment("target means", missing, tuple(map(float, values[order])))
    return Treatment("one-hot", missing, tuple(map(float, values[frequent])), rest > 0)


def _level(column: Column, code: float) -> str:
    if np.isnan(code):
        return "missing"
    return str(column.categories[int(code)]) if column.categories else f"{code:g}"
