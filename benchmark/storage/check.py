"""Integrity: whether all that a store says it has is there and can be read."""

import os
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass

import sqlalchemy as sa

from howrobust.base.cells import Level
from howrobust.base.records import CellResult, RunInfo
from howrobust.distributions.forecast import Forecast
from howrobust.errors import Damaged
from howrobust.storage.arrays import HeldOut, forecast_name, testset_name
from howrobust.storage.backends import Folder
from howrobust.storage.rows import BaselineRow, CellRow, PlannedRow, RecordRow, row_as
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
    (planned_table, PlannedRow),
    (cell_table, CellRow),
    (record_table, RecordRow),
    (baseline_table, BaselineRow),
)


@dataclass(frozen=True)
class StoreFinding:
    """What is wrong with a store, in a sentence, or what is odd and harmless."""

    text: str
    harmless: bool = False


def check(place: str | os.PathLike[str]) -> list[StoreFinding]:
    """Look at everything in a store; BadInput where there is none. Nothing is changed.

    A newer schema is a finding, a database that cannot be opened the only one.
    """
    try:
        with closing(Store(place, create=False)) as store:
            return [*_database(store), *_tables(store), *_strays(store), *_arrays(store)]
    except Damaged as error:
        return [StoreFinding(str(error))]


def _database(store: Store) -> Iterator[StoreFinding]:
    """What the database finds of itself; PostgreSQL checks pages as they are read."""
    with store.reading() as connection:
        if connection.dialect.name == "sqlite":
            for text in connection.exec_driver_sql("PRAGMA integrity_check").scalars():
                if text != "ok":
                    yield StoreFinding(f"{store.place.database}: {' '.join(text.split())}")


def _tables(store: Store) -> Iterator[StoreFinding]:
    """Rows that no run has written."""
    for table, kind in KINDS:
        with store.reading() as connection:
            for row in connection.execute(sa.select(table)):
                try:
                    row_as(kind, row._mapping, store.place.database)
                except Damaged as error:
                    yield StoreFinding(str(error))


def _strays(store: Store) -> Iterator[StoreFinding]:
    """Keys that lead nowhere."""
    for table in (planned_table, record_table):
        there = sa.select(cell_table.c.key)
        query = sa.select(table.c.key).distinct().where(table.c.key.not_in(there))
        with store.reading() as connection:
            for key in connection.execute(query).scalars():
                yield StoreFinding(f"the table {table.name} has the cell {key}, which is not there")


def _arrays(store: Store) -> Iterator[StoreFinding]:
    """Arrays that are missing, damaged or incomplete; then those that no cell points to."""
    with store.reading() as connection:
        there = store.place.held(connection)
    needed: set[str] = set()
    held_out: dict[str, HeldOut | None] = {}
    for cell in finished(store):
        try:
            needed |= {forecast_name(cell.key), testset_name(cell.testset)}
            if cell.testset not in held_out:
                held_out[cell.testset] = None
                held_out[cell.testset] = store.held_out(cell.testset)
            test = held_out[cell.testset]
            if test is not None:
                require_whole(cell.held, store.forecasts(cell.key), test)
        except Damaged as error:
            yield StoreFinding(f"cell {cell.key[:12]} ({address(cell)}): {error}")
    for name in sorted(there - needed):
        yield StoreFinding(
            f"no finished cell points to {name}; the next run replaces it", harmless=True
        )
    if isinstance(store.place, Folder):
        for path in store.place.files.leftovers():
            yield StoreFinding(f"{path} was left half done; the next run removes it", harmless=True)


def require_whole(held: Collection[Level], forecasts: dict[Level, Forecast], test: HeldOut) -> None:
    """Raise `Damaged` where a cell lacks a forecast it says it has, or one of other test rows."""
    for place in held:
        if place not in forecasts:
            raise Damaged(f"its forecasts lack {place[0]} {place[1]:g}; run again with --fresh")
        n, variants = len(forecasts[place].mean), forecasts[place].variants
        if n != variants * len(test.y):
            raise Damaged(
                f"its {n} forecasts are not for {variants} variants of {len(test.y)} test rows; "
                "run again with --fresh"
            )


def finished(store: Store) -> Iterator[CellResult]:
    """Yield the finished cells whose rows can be read."""
    with store.reading() as connection:
        rows = connection.execute(sa.select(cell_table).where(cell_table.c.status == "ok")).all()
    for row in rows:
        try:
            yield store.cell(row)
        except Damaged:
            continue


def address(cell: CellResult) -> str:
    """Name a cell to a reader."""
    stress = "" if cell.train_stress == "none" else f", {cell.train_stress} {cell.level:g}"
    return f"{cell.method} on {cell.dataset} {cell.split}, repeat {cell.repeat}{stress}"
