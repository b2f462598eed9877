"""The store: what a run left behind, in a folder or a database.

Tables hold runs, cells and records (SQLAlchemy Core, one writer: the parent); the per-point
summaries of a cell and the test rows they belong to are arrays. `howrobust.storage.backends` says where.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from time import time_ns
from typing import Any

import sqlalchemy as sa

from howrobust.base.cells import CLEAN, Cell, Level
from howrobust.base.records import CellResult, Outcome, Record, RunInfo
from howrobust.distributions.forecast import Forecast
from howrobust.errors import BadInput, Damaged
from howrobust.storage.arrays import (
    Files,
    HeldOut,
    forecast_name,
    read_forecasts,
    read_testset,
    testset_name,
)
from howrobust.storage.backends import place_of
from howrobust.storage.rows import JSON, HeldRow, PlacedRecord, cell_result, row_as, rows_as
from howrobust.storage.schema import (
    VERSION,
    baseline_table,
    cell_table,
    make_tables,
    planned_table,
    record_table,
    run_table,
    version_of,
)


class Store:
    """The results of runs, in a folder or the database of a URL; made where there are none.

    Raises BadInput for a place that cannot be used or a store of another schema, and `Damaged` for
    one that is corrupt.
    """

    def __init__(self, place: str | os.PathLike[str], create: bool = True) -> None:
        self.place = place_of(place)
        self._session: sa.Connection | None = None
        with self._explained():
            self.engine = self.place.engine(create)
            self._writer = self.engine.execution_options(writes=True)
            with self.reading() as connection:
                version = version_of(connection)
            if version is None and not create:
                raise BadInput(f"{self.place.name} holds no results; run a suite there first")
            if version is None:
                with self.writing() as connection:
                    make_tables(connection)
        if version not in (None, VERSION):
            raise BadInput(
                f"{self.place.database} has schema {version}, this howrobust reads {VERSION}; "
                f"use the version of howrobust that wrote it, or {self.place.remedy}"
            )

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()

    @property
    def files(self) -> Files:
        """Where workers find arrays and leave them."""
        return self.place.files

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only writer; BadInput where another process is."""
        with ExitStack() as stack:
            with self._explained():
                self._session = stack.enter_context(self.place.alone(self.engine))
            try:
                yield
            finally:
                self._session = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the disk or the database says into one sentence."""
        try:
            yield
        except OSError as error:
            raise BadInput(
                f"{self.place.name} cannot be written ({error.strerror or error}); "
                f"{self.place.remedy}"
            ) from None
        except sa.exc.DBAPIError as error:
            said = " ".join(str(error.orig).split())
            raise Damaged(
                f"the store {self.place.database} cannot be used ({said}); {self.place.way_out}"
            ) from None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Begin a transaction that reads."""
        with self._explained(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Begin a transaction that writes; on the connection that holds the lock, where one does.

        Another one might still write when that is lost, and the lock with it.
        """
        with self._explained():
            if self._session is None:
                with self._writer.begin() as connection:
                    yield connection
            else:
                with self._session.begin():
                    yield self._session

    def start_run(self, info: RunInfo, cells: Sequence[Cell]) -> None:
        """Write down a run and its cells; of one with the same name, cells and time stay."""
        with self.writing() as connection:
            query = sa.select(run_table.c.took_s).where(run_table.c.run == info.run)
            took_s = connection.execute(query).scalar() or 0.0
            for table in (run_table, planned_table):
                connection.execute(sa.delete(table).where(table.c.run == info.run))
            row = {
                name: json.dumps(value) if name in JSON else value
                for name, value in asdict(replace(info, took_s=took_s)).items()
            }
            connection.execute(sa.insert(run_table).values(row))
            planned = [
                {"run": info.run, "key": cell.key, "position": k} for k, cell in enumerate(cells)
            ]
            connection.execute(sa.insert(planned_table), planned)
            known = set(connection.execute(sa.select(cell_table.c.key)).scalars())
            fresh = [_planned_row(cell) for cell in cells if cell.key not in known]
            if fresh:
                connection.execute(sa.insert(cell_table), fresh)

    def add_time(self, run: str, seconds: float) -> None:
        """Add to the time that a run has taken, over all its starts."""
        t = run_table.c
        with self.writing() as connection:
            more = {"took_s": t.took_s + seconds}
            connection.execute(sa.update(run_table).where(t.run == run).values(**more))

    def count_reused(self, run: str, cells: int) -> None:
        """Keep how many of a run's cells were finished before it was started last."""
        with self.writing() as connection:
            changed = sa.update(run_table).where(run_table.c.run == run).values(reused=cells)
            connection.execute(changed)

    def held(self) -> dict[str, dict[Level, str]]:
        """Return the levels at which each finished cell has a forecast, and the stress's code."""
        t = cell_table.c
        with self.reading() as connection:
            rows = connection.execute(
                sa.select(t.key, t.held, t.testset).where(t.status == "ok")
            ).all()
            there = self.place.held(connection)
        cells = [row_as(HeldRow, row._mapping, self.place.database) for row in rows]
        return {
            cell.key: {(stress, level): code for stress, level, code in cell.held}
            for cell in cells
            if {forecast_name(cell.key), testset_name(cell.testset)} <= there
        }

    def forget(self, run: str, keys: Sequence[str]) -> None:
        """Forget a run, its cells, their records and arrays, so that they are fitted again.

        Other cells of the same test rows are finished again once those are.
        """
        with self.writing() as connection:
            for table in (run_table, planned_table):
                connection.execute(sa.delete(table).where(table.c.run == run))
            for part in _chunks(keys):
                query = sa.select(cell_table.c.testset).where(cell_table.c.key.in_(part))
                tests = [testset_name(t) for t in connection.execute(query).scalars() if t]
                for table in (cell_table, record_table):
                    connection.execute(sa.delete(table).where(table.c.key.in_(part)))
                self.place.drop(connection, [*map(forecast_name, part), *tests])

    def lay_out(self, keys: Sequence[str]) -> None:
        """Leave where workers look what is held of these cells, and nothing that is not."""
        t = cell_table.c
        with self.reading() as connection:
            for part in _chunks(keys):
                query = sa.select(t.key).where(t.key.in_(part), t.held != "[]")
                held = set(connection.execute(query).scalars())
                for key in part:
                    name = forecast_name(key)
                    if key in held and self.place.has(connection, name):
                        self.place.bring(connection, name)
                    else:
                        self.files.forecast(key).unlink(missing_ok=True)

    def fetch(self, key: str, testset: str) -> tuple[Path, Path]:
        """Lay a finished cell's forecasts and test rows where workers look; return the files."""
        with self.reading() as connection:
            for name in (forecast_name(key), testset_name(testset)):
                self.place.bring(connection, name)
        return self.files.forecast(key), self.files.testset(testset)

    def forecasts(self, key: str, wanted: Sequence[Level] | None = None) -> dict[Level, Forecast]:
        """Read a finished cell's forecasts, those ``wanted`` or all; raises `Damaged`."""
        name = forecast_name(key)
        with self.reading() as connection:
            source = self.place.source(connection, name)
        return read_forecasts(source, wanted, f"{self.place.name} ({name})")

    def content(self, name: str) -> bytes:
        """Return an array as it is stored; `Damaged` where it is not there."""
        with self.reading() as connection:
            source = self.place.source(connection, name)
            return source.read_bytes() if isinstance(source, Path) else source.getvalue()

    def held_out(self, testset: str) -> HeldOut:
        """Read the test rows of a finished cell; raises `Damaged`."""
        name = testset_name(testset)
        with self.reading() as connection:
            source = self.place.source(connection, name)
        return read_testset(source, f"{self.place.name} ({name})")

    def commit(self, outcome: Outcome, codes: dict[str, str], wanted: Sequence[Level]) -> None:
        """Store what became of a cell that was to be forecast at the ``wanted`` levels.

        What an earlier run left of the cell stays: forecasts at other levels, and all of them where
        this attempt failed. ``codes`` are hashes of the stresses' source.
        """
        t = cell_table.c
        row = {
            "status": outcome.status,
            "testset": outcome.testset,
            "facts": json.dumps(outcome.facts or {}),
            "kind": outcome.kind,
            "reason": outcome.reason,
            "traceback": outcome.traceback,
        }
        with self.writing() as connection:
            found = connection.execute(sa.select(cell_table).where(t.key == outcome.key)).one()
            before = self.cell(found)
            held, lost = before.held, before.lost
            if outcome.status == "failed" and before.status == "ok":
                row = {}  # the earlier fit stands; only the new levels are lost
                stale = [p for p in wanted if held.get(p) not in (None, codes[p[0]])]
                held = {place: code for place, code in held.items() if place not in stale}
                lost |= {level: outcome.reason for level in wanted if level not in held}
            elif outcome.status == "ok":
                self._keep_arrays(connection, outcome)
                held |= {level: codes[level[0]] for level in outcome.levels}
                # What an older stress made of a level is no forecast of the one that failed.
                held = {p: code for p, code in held.items() if p not in dict(outcome.lost)}
                lost = {k: v for k, v in lost.items() if k not in held} | dict(outcome.lost)
            touched = (
                {*outcome.levels, *lost} if outcome.status == "ok" else {*wanted} - held.keys()
            )
            for stress, level in touched:
                r = record_table.c
                here = (r.key == outcome.key, r.stress == stress, r.level == level)
                connection.execute(sa.delete(record_table).where(*here))
            row["held"] = json.dumps([[*place, code] for place, code in held.items()])
            row["lost"] = json.dumps([[*place, reason] for place, reason in lost.items()])
            connection.execute(sa.update(cell_table).where(t.key == outcome.key).values(**row))
            _insert_records(connection, outcome.key, outcome.costs)

    def _keep_arrays(self, connection: sa.Connection, outcome: Outcome) -> None:
        """Keep what a worker has left of a cell; test rows are the same whoever writes them."""
        self.place.keep(connection, forecast_name(outcome.key))
        name = testset_name(outcome.testset)
        if not self.place.has(connection, name):
            self.place.keep(connection, name)

    def commit_records(self, key: str, records: Sequence[Record]) -> None:
        """Store a cell's records, replacing those of the same stress, level and metric."""
        with self.writing() as connection:
            _insert_records(connection, key, records)

    def runs(self) -> list[str]:
        """Names of the runs, the latest last."""
        with self.reading() as connection:
            query = sa.select(run_table.c.run).order_by(run_table.c.started, run_table.c.run)
            return list(connection.execute(query).scalars())

    def run(self, name: str) -> RunInfo:
        """Return what is known of a run; BadInput where it is gone, `Damaged` where it is not."""
        with self.reading() as connection:
            row = connection.execute(sa.select(run_table).where(run_table.c.run == name)).first()
        if row is None:
            raise BadInput(f"{self.place.name} no longer holds the run {name}; it is being redone")
        info: RunInfo = row_as(RunInfo, row._mapping, self.place.database)
        return info

    def cells(self, run: str) -> list[CellResult]:
        """Return the planned cells of a run, in the plan's order."""
        query = (
            sa.select(cell_table)
            .join(planned_table, planned_table.c.key == cell_table.c.key)
            .where(planned_table.c.run == run)
            .order_by(planned_table.c.position)
        )
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return [self.cell(row) for row in rows]

    def cell(self, row: sa.Row[*tuple[Any, ...]]) -> CellResult:
        """Return a row of the table of cells as a result; raises `Damaged`."""
        return cell_result(row._mapping, self.place.database)

    def records(self, run: str) -> list[dict[str, Any]]:
        """Return the records of a run's cells at its levels: by the plan, then by metric's name."""
        query = (
            sa.select(
                planned_table.c.position,
                planned_table.c.run,
                cell_table.c.dataset,
                cell_table.c.split,
                cell_table.c.method,
                cell_table.c.repeat,
                cell_table.c.train_stress,
                cell_table.c.level.label("train_level"),
                record_table.c.stress,
                record_table.c.level,
                record_table.c.metric,
                record_table.c.value,
                record_table.c.status,
                record_table.c.reason,
            )
            .join(cell_table, cell_table.c.key == planned_table.c.key)
            .join(record_table, record_table.c.key == planned_table.c.key)
            .where(planned_table.c.run == run)
        )
        place = {pair: k for k, pair in enumerate(self.run(run).levels)}
        with self.reading() as connection:
            columns = list(map(str, query.selected_columns.keys()))
            found = [dict(zip(columns, row, strict=True)) for row in connection.execute(query)]
        rows: list[dict[str, Any]] = rows_as(PlacedRecord, found, self.place.database)
        for row in rows:
            own = (row.pop("train_stress"), row.pop("train_level"))
            if own != CLEAN:  # what such a cell forecasts on clean rows is its stress's
                row["stress"], row["level"] = own
        rows = [row for row in rows if (row["stress"], row["level"]) in place]
        rows.sort(
            key=lambda row: (row["position"], place[row["stress"], row["level"]], row["metric"])
        )
        for row in rows:
            del row["position"]
        return rows

    def scored(self, run: str) -> dict[str, set[tuple[str, float, str, str]]]:
        """Return the (stress, level, metric, code) that each cell of a run already has."""
        query = (
            sa.select(
                record_table.c.key,
                record_table.c.stress,
                record_table.c.level,
                record_table.c.metric,
                record_table.c.code,
            )
            .join(planned_table, planned_table.c.key == record_table.c.key)
            .where(planned_table.c.run == run)
        )
        found: dict[str, set[tuple[str, float, str, str]]] = {}
        with self.reading() as connection:
            for key, *rest in connection.execute(query):
                found.setdefault(key, set()).add(tuple(rest))
        return found

    def save_baseline(self, name: str, text: str) -> None:
        """Keep a text under a name, in place of what had that name."""
        t = baseline_table
        with self.writing() as connection:
            connection.execute(sa.delete(t).where(t.c.name == name))
            connection.execute(sa.insert(t).values(name=name, saved=time_ns(), text=text))

    def baseline(self, name: str) -> str:
        """Return the text kept under a name; BadInput, naming those that are, if there is none."""
        query = sa.select(baseline_table.c.text).where(baseline_table.c.name == name)
        with self.reading() as connection:
            text = connection.execute(query).scalar()
        if text is None:
            known = ", ".join(known for known, _ in self.baselines()) or "none"
            raise BadInput(f"{self.place.name} has no baseline {name!r}; it has: {known}")
        return str(text)

    def baselines(self) -> list[tuple[str, int]]:
        """Names of the baselines and when each was saved (ns since 1970), the latest last."""
        t = baseline_table.c
        query = sa.select(t.name, t.saved).order_by(t.saved, t.name)
        with self.reading() as connection:
            return [(name, saved) for name, saved in connection.execute(query)]


def _planned_row(cell: Cell) -> dict[str, Any]:
    row = {f.name: getattr(cell, f.name) for f in fields(cell) if f.name != "fit_seed"}
    empty = {"testset": "", "kind": "", "reason": "", "traceback": ""}
    return {**row, **empty, "status": "planned", "held": "[]", "lost": "[]", "facts": "{}"}


def _insert_records(connection: sa.Connection, key: str, records: Sequence[Record]) -> None:
    if not records:
        return
    t = record_table
    metrics: dict[Level, list[str]] = {}
    for record in records:
        metrics.setdefault((record.stress, record.level), []).append(record.metric)
    for (stress, level), names in metrics.items():
        here = (t.c.key == key, t.c.stress == stress, t.c.level == level)
        connection.execute(sa.delete(t).where(*here, t.c.metric.in_(names)))
    connection.execute(sa.insert(t), [{"key": key, **asdict(r)} for r in records])


def _chunks(keys: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
