"""Checking that everything a store refers to is stored and can be read."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import sqlalchemy as sa

from howrobust.base.records import CellResult
from howrobust.errors import Damaged
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import HeldOut, forecast_name, testset_name
from howrobust.storage.backends.folder import FolderBackend
from howrobust.storage.content import KINDS, address_of, require_whole
from howrobust.storage.rows import decode
from howrobust.storage.schema import cell_table, planned_table, record_table
from howrobust.storage.store import Store


@dataclass(frozen=True)
class StoreFinding:
    """Something in a store that should not be.

    Parameters
    ----------
    text : str
        A sentence that describes it.
    harmless : bool, default=False
        No result is affected, and the next run removes it.
    """

    text: str
    harmless: bool = False


def check(location: str | os.PathLike[str]) -> list[StoreFinding]:
    """Check a store without changing it.

    Parameters
    ----------
    location : str or path-like
        A folder, or the URL of a PostgreSQL database.

    Returns
    -------
    list of StoreFinding
        What is wrong; a database that cannot be opened is the only finding.

    Raises
    ------
    BadInput
        Where there is no store, or one of another schema.
    """
    try:
        with closing(Store(location, create=False)) as store:
            return [
                *_database_findings(store),
                *_row_findings(store),
                *_key_findings(store),
                *_array_findings(store),
            ]
    except Damaged as error:
        return [StoreFinding(str(error))]


def _database_findings(store: Store) -> Iterator[StoreFinding]:
    """Yield what SQLite finds in its own file; PostgreSQL checks pages as they are read."""
    with store.reading() as connection:
        if connection.dialect.name == "sqlite":
            for text in connection.exec_driver_sql("PRAGMA integrity_check").scalars():
                if text != "ok":
                    yield StoreFinding(f"{store.backend.database}: {' '.join(text.split())}")


def _row_findings(store: Store) -> Iterator[StoreFinding]:
    """Yield the rows that do not fit their dataclass."""
    for table, kind in KINDS:
        with store.reading() as connection:
            for row in connection.execute(sa.select(table)):
                try:
                    decode(kind, row._mapping, store.backend.database)
                except Damaged as error:
                    yield StoreFinding(str(error))


def _key_findings(store: Store) -> Iterator[StoreFinding]:
    """Yield the keys in plans and records that belong to no cell."""
    for table in (planned_table, record_table):
        cells = sa.select(cell_table.c.key)
        query = sa.select(table.c.key).distinct().where(table.c.key.not_in(cells))
        with store.reading() as connection:
            for key in connection.execute(query).scalars():
                yield StoreFinding(f"the table {table.name} refers to the missing cell {key}")


def _array_findings(store: Store) -> Iterator[StoreFinding]:
    """Yield arrays that are missing, damaged or incomplete, then those that no cell refers to."""
    arrays = ArrayReader(store)
    with store.reading() as connection:
        stored = store.backend.array_names(connection)
    needed: set[str] = set()
    testsets: dict[str, HeldOut | None] = {}
    for cell in _finished_cells(store):
        try:
            needed |= {forecast_name(cell.key), testset_name(cell.testset)}
            if cell.testset not in testsets:
                testsets[cell.testset] = None  # damage is reported once
                testsets[cell.testset] = arrays.testset(cell.testset)
            test = testsets[cell.testset]
            if test is not None:
                require_whole(cell, arrays.forecasts(cell.key), test)
        except Damaged as error:
            yield StoreFinding(f"cell {cell.key[:12]} ({address_of(cell)}): {error}")
    for name in sorted(stored - needed):
        text = f"no finished cell refers to {name}; the next run replaces it"
        yield StoreFinding(text, harmless=True)
    if isinstance(store.backend, FolderBackend):
        for path in store.files.leftovers():
            yield StoreFinding(f"{path} is incomplete; the next run removes it", harmless=True)


def _finished_cells(store: Store) -> Iterator[CellResult]:
    """Yield the finished cells whose rows can be read."""
    with store.reading() as connection:
        rows = connection.execute(sa.select(cell_table).where(cell_table.c.status == "ok")).all()
    for row in rows:
        try:
            yield decode(CellResult, row._mapping, store.backend.database)
        except Damaged:  # reported as a row
            continue
