"""The columns of a table, one after another: what they are, what becomes of them, what is wrong."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from howrobust.base.data import FEWEST_ROWS, Dataset, checked
from howrobust.base.splits import Rows
from howrobust.base.tables.column import Column, Kind
from howrobust.base.tables.frame import Frame
from howrobust.base.tables.times import days_of
from howrobust.base.tables.values import (
    DATES,
    DURATIONS,
    EXACT,
    NAMES,
    NUMBERS,
    numbers_of,
    values_of,
)
from howrobust.datasets.tables.kinds import doubts_of, kind_of, kinds_of
from howrobust.datasets.tables.look import ColumnLook, Look, Role, examples_of
from howrobust.datasets.tables.roles import Roles
from howrobust.datasets.tables.treatment import treatment_of
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

_BECOMES: dict[Role, str] = {
    "groups": "whole groups are held out",
    "time": "orders the rows: later ones are held out",
    "left out": "left out (--drop)",
}
_TARGETS = {
    "none": "as it is",
    "log": "its logarithm",
    "yeo-johnson": "transformed by Yeo-Johnson",
    "auto": "as it is or by Yeo-Johnson, as fits",
    "auto above 0": "as it is or its logarithm, as fits",
}


_LEFT_OUT = {"id": "names the rows", "constant": "has one value"}


@dataclass(frozen=True)
class Examined:
    """A table as far as it can be used.

    Parameters
    ----------
    look : Look
        What is found in it.
    data : Dataset, optional
        Its rows; None where it cannot be used.
    frame : Frame, optional
        The table that the rows stand for.
    groups : array of int of shape (n,), optional
        Group of each row.
    times : array of shape (n,), optional
        Time of each row.
    """

    look: Look
    data: Dataset | None = None
    frame: Frame | None = None
    groups: Rows | None = None
    times: NDArray[np.float64] | None = None


@dataclass
class Examination:
    """The examination of a table, which collects what is found.

    Parameters
    ----------
    name : str
        Name of the table.
    roles : Roles
        What its columns are for.
    target_transform : {"none", "log", "yeo-johnson", "auto"}
        How the target is transformed.
    names : sequence of str
        Names of all columns of the file, also of those that are dropped.
    known : sequence of str, default=()
        Problems that were found while it was read: their columns get no other problem.
    """

    name: str
    roles: Roles
    target_transform: str
    names: Sequence[str]
    known: Sequence[str] = ()
    _problems: list[str] = field(default_factory=list, init=False)
    _warnings: list[str] = field(default_factory=list, init=False)
    _target_becomes: str = field(default="", init=False)
    _count: int = field(default=0, init=False)  # rows of the file
    _kinds: dict[Hashable, Kind] = field(default_factory=dict, init=False)
    _columns: list[Column] = field(default_factory=list, init=False)
    _left_out: list[str] = field(default_factory=list, init=False)
    _index: "pd.Index | None" = field(default=None, init=False)
    _X: Array = field(default_factory=lambda: np.empty((0, 0)), init=False)
    _groups: Rows | None = field(default=None, init=False)
    _times: NDArray[np.float64] | None = field(default=None, init=False)

    def of(self, table: "pd.DataFrame") -> Examined:
        """Examine a table, and empty it.

        Parameters
        ----------
        table : pandas.DataFrame of shape (n, m)
            The table. Its columns are taken out one by one, so that no second copy of it is held.

        Returns
        -------
        Examined
            What is found.
        """
        self._count = len(table)
        self._problems += [*self.known, *self.roles.problems(self.names)]
        target = self.roles.target_of(list(table.columns))
        roles = {name: self._role(name, target) for name in self.names}
        for name in table.columns:
            roles.setdefault(str(name), self._role(str(name), target))
        y = self._target(table[target]) if target in table.columns else None
        kept = np.ones(len(table), dtype=np.bool_) if y is None else ~np.isnan(y)
        if not kept.all():
            self._index = table.index[kept]
        n = int(kept.sum())
        if n < FEWEST_ROWS and not self.known:
            self._problems.append(f"it has {n} rows; at least {FEWEST_ROWS} are needed")
        features = [name for name in table.columns if roles[name] == "feature"]
        self._kinds = kinds_of({name: table[name] for name in features})
        self._kinds.update(dict(self.roles.read.kinds.items()))
        self._X = np.empty((n, len(features)))
        looks = [
            self._look(table.pop(name), role, kept) if name in table.columns else _unread(name)
            for name, role in roles.items()
            if name in table.columns or name in self.roles.drop
        ]
        data = self._data(y, str(target))
        look = Look(self.name, tuple(looks), n, (), tuple(self._problems), tuple(self._warnings))
        if data is None:
            return Examined(look)
        return Examined(look, data, Frame(tuple(self._columns)), self._groups, self._times)

    def _look(self, column: "pd.Series", role: Role, kept: NDArray[np.bool_]) -> ColumnLook:
        """Take the rows of a column in that have a target, and return what is found in it."""
        name, without_target = str(column.name), int(np.sum(~kept))
        column = column if kept.all() else column[kept]
        kind = self._kinds.get(name) or kind_of(column)
        missing, becomes = int(column.isna().sum()), _BECOMES.get(role, "")
        if role == "target":
            becomes = self._target_becomes or "see the problems"
            kind = "number" if self._target_becomes else kind
            missing += without_target
        elif role == "groups":
            self._groups = self._group_numbers(column)
        elif role == "time":
            self._times = self._time_numbers(column)
        elif role == "feature":
            becomes = self._feature(column, kind)
        return ColumnLook(name, kind, missing, examples_of(column), role, becomes)

    def _report(self, name: object, problem: str) -> None:
        """Keep a problem of a column, unless one was found while it was read."""
        if self._count and not any(repr(name) in each for each in self.known):
            self._problems.append(problem)

    def _role(self, name: str, target: str | None) -> Role:
        if name in self.roles.drop:
            return "left out"
        if name == target:
            return "target"
        if name == self.roles.groups:
            return "groups"
        return "time" if name == self.roles.time else "feature"

    def _target(self, column: "pd.Series") -> Array | None:
        """Return the target, NaN where it is missing; None for one that is no number."""
        what = f"the target {column.name!r}"
        values = values_of(column)
        if column.isna().all():
            self._report(column.name, f"{what} holds no value; choose another with --target")
            return None
        if values not in (*NUMBERS, *DURATIONS):  # a duration counts in seconds
            held = "text" if values == "string" else NAMES.get(values, values)
            self._report(
                column.name,
                f"{what} holds {held}, and a regression needs numbers; give another --target",
            )
            return None
        y = numbers_of(column)
        infinite = int(np.isinf(y).sum())
        if infinite:
            self._problems.append(f"{what} has {infinite} infinite values; correct those rows")
            return None
        if values == "integer" and np.nanmax(np.abs(y)) > EXACT:
            self._problems.append(
                f"{what} holds integers beyond 2^53, which float64 rounds; choose another with "
                "--target, or subtract an offset"
            )
        lowest = np.nanmin(y, initial=np.inf)
        if self.target_transform == "log" and lowest <= 0:
            count = int(np.sum(y <= 0))
            self._problems.append(
                f"{what} has {count} value{'s' if count > 1 else ''} of 0 or less ({lowest:g}), "
                "which have no logarithm; give --target-transform auto, yeo-johnson or none"
            )
        above_0 = self.target_transform == "auto" and lowest > 0
        self._target_becomes = _TARGETS["auto above 0" if above_0 else self.target_transform]
        missing = int(np.isnan(y).sum())
        if missing:
            self._warnings.append(
                f"{missing} of {len(y)} rows are left out: they have no {column.name}, the target"
            )
        return y

    def _feature(self, column: "pd.Series", kind: Kind) -> str:
        """Encode a feature, and return what becomes of it."""
        table, codes = column.to_frame(), self._X[:, len(self._columns)]
        problems = Frame.problems_of(table, {column.name: kind})
        if problems:
            for problem in problems:
                self._report(column.name, problem)
            self._columns.append(Column(column.name, kind, column.dtype))
            return "see the problems"
        (known,) = Frame.of(table, {column.name: kind}).columns
        codes[:] = Frame((known,)).encode(table)[:, 0]
        self._columns.append(known)
        treatment = treatment_of(known, codes)
        self._warnings += doubts_of(column, kind)
        if treatment.form in _LEFT_OUT:
            self._left_out.append(f"{known.name!r} {_LEFT_OUT[treatment.form]}")
        return treatment.text

    def _group_numbers(self, column: "pd.Series") -> Rows | None:
        """Return the number of each row's group; None where a row has none."""
        if not self._without_gaps(column, "--groups"):
            return None
        groups = np.unique(column.astype(str).to_numpy(), return_inverse=True)[1]
        if groups.size and groups.max() == 0:
            self._problems.append(
                f"--groups: column {column.name!r} holds one group; a split needs at least two"
            )
        return groups.astype(np.int64)

    def _time_numbers(self, column: "pd.Series") -> NDArray[np.float64] | None:
        """Return the time of each row; None where a row has none, or one that is no time."""
        if not self._without_gaps(column, "--time"):
            return None
        values = values_of(column)
        if values in DATES:
            return days_of(column)
        if values in (*NUMBERS, *DURATIONS):
            return numbers_of(column)
        self._report(
            column.name,
            f"--time: column {column.name!r} is neither numbers nor dates like 2026-01-31, so it "
            "cannot order the rows; convert it",
        )
        return None

    def _without_gaps(self, column: "pd.Series", flag: str) -> bool:
        missing = int(column.isna().sum())
        if missing:
            self._problems.append(
                f"{flag}: column {column.name!r} has {missing} missing values; fill them in, or "
                "remove those rows"
            )
        return not missing

    def _data(self, y: Array | None, target: str) -> Dataset | None:
        """Return the rows, where a regression can be learnt from them."""
        all_left_out = self._columns and len(self._left_out) == len(self._columns)
        if all_left_out and not self._problems:
            self._problems.append(
                f"no column is left that says anything about {target!r}: "
                f"{', '.join(self._left_out)}; --as COLUMN=category or number overrules"
            )
        if y is None or self._problems:
            return None
        features = tuple(str(column.name) for column in self._columns)
        try:
            data = Dataset(self._X, y[~np.isnan(y)], features, target, index=self._index)
            return checked(data, self.name)
        except BadInput as error:
            self._problems.append(str(error))
            return None


def _unread(name: str) -> ColumnLook:
    """Return the look of a column that is not read, since it is left out."""
    return ColumnLook(name, "", 0, "", "left out", _BECOMES["left out"])
