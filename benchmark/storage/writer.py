"""Writing runs, cells and records to a store: one transaction per call."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import sqlalchemy as sa

from howrobust.base.cells import Cell, Level
from howrobust.base.facts import MetricFacts
from howrobust.base.records import CellResult, Outcome, Record, RunInfo
from howrobust.storage.arrays import forecast_name, testset_name
from howrobust.storage.rows import PlannedCell, decode, encode, unfitted
from howrobust.storage.schema import cell_table, planned_table, record_table, run_table
from howrobust.storage.store import Store, in_chunks


class RunWriter:
    """Writes to the tables and arrays of a store.

    Parameters
    ----------
    store : Store
        The store, inside `Store.exclusive`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._backend = store.backend

    def start_run(self, info: RunInfo, cells: Sequence[Cell]) -> None:
        """Store the plan of a run.

        Cells that are stored already stay as they are; the time that a run of the same name has
        taken is kept.

        Parameters
        ----------
        info : RunInfo
            Description of the run.
        cells : sequence of Cell
            Its planned cells, in order.
        """
        with self._store.writing() as connection:
            query = sa.select(run_table.c.took_s).where(run_table.c.run == info.run)
            took_s = connection.execute(query).scalar() or 0.0
            for table in (run_table, planned_table):
                connection.execute(sa.delete(table).where(table.c.run == info.run))
            connection.execute(sa.insert(run_table).values(encode(replace(info, took_s=took_s))))
            planned = [
                asdict(PlannedCell(info.run, cell.key, position))
                for position, cell in enumerate(cells)
            ]
            connection.execute(sa.insert(planned_table), planned)
            stored = set(connection.execute(sa.select(cell_table.c.key)).scalars())
            new = [encode(unfitted(cell)) for cell in cells if cell.key not in stored]
            if new:
                connection.execute(sa.insert(cell_table), new)

    def add_time(self, run: str, seconds: float) -> None:
        """Add to the time that a run has taken.

        Parameters
        ----------
        run : str
            Name of the run.
        seconds : float
            Wall-clock time of its last start, s.
        """
        took_s = run_table.c.took_s + seconds
        update = sa.update(run_table).where(run_table.c.run == run).values(took_s=took_s)
        with self._store.writing() as connection:
            connection.execute(update)

    def set_reused(self, run: str, cells: int) -> None:
        """Store how many cells of a run were finished before its last start.

        Parameters
        ----------
        run : str
            Name of the run.
        cells : int
            Number of those cells.
        """
        update = sa.update(run_table).where(run_table.c.run == run).values(reused=cells)
        with self._store.writing() as connection:
            connection.execute(update)

    def add_metrics(self, run: str, metrics: Sequence[MetricFacts]) -> None:
        """Add facts of metrics to those that a run states.

        Parameters
        ----------
        run : str
            Name of the run.
        metrics : sequence of MetricFacts
            The facts; they replace those of a metric of the same name.
        """
        with self._store.writing() as connection:
            row = connection.execute(sa.select(run_table).where(run_table.c.run == run)).one()
            info = decode(RunInfo, row._mapping, self._backend.database)
            stated = {each.name: each for each in (*info.metrics, *metrics)}
            if tuple(stated.values()) == info.metrics:
                return
            text = encode(replace(info, metrics=tuple(stated.values())))["metrics"]
            update = sa.update(run_table).where(run_table.c.run == run).values(metrics=text)
            connection.execute(update)

    def commit(self, outcome: Outcome, codes: dict[str, str], levels: Sequence[Level]) -> None:
        """Store the outcome of fitting and forecasting a cell.

        What an earlier run has stored of the cell stays: forecasts at other levels, and after a
        failure all that are up to date.

        Parameters
        ----------
        outcome : Outcome
            The outcome, whose arrays are in `Store.files`.
        codes : dict of str to str
            Hash of each stress's source, by name.
        levels : sequence of Level
            The levels at which the cell was to be forecast.
        """
        t = cell_table.c
        with self._store.writing() as connection:
            row = connection.execute(sa.select(cell_table).where(t.key == outcome.key)).one()
            before = decode(CellResult, row._mapping, self._backend.database)
            if outcome.status == "ok":
                self._save_arrays(connection, outcome)
                after = _after_success(before, outcome, codes)
                outdated = {*outcome.levels, *after.lost}
            else:
                after = _after_failure(before, outcome, codes, levels)
                outdated = {*levels} - after.held.keys()
            for level in outdated:
                connection.execute(sa.delete(record_table).where(*_records_at(outcome.key, level)))
            update = sa.update(cell_table).where(t.key == outcome.key).values(encode(after))
            connection.execute(update)
            _insert_records(connection, outcome.key, outcome.costs)

    def _save_arrays(self, connection: sa.Connection, outcome: Outcome) -> None:
        self._backend.save(connection, forecast_name(outcome.key))
        name = testset_name(outcome.testset)
        if not self._backend.has(connection, name):  # equal, whichever worker wrote them
            self._backend.save(connection, name)

    def commit_records(self, key: str, records: Sequence[Record]) -> None:
        """Store records of a cell.

        Records of the same stress, level, metric, feature and segment are replaced.

        Parameters
        ----------
        key : str
            Key of the cell.
        records : sequence of Record
            The records.
        """
        with self._store.writing() as connection:
            _insert_records(connection, key, records)

    def forget(self, run: str, keys: Sequence[str]) -> None:
        """Remove a run, and cells with their records and arrays.

        The next run fits them again. Other cells of the same test rows count as unfinished until
        those rows are stored again.

        Parameters
        ----------
        run : str
            Name of the run.
        keys : sequence of str
            Keys of the cells.
        """
        t = cell_table.c
        with self._store.writing() as connection:
            for table in (run_table, planned_table):
                connection.execute(sa.delete(table).where(table.c.run == run))
            for chunk in in_chunks(keys):
                query = sa.select(t.testset).where(t.key.in_(chunk), t.testset != "")
                testsets = [testset_name(each) for each in connection.execute(query).scalars()]
                for table in (cell_table, record_table):
                    connection.execute(sa.delete(table).where(table.c.key.in_(chunk)))
                self._backend.delete(connection, [*map(forecast_name, chunk), *testsets])


