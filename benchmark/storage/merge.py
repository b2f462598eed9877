"""Copying what can be read of one store into another.

An export fills a new store; a merge makes the union of several. Cells of the same key are the same
cell: what both stores have must agree, and a finished cell replaces a failed one.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field, replace
from io import BytesIO
from pathlib import Path

import sqlalchemy as sa

from howrobust.base.records import CellResult
from howrobust.errors import BadInput, Damaged
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import (
    forecast_name,
    npz,
    testset_name,
)
from howrobust.storage.backends.location import is_url
from howrobust.storage.content import (
    Content,
    Measured,
    address_of,
    read_content,
    require_whole,
)
from howrobust.storage.forecasts import pack_forecasts, read_forecasts
from howrobust.storage.reader import RunReader
from howrobust.storage.rows import StoredRecord, encode, unfitted
from howrobust.storage.schema import (
    baseline_table,
    cell_table,
    planned_table,
    record_table,
    run_table,
)
from howrobust.storage.store import Store

RANK = {"planned": 0, "failed": 1, "ok": 2}


def export(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> list[str]:
    """Copy what can be read of a store into a new one.

    Parameters
    ----------
    source, target : str or path-like
        Folders, or URLs of PostgreSQL databases.

    Returns
    -------
    list of str
        A sentence on each thing that could not be copied.

    Raises
    ------
    BadInput
        Where the target holds results already.
    """
    if not is_url(os.fspath(target)) and Path(target).is_dir() and any(Path(target).iterdir()):
        raise BadInput(f"{target} is not empty; give a new folder, or merge into that store")
    with ExitStack() as stack:
        old = stack.enter_context(closing(Store(source, create=False)))
        new = stack.enter_context(closing(Store(target)))
        stack.enter_context(new.exclusive())
        if RunReader(new).runs():
            raise BadInput(f"{new.backend.name} holds results; give a new one, or merge into it")
        return _add(new, old)


def merge(target: str | os.PathLike[str], sources: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Add the runs and cells of stores to another store.

    Parameters
    ----------
    target : str or path-like
        The store that is added to.
    sources : sequence of str or path-like
        The stores that are read.

    Returns
    -------
    list of str
        A sentence on each thing that could not be copied, and on each cell in which two stores
        differ, where the target's is kept.

    Raises
    ------
    BadInput
        Where a location cannot be used, or is given twice.
    """
    messages = []
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(Store(each, create=False))) for each in sources]
        new = stack.enter_context(closing(Store(target)))
        stack.enter_context(new.exclusive())
        for old in opened:
            if old.backend.identity == new.backend.identity:
                raise BadInput(f"{new.backend.name} cannot be merged with itself; give another")
            messages += _add(new, old)
    return messages


def _add(target: Store, source: Store) -> list[str]:
    """Add one store to another, in one transaction."""
    incoming, existing = read_content(source), read_content(target)
    with target.writing() as connection:
        transfer = _Transfer(connection, target, source, incoming, existing)
        for cell in incoming.cells.values():
            transfer.add_cell(cell)
        transfer.add_runs()
        transfer.add_baselines()
    return incoming.losses + transfer.messages


@dataclass
class _FinishedCell:
    """A cell with its records and, as they are stored, its arrays by name."""

    row: CellResult
    records: dict[Measured, StoredRecord]
    arrays: dict[str, bytes] = field(default_factory=dict)


