"""Rows of a store's tables as dataclasses; a row that does not fit its dataclass is damage."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypedDict, TypeVar

import msgspec

from howrobust.base.cells import Cell, Level
from howrobust.base.records import CellResult
from howrobust.errors import Damaged

JSON = {
    "levels", "data", "methods", "stresses", "metrics", "command", "environment", "held", "lost",
    "facts",
}  # fmt: skip
BY_LEVEL = {"held", "lost"}  # JSON of [[stress, level, text], ...]
Row = TypeVar("Row")


@dataclass(frozen=True)
class StoredRecord:
    """A record of a cell.

    Parameters
    ----------
    key : str
        Key of the cell.
    stress : str
        Name of the stress.
    level : float
        Severity of the stress.
    metric : str
        Name of the metric or cost.
    feature, segment : str
        The one feature that was stressed, and the region of it; "" for the whole stress.
    value : float or None
        The number; None unless ``status`` is "ok".
    status : {"ok", "undefined", "failed"}
        Whether there is a number.
    reason : str
        Why there is none.
    code : str
        Hash of the source that computed it.
    """

    key: str
    stress: str
    level: float
    metric: str
    feature: str
    segment: str
    value: float | None
    status: Literal["ok", "undefined", "failed"]
    reason: str
    code: str


@dataclass(frozen=True)
class PlannedCell:
    """A cell of a run's plan.

    Parameters
    ----------
    run : str
        Name of the run.
    key : str
        Key of the cell.
    position : int
        Place of the cell in the plan, from 0.
    """

    run: str
    key: str
    position: int


@dataclass(frozen=True)
class Baseline:
    """A text that is stored under a name.

    Parameters
    ----------
    name : str
        Name of the baseline.
    saved : int
        When it was saved, ns since 1970.
    text : str
        The baseline as JSON.
    """

    name: str
    saved: int
    text: str


@dataclass(frozen=True)
class CellForecasts:
    """The levels at which a cell has a forecast.

    Parameters
    ----------
    key : str
        Key of the cell.
    held : dict of Level to str
        Levels, each with the hash of the stress's source.
    testset : str
        Hash of the test rows.
    """

    key: str
    held: dict[Level, str]
    testset: str


class RunRecord(TypedDict):
    """A record with the address of its cell: a row of the tidy table of a run."""

    position: int
    run: str
    dataset: str
    split: str
    method: str
    repeat: int
    train_stress: str
    train_level: float
    stress: str
    level: float
    feature: str
    segment: str
    metric: str
    value: float | None
    status: Literal["ok", "undefined", "failed"]
    reason: str


def decode(kind: type[Row], row: Mapping[Any, Any], database: str) -> Row:
    """Return a row of a table as a dataclass.

    Parameters
    ----------
    kind : type
        The dataclass.
    row : mapping of str to object
        Values by column, JSON as text.
    database : str
        Name of the database in messages.

    Returns
    -------
    object
        An instance of ``kind``.

    Raises
    ------
    Damaged
        Where the row does not fit ``kind``.
    """
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    try:
        values |= {column: json.loads(values[column]) for column in values.keys() & JSON}
        for column in values.keys() & BY_LEVEL:
            entries = msgspec.convert(values[column], list[tuple[str, float, str]])
            values[column] = {(stress, level): text for stress, level, text in entries}
        return msgspec.convert(values, kind)
    except (TypeError, ValueError, RecursionError) as error:
        raise _damaged(kind, database, error) from None


def decode_all(kind: type[Row], rows: Sequence[Mapping[str, Any]], database: str) -> list[Row]:
    """Return rows that have no JSON, converted and validated together.

    Parameters
    ----------
    kind : type
        The type of a row.
    rows : sequence of mapping
        Values by column.
    database : str
        Name of the database in messages.

    Returns
    -------
    list
        Instances of ``kind``.

    Raises
    ------
    Damaged
        Where a row does not fit ``kind``.
    """
    try:
        return msgspec.convert(rows, list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise _damaged(kind, database, error) from None


def encode(row: Any) -> dict[str, Any]:
    """Return the values of a dataclass by column, as its table stores them.

    Parameters
    ----------
    row : object
        An instance of a dataclass that `decode` returns.

    Returns
    -------
    dict of str to object
        Values by column, JSON as text.
    """
    values = asdict(row)
    for column in values.keys() & BY_LEVEL:
        values[column] = [[*level, text] for level, text in values[column].items()]
    return values | {column: json.dumps(values[column]) for column in values.keys() & JSON}


def unfitted(cell: Cell | CellResult) -> CellResult:
    """Return the row of a cell that has not been fitted.

    Parameters
    ----------
    cell : Cell or CellResult
        The cell, whatever its status.

    Returns
    -------
    CellResult
        Key and address of the cell, with the status "planned".
    """
    return CellResult(
        key=cell.key,
        dataset=cell.dataset,
        split=cell.split,
        method=cell.method,
        train_stress=cell.train_stress,
        level=cell.level,
        repeat=cell.repeat,
        status="planned",
    )


def _damaged(kind: type, database: str, error: Exception) -> Damaged:
    return Damaged(
        f"{database} has a {kind.__name__} that no run has written ({error}); "
        "`howrobust store export` saves what can be read"
    )