def _after_success(before: CellResult, outcome: Outcome, codes: dict[str, str]) -> CellResult:
    """Return a cell after it was fitted; levels that it held before stay, unless they failed."""
    failed = dict(outcome.lost)
    held = before.held | {level: codes[level[0]] for level in outcome.levels}
    held = {level: code for level, code in held.items() if level not in failed}
    lost = {level: reason for level, reason in before.lost.items() if level not in held} | failed
    return replace(
        before,
        status="ok",
        held=held,
        lost=lost,
        testset=outcome.testset,
        facts=before.facts | (outcome.facts or {}),
        kind="",
        reason="",
        traceback="",
    )


def _after_failure(
    before: CellResult, outcome: Outcome, codes: dict[str, str], levels: Sequence[Level]
) -> CellResult:
    """Return a cell after a fit of it failed; an earlier fit stays, only new levels are lost."""
    if before.status != "ok":
        return replace(
            before,
            status="failed",
            testset="",
            facts={},
            kind=outcome.kind,
            reason=outcome.reason,
            traceback=outcome.traceback,
        )
    held = {
        level: code
        for level, code in before.held.items()
        if level not in levels or code == codes[level[0]]
    }
    lost = before.lost | {level: outcome.reason for level in levels if level not in held}
    return replace(before, held=held, lost=lost)


def _records_at(key: str, level: Level) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions that select the records of a cell at a level."""
    t = record_table.c
    return t.key == key, t.stress == level[0], t.level == level[1]


def _insert_records(connection: sa.Connection, key: str, records: Sequence[Record]) -> None:
    """Insert records of a cell in place of those of the same address and metric."""
    t = record_table.c
    metrics: dict[tuple[Level, str, str], list[str]] = {}
    for record in records:
        place = (record.stress, record.level), record.feature, record.segment
        metrics.setdefault(place, []).append(record.metric)
    for (level, feature, segment), names in metrics.items():
        part = t.feature == feature, t.segment == segment, t.metric.in_(names)
        connection.execute(sa.delete(record_table).where(*_records_at(key, level), *part))
    if records:
        rows = [{"key": key, **asdict(record)} for record in records]
        connection.execute(sa.insert(record_table), rows)
