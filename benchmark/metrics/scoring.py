"""The scoring stage: forecasts in the store are scored; no method is imported.

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
from howrobust.base.metric import Metric, Undefined, evaluate
from howrobust.base.pool import Pool, TaskFailed
from howrobust.base.progress import NullProgress, Progress
from howrobust.base.records import COSTS, Record
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.metrics.builtin import METRICS
from howrobust.metrics.group_coverage import terciles
from howrobust.planning import entry_points
from howrobust.planning.source_closure import sources
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import read_testset
from howrobust.storage.forecasts import read_forecasts
from howrobust.storage.reader import RunReader
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter

_SCORING_LIMIT_S = 600.0


@lru_cache
def all_metrics() -> tuple[Metric, ...]:
    """Return the built-in metrics and those of plug-ins.

    Returns
    -------
    tuple of Metric
        The metrics, built-in ones first.
    """
    return (
        *METRICS,
        *(entry_points.load("metrics", name) for name in entry_points.names("metrics")),
    )


def _codes() -> dict[str, str]:
    """Hashes of the metrics' source, by name."""
    return {metric.name: sources(metric.function.__module__).sha256 for metric in all_metrics()}


def unscored(run: str, store: Store) -> dict[str, list[Level]]:
    """Return the levels at which cells of a run lack a record of some metric.

    Parameters
    ----------
    run : str
        Name of the run.
    store : Store
        The store that holds it.

    Returns
    -------
    dict of str to list of Level
        Levels by the key of a cell; only cells that lack any.
    """
    reader = RunReader(store)
    codes, known, cells = _codes(), reader.scored(run), reader.cells(run)
    trained = {cell.stress_level for cell in cells} - {CLEAN}
    levels_of_clean = [level for level in reader.run(run).levels if level not in trained]
    second_rows = {facts.label for facts in reader.run(run).methods if facts.row_of}
    lacking = {}
    for cell in cells:
        scored = known.get(cell.key, set())
        clean = cell.train_stress == CLEAN[0] and cell.method not in second_rows
        stressed = clean and cell.repeat == 0
        levels = [
            level
            for level in (levels_of_clean if stressed else [CLEAN])
            if any((*level, *pair) not in scored for pair in codes.items())
        ]
        if levels:
            lacking[cell.key] = levels
    return lacking


def score_run(run: str, store: Store, pool: Pool, progress: Progress | None = None) -> None:
    """Score the cells of a run where they lack records, and commit each cell.

    Parameters
    ----------
    run : str
        Name of the run.
    store : Store
        The store that holds it.
    pool : Pool
        Where the metrics are computed.
    progress : Progress, optional
        Where progress is shown.
    """
    progress = progress or NullProgress()
    codes, reader, writer = _codes(), RunReader(store), RunWriter(store)
    cells = reader.cells(run)
    known, lacking = reader.scored(run), unscored(run, store)
    progress.begin(len(cells), len(cells) - len(lacking), "score")
    futures = {}
    for cell in cells:
        levels = lacking.get(cell.key, [])
        held = [level for level in levels if level in cell.held]
        lost = [level for level in levels if level not in cell.held]
        for level in lost:
            reason = cell.lost.get(level) or cell.reason or "the cell was not fitted"
            writer.commit_records(cell.key, _failed_records(level, reason, codes))
        if held:
            forecasts, testset = ArrayReader(store).fetch(cell.key, cell.testset)
            future = pool.submit(
                score_cell, forecasts, testset, held, codes, limit_s=_SCORING_LIMIT_S
            )
            futures[future] = (cell, held)
        elif lost:
            progress.advance(0, 1, cell.dataset)
    for future in as_completed(futures):
        cell, held = futures[future]
        try:
            records = future.result()
        except Exception as error:  # a time limit, a dead worker or a damaged file
            reason = f"scoring failed: {TaskFailed.of(error)}"
            scored = known.get(cell.key, set())
            records = _unfinished_records(held, reason, codes, scored)
        writer.commit_records(cell.key, records)
        progress.advance(1, 0, f"{cell.method} on {cell.dataset}")


def score_cell(
    forecasts: Path, testset: Path, levels: Sequence[Level], codes: dict[str, str]
) -> list[Record]:
    """Compute every metric of a cell; this runs in a worker.

    Parameters
    ----------
    forecasts : Path
        File of the forecasts of the cell.
    testset : Path
        File of its test rows.
    levels : sequence of Level
        Levels to score.
    codes : dict of str to str
        Hashes of the metrics' source, by name.

    Returns
    -------
    list of Record
        A record for each level and metric.
    """
    forecast_at = read_forecasts(forecasts)
    test = read_testset(testset)
    groups = np.stack([terciles(column) for column in test.X.T])
    records = []
    for stress, level in levels:
        forecast = forecast_at[stress, level]
        grouped = forecast.replaced(groups=np.tile(groups, forecast.variants))
        y = np.tile(test.y, forecast.variants)
        records += _score_forecast(grouped, y, test.y_scale, stress, level)
    return [replace(record, code=codes[record.metric]) for record in records]


def _score_forecast(
    forecast: Forecast, y: Array, y_scale: float, stress: str, level: float
) -> list[Record]:
    """Return every metric of one forecast as a record; one that raises fails alone."""
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


def _unfinished_records(
    levels: Sequence[Level],
    reason: str,
    codes: dict[str, str],
    scored: Collection[tuple[str, float, str, str]],
) -> list[Record]:
    """Return failed records of what is not scored yet, where scoring was cut off.

    They have no code, so that the next run tries again.
    """
    return [
        Record(stress, level, name, None, "failed", reason)
        for stress, level in levels
        for name, code in codes.items()
        if (stress, level, name, code) not in scored
    ]


def _failed_records(level: Level, reason: str, codes: dict[str, str]) -> list[Record]:
    """Return records of a level without a forecast: of all metrics, and of costs if it is clean."""
    stress, severity = level
    records = [
        Record(stress, severity, name, None, "failed", reason, code) for name, code in codes.items()
    ]
    costs = COSTS if level == CLEAN else ()
    return [*records, *(Record(stress, severity, cost, None, "failed", reason) for cost in costs)]
