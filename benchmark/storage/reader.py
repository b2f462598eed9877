"""Reading runs, cells and records of a store."""

from typing import Any

import sqlalchemy as sa

from howrobust.base.cells import CLEAN, Level
from howrobust.base.records import CellResult, RunInfo
from howrobust.errors import BadInput
from howrobust.storage.arrays import forecast_name, testset_name
from howrobust.storage.rows import CellForecasts, RunRecord, decode, decode_all
from howrobust.storage.schema import cell_table, planned_table, record_table, run_table
from howrobust.storage.store import Store

# Stress, level, metric, feature, segment, hash of the metric's source.
Scored = tuple[str, float, str, str, str, str]
_RECORDS = (
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
        record_table.c.feature,
        record_table.c.segment,
        record_table.c.metric,
        record_table.c.value,
        record_table.c.status,
        record_table.c.reason,
    )
    .join(cell_table, cell_table.c.key == planned_table.c.key)
    .join(record_table, record_table.c.key == planned_table.c.key)
)
_SCORED = sa.select(
    record_table.c.key,
    record_table.c.stress,
    record_table.c.level,
    record_table.c.metric,
    record_table.c.feature,
    record_table.c.segment,
    record_table.c.code,
).join(planned_table, planned_table.c.key == record_table.c.key)


class RunReader:
    """Reads the tables of a store.

    Parameters
    ----------
    store : Store
        The store. Every method raises `Damaged` where it holds a row that no run has written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._database = store.backend.database

    def runs(self) -> list[str]:
        """Return the names of the runs, the latest last.

        Returns
        -------
        list of str
            Names in the order of their last start.
        """
        query = sa.select(run_table.c.run).order_by(run_table.c.started, run_table.c.run)
        with self._store.reading() as connection:
            return list(connection.execute(query).scalars())

    def run(self, name: str) -> RunInfo:
        """Return the description of a run.

        Parameters
        ----------
        name : str
            Name of the run.

        Returns
        -------
        RunInfo
            Its plan, command line and environment.

        Raises
        ------
        BadInput
            Where the store does not hold the run.
        """
        query = sa.select(run_table).where(run_table.c.run == name)
        with self._store.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise BadInput(
                f"{self._store.backend.name} no longer holds the run {name}; wait for the run "
                "that replaces it, or run the suite again"
            )
        return decode(RunInfo, row._mapping, self._database)

    def cells(self, run: str) -> list[CellResult]:
        """Return the planned cells of a run.

        Parameters
        ----------
        run : str
            Name of the run.

        Returns
        -------
        list of CellResult
            The cells in the order of the plan.
        """
        query = (
            sa.select(cell_table)
            .join(planned_table, planned_table.c.key == cell_table.c.key)
            .where(planned_table.c.run == run)
            .order_by(planned_table.c.position)
        )
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        return [decode(CellResult, row._mapping, self._database) for row in rows]

    def records(self, run: str) -> list[dict[str, Any]]:
        """Return the records of a run's cells at the levels of the run.

        Parameters
        ----------
        run : str
            Name of the run.

        Returns
        -------
        list of dict of str to object
            Run, address of the cell, stress, level, feature, segment, metric, value, status and
            reason by name; ordered by the plan, then by level, those of all features first, then
            by feature, segment and the metric's name.
        """
        order = {level: k for k, level in enumerate(self.run(run).levels)}
        ordered = []
        for row in self._run_records(run):
            trained = (row["train_stress"], row["train_level"])
            # Clean rows forecast by a fit under stress show the effect of that stress.
            level: Level = (row["stress"], row["level"]) if trained == CLEAN else trained
            if level in order:
                part = row["feature"], row["segment"], row["metric"]
                ordered.append((row["position"], order[level], part, level, row))
        ordered.sort(key=lambda entry: entry[:3])
        left_out = {"position", "train_stress", "train_level"}
        return [
            {name: value for name, value in row.items() if name not in left_out}
            | {"stress": stress, "level": severity}
            for *_, (stress, severity), row in ordered
        ]

    def _run_records(self, run: str) -> list[RunRecord]:
        """Return the rows of all records of a run's cells, in no order."""
        query = _RECORDS.where(planned_table.c.run == run)
        columns = list(map(str, query.selected_columns.keys()))
        with self._store.reading() as connection:
            rows = [dict(zip(columns, row, strict=True)) for row in connection.execute(query)]
        return decode_all(RunRecord, rows, self._database)

    def scored(self, run: str) -> dict[str, set[Scored]]:
        """Return what each cell of a run has records of.

        Parameters
        ----------
        run : str
            Name of the run.

        Returns
        -------
        dict of str to set of tuple
            (stress, level, metric, feature, segment, hash of the metric's source) of each record,
            by key of the cell.
        """
        scored: dict[str, set[Scored]] = {}
        with self._store.reading() as connection:
            for row in connection.execute(_SCORED.where(planned_table.c.run == run)):
                key, *record = row
                scored.setdefault(key, set()).add(tuple(record))
        return scored

    def forecast_levels(self) -> dict[str, dict[Level, str]]:
        """Return the levels at which each finished cell has a forecast.

        Returns
        -------
        dict of str to dict of Level to str
            Levels by key of the cell, each with the hash of the stress's source. Cells whose arrays
            are missing are left out.
        """
        t = cell_table.c
        query = sa.select(t.key, t.held, t.testset).where(t.status == "ok")
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
            stored = self._store.backend.array_names(connection)
        cells = [decode(CellForecasts, row._mapping, self._database) for row in rows]
        return {
            cell.key: cell.held
            for cell in cells
            if {forecast_name(cell.key), testset_name(cell.testset)} <= stored
        }
