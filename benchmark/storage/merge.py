"""Transfer: copying what can be read of one store into another.

An export fills a new store; a merge makes the union of several. A cell is the same cell wherever it
has the same key: what both have must agree, and what is finished stands before what failed.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from howrobust.base.cells import Level
from howrobust.base.records import CellResult
from howrobust.errors import BadInput, Damaged
from howrobust.storage.arrays import (
    forecast_name,
    npz,
    pack_forecasts,
    read_forecasts,
    testset_name,
)
from howrobust.storage.backends import is_url
from howrobust.storage.check import KINDS, address, require_whole
from howrobust.storage.rows import cell_result, row_as
from howrobust.storage.schema import (
    baseline_table,
    cell_table,
    planned_table,
    record_table,
    run_table,
)
from howrobust.storage.store import Store

Row = dict[str, Any]
RANK = {"planned": 0, "failed": 1, "ok": 2}
Measured = tuple[str, float, str]  # stress, level, metric


@dataclass
class Content:
    """What can be read of a store: rows as they are stored; ``lost``, a sentence on each loss."""

    runs: dict[str, Row] = field(default_factory=dict)
    planned: dict[str, list[Row]] = field(default_factory=dict)  # by run
    cells: dict[str, Row] = field(default_factory=dict)  # by key
    records: dict[str, dict[Measured, Row]] = field(default_factory=dict)  # by key
    baselines: dict[str, Row] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def export(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> list[str]:
    """Copy what can be read of a store into a new one; return a sentence on each thing lost.

    BadInput where the target holds results already.
    """
    if not is_url(os.fspath(target)) and Path(target).is_dir() and any(Path(target).iterdir()):
        raise BadInput(f"{target} is not empty; give a new folder, or merge into that store")
    with closing(Store(source, create=False)) as old, closing(Store(target)) as new, new.alone():
        if new.runs():
            raise BadInput(f"{new.place.name} holds results; give a new one, or merge into it")
        return _add(new, old)


def merge(target: str | os.PathLike[str], sources: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Add the runs and cells of ``sources`` to a store; return a sentence on each thing that was
    lost, and on each cell in which two differ, where the target's stays."""
    said = []
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(Store(place, create=False))) for place in sources]
        new = stack.enter_context(closing(Store(target)))
        stack.enter_context(new.alone())
        for old in opened:
            if old.place.identity == new.place.identity:
                raise BadInput(f"{new.place.name} cannot be merged with itself")
            said += _add(new, old)
    return said


def _content(store: Store) -> Content:
    """Read every row that can be read."""
    found = Content()
    rows = {table.name: list(_rows(store, table, kind, found.lost)) for table, kind in KINDS}
    found.runs = {row["run"]: row for row in rows[run_table.name]}
    for row in rows[planned_table.name]:
        found.planned.setdefault(row["run"], []).append(row)
    found.cells = {row["key"]: row for row in rows[cell_table.name]}
    for row in rows[record_table.name]:
        measured = (row["stress"], row["level"], row["metric"])
        found.records.setdefault(row["key"], {})[measured] = row
    found.baselines = {row["name"]: row for row in rows[baseline_table.name]}
    return found


def _rows(store: Store, table: sa.Table, kind: type, lost: list[str]) -> Iterator[Row]:
    """Yield the rows of a table that a run may have written.

    Where a page of SQLite is damaged, those before it are read from one end and those after it from
    the other.
    """
    found: dict[tuple[Any, ...], Row] = {}
    orders = ["rowid", "rowid DESC"] if store.engine.dialect.name == "sqlite" else ["1"]
    for order in orders:
        try:
            with store.reading() as connection:
                for row in connection.execute(sa.select(table).order_by(sa.text(order))):
                    values = {str(name): value for name, value in row._mapping.items()}
                    found[tuple(values[column.name] for column in table.primary_key)] = values
            break
        except Damaged as error:
            damage = str(error)
    else:
        lost.append(f"rows of the table {table.name}: {damage}")
    for values in found.values():
        try:
            row_as(kind, values, store.place.database)
            yield values
        except Damaged as error:
            lost.append(str(error))


def _add(target: Store, source: Store) -> list[str]:
    """Add one store to another, in one transaction; return what was lost and what differs."""
    theirs, ours = _content(source), _content(target)
    said = theirs.lost
    with target.writing() as connection:
        for cell in theirs.cells.values():
            said += _add_cell(connection, target, source, cell, theirs, ours)
        said += _add_runs(connection, theirs, ours)
        said += _add_baselines(connection, theirs, ours)
    return said


