"""The store: what a run left behind, in one folder.

``store.sqlite`` holds runs, cells and records (SQLAlchemy Core; SQLite in WAL mode; one writer, the
parent). ``forecasts/<key>.npz`` holds the per-point summaries of a cell, ``testsets/<sha>.npz`` the
test rows they belong to. Arrays are plain: nothing is unpickled. A file is written under another
name and renamed, so a file that is there is whole.
"""

import json
import os
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from howrobust.cells import CLEAN, Cell, Level
from howrobust.errors import BadInput
from howrobust.plan import Plan
from howrobust.predictive import Array, Forecast

SCHEMA_VERSION = 2
DAMAGE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)

metadata = sa.MetaData()
schema_table = sa.Table("schema", metadata, sa.Column("version", sa.Integer, nullable=False))
run_table = sa.Table(
    "run",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("suite", sa.Text, nullable=False),
    sa.Column("seed", sa.Text, nullable=False),
    sa.Column("started", sa.Integer, nullable=False),
    sa.Column("levels", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("methods", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("took_s", sa.Float, nullable=False, server_default="0"),
)
planned_table = sa.Table(
    "planned",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
)
cell_table = sa.Table(
    "cell",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("split", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("train_stress", sa.Text, nullable=False),
    sa.Column("level", sa.Float, nullable=False),
    sa.Column("repeat", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # planned, ok or failed
    sa.Column("held", sa.Text, nullable=False),  # [[stress, level, code of the stress], ...]
    sa.Column("lost", sa.Text, nullable=False),  # [[stress, level, reason], ...]
    sa.Column("testset", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("traceback", sa.Text, nullable=False),
)
record_table = sa.Table(
    "record",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("stress", sa.Text, primary_key=True),
    sa.Column("level", sa.Float, primary_key=True),
    sa.Column("metric", sa.Text, primary_key=True),
    sa.Column("value", sa.Float),
    sa.Column("status", sa.Text, nullable=False),  # ok, undefined or failed
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),  # hash of the metric's source
)


@dataclass(frozen=True)
class Record:
    """One number of one cell at one stress level: a value, or why there is none."""

    stress: str
    level: float
    metric: str
    value: float | None
    status: str
    reason: str = ""
    code: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    ``levels`` were forecast; ``lost`` are levels that failed, with the reason. ``costs`` are
    records of the fit, ``facts`` what the fit reports.
    """

    key: str
    status: str
    levels: tuple[Level, ...] = ()
    lost: tuple[tuple[Level, str], ...] = ()
    testset: str = ""
    facts: dict[str, float | list[float]] | None = None
    costs: tuple[Record, ...] = ()
    kind: str = ""
    reason: str = ""
    traceback: str = ""
    whole_stack: bool = False  # nobody knows yet which of the stack's cells is to blame


@dataclass(frozen=True)
class Files:
    """Where the arrays of a store are; workers write them, the database is the parent's."""

    folder: Path

    def forecast(self, key: str) -> Path:
        """File of a cell's forecasts."""
        return self.folder / "forecasts" / f"{key}.npz"

    def fitting(self, key: str) -> Path:
        """Where the fit of the stack that begins with this cell says how far it is."""
        return self.folder / "fitting" / key

    def testset(self, sha256: str) -> Path:
        """File of a test set."""
        return self.folder / "testsets" / f"{sha256}.npz"


class Store:
    """A folder with the results of runs; made where there is none.

    Raises BadInput for a folder that cannot be written, or a store that is corrupt or newer.
    """

    def __init__(self, folder: str | os.PathLike[str], create: bool = True) -> None:
        self.folder = Path(folder)
        self.files = Files(self.folder.absolute())  # workers may have another working directory
        self.database = self.folder / "store.sqlite"
        if not create and not self.database.is_file():
            raise BadInput(f"{self.folder} holds no results; give the folder of a finished run")
        with self._explained():
            for name in ("", "forecasts", "testsets", "fitting"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            url = sa.URL.create("sqlite", database=str(self.database))
            self.engine = sa.create_engine(url)
            sa.event.listen(self.engine, "connect", _prepare_connection)
            with self.engine.begin() as connection:
                metadata.create_all(connection)
                version = connection.execute(sa.select(schema_table.c.version)).scalar()
                if version is None:
                    connection.execute(sa.insert(schema_table).values(version=SCHEMA_VERSION))
                elif version == 1:
                    version = _upgrade(connection)
        if version not in (None, SCHEMA_VERSION):
            raise BadInput(
                f"{self.database} has schema {version}, this howrobust reads {SCHEMA_VERSION}; "
                "use another --out"
            )

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the disk or the database says into one sentence."""
        try:
            yield
        except OSError as error:
            raise BadInput(
                f"{self.folder} cannot be written ({error.strerror}); choose another --out"
            ) from None
        except sa.exc.DatabaseError as error:
            raise BadInput(
                f"the store {self.database} cannot be used ({error.orig}); "
                "free some space, move it aside, or choose another --out"
            ) from None

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        with self._explained(), self.engine.begin() as connection:
            yield connection

    def start_run(self, plan: Plan, environment: dict[str, str], started: int) -> None:
        """Write down the plan; a run of the same name is replaced, its cells and its time stay."""
        levels = json.dumps(plan.levels)
        with self._begin() as connection:
            query = sa.select(run_table.c.took_s).where(run_table.c.run == plan.run)
            took_s = connection.execute(query).scalar() or 0.0
            for table in (run_table, planned_table):
                connection.execute(sa.delete(table).where(table.c.run == plan.run))
            connection.execute(
                sa.insert(run_table).values(
                    run=plan.run,
                    suite=plan.suite,
                    seed=str(plan.seed),
                    started=started,
                    levels=levels,
                    data=json.dumps([asdict(d) for d in plan.data]),
                    methods=json.dumps(plan.methods),
                    environment=json.dumps(environment),
                    took_s=took_s,
                )
            )
            rows = [
                {"run": plan.run, "key": c.key, "position": k} for k, c in enumerate(plan.cells)
            ]
            connection.execute(sa.insert(planned_table), rows)
            known = set(connection.execute(sa.select(cell_table.c.key)).scalars())
            fresh = [_planned_row(cell) for cell in plan.cells if cell.key not in known]
            if fresh:
                connection.execute(sa.insert(cell_table), fresh)

    def add_time(self, run: str, seconds: float) -> None:
        """Add to the time that a run has taken, over all its starts."""
        t = run_table.c
        with self._begin() as connection:
            more = {"took_s": t.took_s + seconds}
            connection.execute(sa.update(run_table).where(t.run == run).values(**more))

    def held(self) -> dict[str, dict[Level, str]]:
        """Return the levels at which each finished cell has a forecast, and the stress's code."""
        t = cell_table.c
        with self._begin() as connection:
            rows = connection.execute(
                sa.select(t.key, t.held, t.testset).where(t.status == "ok")
            ).all()
        return {
            key: {(stress, level): code for stress, level, code in json.loads(text)}
            for key, text, testset in rows
            if self.files.forecast(key).is_file() and self.files.testset(testset).is_file()
        }

    def forget(self, run: str, keys: Sequence[str]) -> None:
        """Forget a run, its cells and their records, so that they are fitted again."""
        for key in keys:
            self.files.forecast(key).unlink(missing_ok=True)
        with self._begin() as connection:
            connection.execute(sa.delete(run_table).where(run_table.c.run == run))
            for table in (cell_table, record_table):
                for part in _chunks(keys):
                    connection.execute(sa.delete(table).where(table.c.key.in_(part)))

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
        with self._begin() as connection:
            query = sa.select(t.status, t.held, t.lost).where(t.key == outcome.key)
            status, held_text, lost_text = connection.execute(query).one()
            held = {(stress, level): code for stress, level, code in json.loads(held_text)}
            lost = {(stress, level): reason for stress, level, reason in json.loads(lost_text)}
            if outcome.status == "failed" and status == "ok":
                row = {}  # the earlier fit stands; only the new levels are lost
                stale = [p for p in wanted if held.get(p) not in (None, codes[p[0]])]
                held = {place: code for place, code in held.items() if place not in stale}
                lost |= {level: outcome.reason for level in wanted if level not in held}
            elif outcome.status == "ok":
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

    def commit_records(self, key: str, records: Sequence[Record]) -> None:
        """Store a cell's records, replacing those of the same stress, level and metric."""
        with self._begin() as connection:
            _insert_records(connection, key, records)

    def runs(self) -> list[str]:
        """Names of the runs, the latest last."""
        with self._begin() as connection:
            query = sa.select(run_table.c.run).order_by(run_table.c.started, sa.text("rowid"))
            return list(connection.execute(query).scalars())

    def run(self, name: str) -> dict[str, Any]:
        """Return what is known of a run: suite, seed, levels, data, methods, environment, time."""
        with self._begin() as connection:
            row = connection.execute(sa.select(run_table).where(run_table.c.run == name)).one()
        found = dict(row._mapping)
        for column in ("levels", "data", "methods", "environment"):
            found[column] = json.loads(found[column])
        return found

    def cells(self, run: str) -> list[dict[str, Any]]:
        """Return the planned cells of a run, in the plan's order."""
        query = (
            sa.select(cell_table)
            .join(planned_table, planned_table.c.key == cell_table.c.key)
            .where(planned_table.c.run == run)
            .order_by(planned_table.c.position)
        )
        with self._begin() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        for row in rows:
            row["facts"] = json.loads(row["facts"])
            for name in ("held", "lost"):
                row[name] = {(s, level): text for s, level, text in json.loads(row[name])}
        return rows

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
            .order_by(planned_table.c.position, record_table.c.metric)
        )
        place = {tuple(pair): k for k, pair in enumerate(self.run(run)["levels"])}
        with self._begin() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
        for row in rows:
            own = (row.pop("train_stress"), row.pop("train_level"))
            if own != CLEAN:  # what such a cell forecasts on clean rows is its stress's
                row["stress"], row["level"] = own
        rows = [row for row in rows if (row["stress"], row["level"]) in place]
        rows.sort(key=lambda row: (row["position"], place[row["stress"], row["level"]]))
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
        with self._begin() as connection:
            for key, *rest in connection.execute(query):
                found.setdefault(key, set()).add(tuple(rest))
        return found


def _prepare_connection(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _upgrade(connection: sa.Connection) -> int:
    """Bring a store of schema 1 to 2, where a run says how long it took."""
    connection.execute(sa.text("ALTER TABLE run ADD COLUMN took_s FLOAT NOT NULL DEFAULT 0"))
    connection.execute(sa.update(schema_table).values(version=SCHEMA_VERSION))
    return SCHEMA_VERSION


def _planned_row(cell: Cell) -> dict[str, Any]:
    row = {f.name: getattr(cell, f.name) for f in fields(cell) if f.name != "fit_seed"}
    empty = {"testset": "", "kind": "", "reason": "", "traceback": ""}
    return {**row, **empty, "status": "planned", "held": "[]", "lost": "[]", "facts": "{}"}


def _insert_records(connection: sa.Connection, key: str, records: Sequence[Record]) -> None:
    if not records:
        return
    t = record_table
    for metric in {(r.stress, r.level) for r in records}:
        names = [r.metric for r in records if (r.stress, r.level) == metric]
        here = (t.c.key == key, t.c.stress == metric[0], t.c.level == metric[1])
        connection.execute(sa.delete(t).where(*here, t.c.metric.in_(names)))
    connection.execute(sa.insert(t), [{"key": key, **asdict(r)} for r in records])


def _chunks(keys: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


@dataclass(frozen=True)
class HeldOut:
    """Test rows as they were forecast: X (n, d) and y (n,), with what is known of clean training:
    rows, the sd of the target, and the step of a discrete target (0 for a continuous one)."""

    X: Array
    y: Array
    y_scale: float
    step: float
    n_train: int


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write an .npz in one step: a reader finds the whole file or none."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def pack_forecasts(forecasts: dict[Level, Forecast]) -> dict[str, NDArray[Any]]:
    """Name the arrays of forecasts ``stress@level/field``."""
    return {
        f"{stress}@{level}/{name.name}": np.asarray(getattr(forecast, name.name))
        for (stress, level), forecast in forecasts.items()
        for name in fields(forecast)
    }


def read_forecasts(path: Path, wanted: Sequence[Level] | None = None) -> dict[Level, Forecast]:
    """Read a cell's forecasts, those ``wanted`` or all.

    BadInput names a file that is missing or damaged.
    """
    prefixes = None if wanted is None else tuple(f"{stress}@{v}/" for stress, v in wanted)
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = [n for n in archive.files if prefixes is None or n.startswith(prefixes)]
            arrays = {name: archive[name] for name in names}
    except DAMAGE as error:
        raise BadInput(f"the forecasts in {path} cannot be read ({error}); use --fresh") from None
    grouped: dict[Level, dict[str, Any]] = {}
    for name, array in arrays.items():
        place, _, part = name.partition("/")
        stress, _, level = place.rpartition("@")
        value = array if array.ndim else array.item()
        grouped.setdefault((stress, float(level)), {})[part] = value
    return {place: Forecast(**parts) for place, parts in grouped.items()}


def read_testset(path: Path) -> HeldOut:
    """Read a test set; BadInput names a file that is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            scale, step = float(archive["y_scale"]), float(archive["step"])
            return HeldOut(archive["X"], archive["y"], scale, step, int(archive["n_train"]))
    except DAMAGE as error:
        raise BadInput(f"the test rows in {path} cannot be read ({error}); use --fresh") from None