@dataclass
class _Transfer:
    """One store being added to another."""

    connection: sa.Connection
    target: Store
    source: Store
    incoming: Content
    existing: Content
    messages: list[str] = field(default_factory=list)

    def add_cell(self, row: CellResult) -> None:
        """Add a cell, or the levels of it that the target lacks."""
        new = self._incoming_cell(row)
        old, damaged = self._existing_row(row)
        if new.row.status == old.status == "ok":
            new = self._united(old, new)
        elif row.key in self.existing.cells and RANK[new.row.status] <= RANK[old.status]:
            return
        for table in (cell_table, record_table):
            self.connection.execute(sa.delete(table).where(table.c.key == row.key))
        self.connection.execute(sa.insert(cell_table).values(encode(new.row)))
        if new.records:
            rows = [asdict(record) for record in new.records.values()]
            self.connection.execute(sa.insert(record_table), rows)
        for name, content in new.arrays.items():
            # Other cells of the target depend on test rows that it can read.
            replaces = damaged or name == forecast_name(row.key)
            if replaces or not _has_testset(self.target, new.row.testset):
                self.target.backend.save(self.connection, name, content)

    def _incoming_cell(self, row: CellResult) -> _FinishedCell:
        """Return a cell of the source; unfitted where its arrays are damaged."""
        records = self.incoming.records.get(row.key, {})
        if row.status != "ok":
            return _FinishedCell(row, records)
        try:
            return _FinishedCell(row, records, _arrays_of(self.source, row))
        except Damaged as error:
            self.messages.append(f"{address_of(row)} is to be fitted again: {error}")
            return _FinishedCell(unfitted(row), {})

    def _existing_row(self, row: CellResult) -> tuple[CellResult, bool]:
        """Return the target's row of a cell, unfitted if damaged, and whether it was damaged."""
        existing = self.existing.cells.get(row.key, unfitted(row))
        if existing.status == "ok":
            try:
                _arrays_of(self.target, existing)
            except Damaged as error:
                self.messages.append(f"{address_of(existing)} was damaged in the target: {error}")
                return unfitted(existing), True
        return existing, False

    def _united(self, old: CellResult, new: _FinishedCell) -> _FinishedCell:
        """Return a cell that both stores have finished: the target's, with the source's additions.

        Levels that the target has stay as they are; records of them are added.
        """
        old_records = self.existing.records.get(old.key, {})
        shared = old_records.keys() & new.records.keys()
        differing = sorted({m[2] for m in shared if _differ(old_records[m], new.records[m])})
        if differing:
            names = ", ".join(differing)
            self.messages.append(f"{address_of(old)} differs in {names}: the target's is kept")
        added = {level: code for level, code in new.row.held.items() if level not in old.held}
        same = {level for level, code in new.row.held.items() if old.held.get(level) == code}
        # A record of the target at a level that it lost gives way to that of the added forecast.
        kept = {m: record for m, record in old_records.items() if m[:2] not in added}
        more = {
            m: record
            for m, record in new.records.items()
            if m[:2] in added or (m[:2] in same and m not in old_records)
        }
        if not added:
            return _FinishedCell(old, kept | more)
        name = forecast_name(old.key)
        forecasts = read_forecasts(BytesIO(new.arrays[name]))
        both = {level: forecasts[level] for level in added}
        both |= ArrayReader(self.target).forecasts(old.key)
        lost = {level: reason for level, reason in old.lost.items() if level not in added}
        row = replace(old, held=old.held | added, lost=lost)
        return _FinishedCell(row, kept | more, {name: npz(pack_forecasts(both))})

    def add_runs(self) -> None:
        """Add the runs that the target does not have, with their plans."""
        for name, run in self.incoming.runs.items():
            planned = self.incoming.planned.get(name, [])
            present = [cell for cell in planned if cell.key in self.incoming.cells]
            missing = len(planned) - len(present)
            if missing:
                self.messages.append(
                    f"{missing} of {len(planned)} planned cells of run {name} are missing"
                )
            if name not in self.existing.runs:
                same_run = planned_table.c.run == name
                self.connection.execute(sa.delete(planned_table).where(same_run))
                self.connection.execute(sa.insert(run_table).values(encode(run)))
                if present:
                    rows = [asdict(cell) for cell in present]
                    self.connection.execute(sa.insert(planned_table), rows)

    def add_baselines(self) -> None:
        """Add the baselines that the target does not have; note those that differ."""
        for name, baseline in self.incoming.baselines.items():
            if name not in self.existing.baselines:
                self.connection.execute(sa.insert(baseline_table).values(asdict(baseline)))
            elif self.existing.baselines[name].text != baseline.text:
                self.messages.append(f"the baseline {name} differs: the target's is kept")


def _differ(one: StoredRecord, other: StoredRecord) -> bool:
    """Return whether two records of a metric by the same code differ; costs always may."""
    if not one.code or one.code != other.code:
        return False
    return (one.value, one.status) != (other.value, other.status)


def _has_testset(store: Store, sha256: str) -> bool:
    """Return whether test rows are stored and can be read."""
    try:
        ArrayReader(store).testset(sha256)
    except Damaged:
        return False
    return True


def _arrays_of(store: Store, cell: CellResult) -> dict[str, bytes]:
    """Return the arrays of a finished cell as they are stored; `Damaged` where one is not whole."""
    arrays = ArrayReader(store)
    require_whole(cell, arrays.forecasts(cell.key), arrays.testset(cell.testset))
    names = (forecast_name(cell.key), testset_name(cell.testset))
    return {name: arrays.content(name) for name in names}
