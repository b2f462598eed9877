"""Rows of a store's tables, as a run writes them: whatever else is found there is damage."""

import json
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

import msgspec

from howrobust.base.records import CellResult
from howrobust.errors import Damaged

JSON = {
    "levels", "data", "methods", "stresses", "command", "environment", "held", "lost", "facts"
}  # fmt: skip


class CellRow(TypedDict):
    """A cell: its address, what became of it, and the levels that have a forecast or lost it."""

    key: str
    dataset: str
    split: str
    method: str
    train_stress: str
    level: float
    repeat: int
    status: Literal["planned", "ok", "failed"]
    held: list[tuple[str, float, str]]
    lost: list[tuple[str, float, str]]
    testset: str
    facts: dict[str, float | list[float]]
    kind: str
    reason: str
    traceback: str


class RecordRow(TypedDict):
    """A record of a cell."""

    key: str
    stress: str
    level: float
    metric: str
    value: float | None
    status: Literal["ok", "undefined", "failed"]
    reason: str
    code: str


class PlannedRow(TypedDict):
    """A cell of a run's plan."""

    run: str
    key: str
    position: int


class BaselineRow(TypedDict):
    """A baseline."""

    name: str
    saved: int
    text: str


class HeldRow(TypedDict):
    """What a cell holds."""

    key: str
    held: list[tuple[str, float, str]]
    testset: str


class PlacedRecord(TypedDict):
    """A record with the place of its cell in a plan, and the cell's address."""

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
    metric: str
    value: float | None
    status: Literal["ok", "undefined", "failed"]
    reason: str


def row_as(kind: type, row: Mapping[Any, Any], where: str) -> Any:
    """Return a row with its JSON read; `Damaged` where it is not of that kind."""
    found = {str(name): value for name, value in row.items()}
    try:
        found |= {column: json.loads(found[column]) for column in found.keys() & JSON}
        return msgspec.convert(found, kind)
    except (TypeError, ValueError, RecursionError) as error:
        raise _damaged(kind, where, error) from None


def cell_result(row: Mapping[Any, Any], where: str) -> CellResult:
    """Return a row of the table of cells as a result.

    Parameters
    ----------
    row : mapping of str to object
        Values by column, JSON as text.
    where : str
        What sentences call the store.

    Returns
    -------
    CellResult
        The cell, its levels by stress and severity.

    Raises
    ------
    Damaged
        Where no run has written such a row.
    """
    values: dict[str, Any] = row_as(CellRow, row, where)
    for name in ("held", "lost"):
        values[name] = {(stress, level): text for stress, level, text in values[name]}
    return CellResult(**values)


def rows_as(kind: type, rows: list[dict[str, Any]], where: str) -> Any:
    """Return rows without JSON; `Damaged` where one is not of that kind."""
    try:
        return msgspec.convert(rows, list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise _damaged(kind, where, error) from None


def _damaged(kind: type, where: str, error: Exception) -> Damaged:
    return Damaged(
        f"{where} has a {kind.__name__} that no run has written ({error}); "
        "`howrobust store export` saves what can be read"
    )
