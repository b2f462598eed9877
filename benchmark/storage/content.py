"""All that can be read of a store, damaged or not, and which of its rows cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from howrobust.base.cells import Level
from howrobust.base.records import CellResult, RunInfo
from howrobust.distributions.forecast import Forecast
from howrobust.errors import Damaged
from howrobust.storage.arrays import HeldOut
from howrobust.storage.rows import Baseline, PlannedCell, StoredRecord, decode
from howrobust.storage.schema import (
    baseline_table,
    cell_table,
    planned_table,
    record_table,
    run_table,
)
from howrobust.storage.store import Store

KINDS: tuple[tuple[sa.Table, type], ...] = (
    (run_table, RunInfo),
    (planned_table, PlannedCell),
    (cell_table, CellResult),
    (record_table, StoredRecord),
    (baseline_table, Baseline),
)
Measured = tuple[str, float, str, str, str]  # stress, level, metric, feature, segment
Row = TypeVar("Row")


@dataclass
class Content:
    """The readable rows of a store.

    Parameters
    ----------
    runs : dict of str to RunInfo
        Runs by name.
    planned : dict of str to list of PlannedCell
        Plans by name of the run.
    cells : dict of str to CellResult
        Cells by key.
    records : dict of str to dict of Measured to StoredRecord
        Records by key of the cell, then by stress, level, metric, feature and segment.
    baselines : dict of str to Baseline
        Baselines by name.
    losses : list of str
        A sentence on each row, or part of a table, that cannot be read.
    """

    runs: dict[str, RunInfo] = field(default_factory=dict)
    planned: dict[str, list[PlannedCell]] = field(default_factory=dict)
    cells: dict[str, CellResult] = field(default_factory=dict)
    records: dict[str, dict[Measured, StoredRecord]] = field(default_factory=dict)
    baselines: dict[str, Baseline] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)


def read_content(store: Store) -> Content:
    """Read every row that can be read.

    Parameters
    ----------
    store : Store
        The store; it is not changed.

    Returns
    -------
    Content
        Its rows.
    """
    content = Content()
    losses = content.losses
    content.runs = {run.run: run for run in _rows(store, run_table, RunInfo, losses)}
    for cell in _rows(store, planned_table, PlannedCell, losses):
        content.planned.setdefault(cell.run, []).append(cell)
    content.cells = {cell.key: cell for cell in _rows(store, cell_table, CellResult, losses)}
    for record in _rows(store, record_table, StoredRecord, losses):
        measured = (
            record.stress, record.level, record.metric, record.feature, record.segment
        )  # fmt: skip
        content.records.setdefault(record.key, {})[measured] = record
    content.baselines = {row.name: row for row in _rows(store, baseline_table, Baseline, losses)}
    return content


def _rows(store: Store, table: sa.Table, kind: type[Row], losses: list[str]) -> Iterator[Row]:
    """Yield the rows of a table that fit their dataclass, and note the others."""
    for values in _raw_rows(store, table, losses):
        try:
            yield decode(kind, values, store.backend.database)
        except Damaged as error:
            losses.append(str(error))


def _raw_rows(store: Store, table: sa.Table, losses: list[str]) -> list[dict[str, Any]]:
    """Return the rows of a table, values by column.

    Where a page of SQLite is damaged, the rows before it are read from one end of the table and
    those after it from the other.
    """
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    orders = ["rowid", "rowid DESC"] if store.engine.dialect.name == "sqlite" else ["1"]
    for order in orders:
        try:
            with store.reading() as connection:
                for row in connection.execute(sa.select(table).order_by(sa.text(order))):
                    values = {str(name): value for name, value in row._mapping.items()}
                    rows[tuple(values[column.name] for column in table.primary_key)] = values
            break
        except Damaged as error:
            damage = str(error)
    else:
        losses.append(f"rows of the table {table.name}: {damage}")
    return list(rows.values())


def require_whole(cell: CellResult, forecasts: dict[Level, Forecast], test: HeldOut) -> None:
    """Raise an error unless a cell has the forecasts that its row lists.

    Parameters
    ----------
    cell : CellResult
        The cell.
    forecasts : dict of Level to Forecast
        Its stored forecasts.
    test : HeldOut
        Its stored test rows.

    Raises
    ------
    Damaged
        Where a forecast is missing or was made for other test rows.
    """
    for stress, level in cell.held:
        if (stress, level) not in forecasts:
            raise Damaged(f"its forecasts lack {stress} {level:g}; run again with --fresh")
        forecast = forecasts[stress, level]
        rows = forecast.quantiles.shape[-1]  # an interval has no mean
        if rows != forecast.variants * len(test.y):
            raise Damaged(
                f"its {rows} forecasts do not match {forecast.variants} variants of "
                f"{len(test.y)} test rows; run again with --fresh"
            )


def address_of(cell: CellResult) -> str:
    """Return the address of a cell for a message.

    Parameters
    ----------
    cell : CellResult
        The cell.

    Returns
    -------
    str
        Method, data set, split, repeat and, unless clean, the stress of the fit.
    """
    stress = "" if cell.train_stress == "none" else f", {cell.train_stress} {cell.level:g}"
    return f"{cell.method} on {cell.dataset} {cell.split}, repeat {cell.repeat}{stress}"
