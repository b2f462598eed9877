"""Score: forecasts in the store become records. It never sees a method.

Law 4: every planned cell x stress level x metric ends as a record: a value, `undefined` with a
reason, or `failed` with a reason.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import as_completed
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from howrobust.base.cells import CLEAN, Level
from howrobust.base.pool import Pool, TaskFailed
from howrobust.base.progress import NullProgress, Progress
from howrobust.base.records import COSTS, Record
from howrobust.distributions.predictive import Array, Forecast
from howrobust.metrics import METRICS, Metric, Undefined, evaluate
from howrobust.metrics.calibration import terciles
from howrobust.planning import entry_points
from howrobust.planning.source_closure import sources
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import read_forecasts, read_testset
from howrobust.storage.reader import RunReader
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter

SCORING_LIMIT_S = 600.0


@lru_cache
def all_metrics() -> tuple[Metric, ...]:
    """Return the built-in metrics and those of plug-ins."""
    return (
        *METRICS,
        *(entry_points.load("metrics", name) for name in entry_points.names("metrics")),
    )


def _codes() -> dict[str, str]:
    """Hashes of the metrics' source, by name."""
    return {metric.name: sources(metric.function.__module__).sha256 for metric in all_metrics()}


def unscored(run: str, store: Store) -> dict[str, list[Level]]:
    """Return the levels at which cells of a run lack a record of some metric, by key."""
    reader = RunReader(store)
    codes, known, cells = _codes(), reader.scored(run), reader.cells(run)
    trained = {cell.stress_level for cell in cells} - {CLEAN}
    levels_of_clean = [p for p in reader.run(run).levels if p not in trained]
    lacking = {}
    for cell in cells:
        have = known.get(cell.key, set())
        stressed = cell.train_stress == CLEAN[0] and cell.repeat == 0
        planned = levels_of_clean if stressed else [CLEAN]
        lacks = [p for p in planned if any((*p, *pair) not in have for pair in codes.items())]
        if lacks:
            lacking[cell.key] = lacks
    return lacking


def score_run(run: str, store: Store, pool: Pool, progress: Progress | None = None) -> None:
    """Score what a run's cells lack, in the pool, and commit it cell by cell."""
    progress = progress or NullProgress()
    codes, reader, writer = _codes(), RunReader(store), RunWriter(store)
    cells = reader.cells(run)
    known, lacking = reader.scored(run), unscored(run, store)
    progress.begin(len(cells), len(cells) - len(lacking), "score")
    futures = {}
    for cell in cells:
        levels = lacking.get(cell.key, [])
        here = [level for level in levels if level in cell.held]
        lost = [level for level in levels if level not in cell.held]
        for level in lost:
            reason = cell.lost.get(level) or cell.reason or "the cell was not fitted"
            writer.commit_records(cell.key, failed_records(level, reason, codes))
        if here:
            paths = ArrayReader(store).fetch(cell.key, cell.testset)
            future = pool.submit(score_cell, *paths, here, codes, limit_s=SCORING_LIMIT_S)
            futures[future] = (cell, here)
        elif lost:
            progress.advance(0, 1, cell.dataset)
    for future in as_completed(futures):
        cell, here = futures[future]
        try:
            records = future.result()
        except Exception as error:  # a time limit, a dead worker or a damaged file
            reason = f"scoring failed: {TaskFailed.of(error)}"
            have = known.get(cell.key, set())
            records = unfinished_records(here, reason, codes, have)
        writer.commit_records(cell.key, records)
        progress.advance(1, 0, f"{cell.method} on {cell.dataset}")


def score_cell(
    forecasts: Path, testset: Path, levels: Sequence[Level], codes: dict[str, str]
) -> list[Record]:
    """Worker: every metric of a cell at every level."""
    held = read_forecasts(forecasts)
    test = read_testset(testset)
    groups = np.stack([terciles(column) for column in test.X.T])
    records = []
    for stress, level in levels:
        forecast = held[stress, level]
        shared = replace(forecast, groups=np.tile(groups, forecast.variants))
        y = np.tile(test.y, forecast.variants)
        records += score_forecast(shared, y, test.y_scale, stress, level)
    return [replace(record, code=codes[record.metric]) for record in records]


def score_forecast(
    forecast: Forecast, y: Array, y_scale: float, stress: str, level: float
) -> list[Record]:
    """Every metric of one forecast as a record; a metric that raises fails alone."""
    records = []
    for metric in all_metrics():
        try:
            value = evaluate(metric, forecast, y, y_scale)
        except Exception as error:
            reason = f"the metric raised {type(error).__name__}: {error}"
            records.append(Record(stress, level, metric.name, None, "failed", reason))
            continue
        if isinstance(value, Undefined):
            records.append(Record(stress, level, metric.name, None, "undefined", value.reason))
        else:
            records.append(Record(stress, level, metric.name, value, "ok"))
    return records


def unfinished_records(
    levels: Sequence[Level],
    reason: str,
    codes: dict[str, str],
    have: Collection[tuple[str, float, str, str]],
) -> list[Record]:
    """Records of what was lacking where scoring ended before its time.

    They have no code, so that the next run tries again; what the cell has already stays.
    """
    return [
        Record(stress, level, name, None, "failed", reason)
        for stress, level in levels
        for name, code in codes.items()
        if (stress, level, name, code) not in have
    ]


def failed_records(level: Level, reason: str, codes: dict[str, str]) -> list[Record]:
    """Records of a level that has no forecast: one per metric, and of the costs if it is clean."""
    rows = [
        Record(level[0], level[1], name, None, "failed", reason, code)
        for name, code in codes.items()
    ]
    costs = COSTS if level == CLEAN else ()
    return [*rows, *(Record(*CLEAN, cost, None, "failed", reason) for cost in costs)]