def _add_cell(
    connection: sa.Connection,
    target: Store,
    source: Store,
    cell: Row,
    theirs: Content,
    ours: Content,
) -> list[str]:
    """Add a cell: where both stores have it finished, what the target has not."""
    key, said = cell["key"], []
    records, arrays = theirs.records.get(key, {}), {}
    if cell["status"] == "ok":
        try:
            arrays = _arrays_of(source, cell)
        except Damaged as error:
            said.append(f"{address(_result(cell))} is to be fitted again: {error}")
            cell, records = _unfitted(cell), {}
    mine, damaged = ours.cells.get(key, _unfitted(cell)), False
    if mine["status"] == "ok":
        try:
            _arrays_of(target, mine)
        except Damaged as error:
            said.append(f"{address(_result(mine))} was damaged in the target: {error}")
            mine, damaged = _unfitted(mine), True
    if cell["status"] == mine["status"] == "ok":
        cell, records, arrays, differing = _united(target, mine, cell, arrays, ours, theirs)
        said += differing
    elif RANK[cell["status"]] <= RANK[mine["status"]] and key in ours.cells:
        return said
    for table in (cell_table, record_table):
        connection.execute(sa.delete(table).where(table.c.key == key))
    connection.execute(sa.insert(cell_table).values(**cell))
    if records:
        connection.execute(sa.insert(record_table), list(records.values()))
    for name, content in arrays.items():
        if damaged or name == forecast_name(key) or not _reads(target, cell["testset"]):
            target.place.keep(connection, name, content)
    return said


def _reads(store: Store, testset: str) -> bool:
    """Whether test rows are there, and whole: others of the store's cells rest on them."""
    try:
        store.held_out(testset)
    except Damaged:
        return False
    return True


def _united(
    target: Store, mine: Row, cell: Row, arrays: dict[str, bytes], ours: Content, theirs: Content
) -> tuple[Row, dict[Measured, Row], dict[str, bytes], list[str]]:
    """Return a cell that both stores have finished: row, records, arrays to keep, differences.

    Levels that the target has stay as they are, records of them are added.
    """
    here, there = (content.records.get(cell["key"], {}) for content in (ours, theirs))
    held, more = dict(_held(mine)), dict(_held(cell))
    added = {place: code for place, code in more.items() if place not in held}
    same = {place for place, code in more.items() if held.get(place) == code}
    fresh = {m: r for m, r in there.items() if m not in here and m[:2] in added.keys() | same}
    differing = sorted({m[2] for m in here.keys() & there.keys() if _differ(here[m], there[m])})
    said = []
    if differing:
        said.append(
            f"{address(_result(cell))} differs in {', '.join(differing)}: the target's stays"
        )
    kept = {}
    if added:
        name = forecast_name(cell["key"])
        forecasts = read_forecasts(BytesIO(arrays[name]))
        both = {place: forecasts[place] for place in added} | target.forecasts(cell["key"])
        kept[name] = npz(pack_forecasts(both))
        lost = [row for row in json.loads(mine["lost"]) if (row[0], row[1]) not in added]
        whole = [[*place, code] for place, code in {**held, **added}.items()]
        mine = {**mine, "held": json.dumps(whole), "lost": json.dumps(lost)}
        # What the target recorded of a level that it lost makes way.
        here = {m: r for m, r in here.items() if m[:2] not in added}
        fresh |= {m: r for m, r in there.items() if m[:2] in added}
    return mine, {**here, **fresh}, kept, said


def _differ(one: Row, other: Row) -> bool:
    """Whether two records of the same metric, by the same code, differ; costs always may."""
    if not one["code"] or one["code"] != other["code"]:
        return False
    return (one["value"], one["status"]) != (other["value"], other["status"])


def _result(cell: Row) -> CellResult:
    return cell_result(cell, "the store")


def _held(cell: Row) -> list[tuple[Level, str]]:
    """Levels that a cell's row says have a forecast, each with the code of its stress."""
    return [((stress, level), code) for stress, level, code in json.loads(cell["held"])]


def _arrays_of(store: Store, cell: Row) -> dict[str, bytes]:
    """Return the arrays of a finished cell as they are stored; `Damaged` where one is not whole."""
    forecasts, test = store.forecasts(cell["key"]), store.held_out(cell["testset"])
    require_whole(dict(_held(cell)), forecasts, test)
    names = (forecast_name(cell["key"]), testset_name(cell["testset"]))
    return {name: store.content(name) for name in names}


def _unfitted(cell: Row) -> Row:
    """Return the row of a cell as a plan makes it: the next run fits it."""
    empty = {"testset": "", "kind": "", "reason": "", "traceback": ""}
    return {**cell, **empty, "status": "planned", "held": "[]", "lost": "[]", "facts": "{}"}


def _add_runs(connection: sa.Connection, theirs: Content, ours: Content) -> list[str]:
    """Add the runs that the target has not, with their plans."""
    said = []
    for name, run in theirs.runs.items():
        planned = theirs.planned.get(name, [])
        gone = [row for row in planned if row["key"] not in theirs.cells]
        if gone:
            said.append(f"{len(gone)} of {len(planned)} planned cells of run {name} are not there")
        if name not in ours.runs:
            connection.execute(sa.delete(planned_table).where(planned_table.c.run == name))
            connection.execute(sa.insert(run_table).values(**run))
            there = [row for row in planned if row["key"] in theirs.cells]
            if there:
                connection.execute(sa.insert(planned_table), there)
    return said


def _add_baselines(connection: sa.Connection, theirs: Content, ours: Content) -> list[str]:
    """Add the baselines that the target has not; name those that differ."""
    said = []
    for name, row in theirs.baselines.items():
        if name not in ours.baselines:
            connection.execute(sa.insert(baseline_table).values(**row))
        elif ours.baselines[name]["text"] != row["text"]:
            said.append(f"the baseline {name} differs: the target's stays")
    return said
