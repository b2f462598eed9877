"""Score: forecasts in the store become records. It never sees a method.

Law 4: every planned cell x stress level x metric ends as a record: a value, `undefined` with a
reason, or `failed` with a reason.
"""

from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from howrobust import catalogue
from howrobust.execution import COSTS, Progress, Silent
from howrobust.executors.local import LocalPool
from howrobust.metrics import METRICS, Metric, Undefined, evaluate
from howrobust.metrics.calibration import terciles
from howrobust.plan import CLEAN
from howrobust.predictive import Array, Forecast
from howrobust.store import Level, Record, Store, read_forecasts, read_testset

SCORING_LIMIT_S = 600.0


@lru_cache
def all_metrics() -> tuple[Metric, ...]:
    """Return the built-in metrics and those of plug-ins."""
    return (*METRICS, *(catalogue.load("metrics", name) for name in catalogue.names("metrics")))


def score_run(run: str, store: Store, pool: LocalPool, progress: Progress | None = None) -> None:
    """Score what a run's cells lack, in the pool, and commit it cell by cell."""
    progress = progress or Silent()
    planned = [tuple(pair) for pair in store.run(run)["levels"]]
    metrics = {metric.name for metric in all_metrics()}
    known = store.scored(run)
    cells = store.cells(run)
    lacking = []
    for cell in cells:
        # A cell may hold levels of other runs too; all that it holds is scored.
        cell["levels"] = list(dict.fromkeys([*planned, *cell["levels"]]))
        wanted = {(stress, level, metric) for stress, level in cell["levels"] for metric in metrics}
        if not wanted <= known.get(cell["key"], set()):
            lacking.append(cell)
    progress.begin(len(cells), len(cells) - len(lacking), "score")
    futures = {}
    for cell in lacking:
        if cell["status"] == "ok":
            paths = store.files.forecast(cell["key"]), store.files.testset(cell["testset"])
            future = pool.submit(score_cell, *paths, cell["levels"], limit_s=SCORING_LIMIT_S)
            futures[future] = cell
        else:
            reason = cell["reason"] or "the cell was not fitted"
            store.commit_records(cell["key"], failed_records(planned, reason))
            progress.advance(0, 1, cell["dataset"])
    for future in as_completed(futures):
        cell = futures[future]
        store.commit_records(cell["key"], future.result())
        progress.advance(1, 0, f"{cell['method']} on {cell['dataset']}")


def score_cell(forecasts: Path, testset: Path, levels: Sequence[Level]) -> list[Record]:
    """Worker: every metric of a cell at every level."""
    held = read_forecasts(forecasts)
    test = read_testset(testset)
    groups = np.stack([terciles(column) for column in test.X.T])
    return [
        record
        for stress, level in levels
        for record in score_forecast(
            replace(held[stress, level], groups=groups), test.y, test.y_scale, stress, level
        )
    ]


def score_forecast(
    forecast: Forecast, y: Array, y_scale: float, stress: str, level: float
) -> list[Record]:
    """Every metric of one forecast as a record."""
    records = []
    for metric in all_metrics():
        value = evaluate(metric, forecast, y, y_scale)
        if isinstance(value, Undefined):
            records.append(Record(stress, level, metric.name, None, "undefined", value.reason))
        else:
            records.append(Record(stress, level, metric.name, value, "ok"))
    return records


def failed_records(levels: Sequence[Level], reason: str) -> list[Record]:
    """Records of a cell that has no forecasts: one per level and metric, and its costs."""
    names = [metric.name for metric in all_metrics()]
    rows = [Record(s, v, metric, None, "failed", reason) for s, v in levels for metric in names]
    return [*rows, *(Record(*CLEAN, cost, None, "failed", reason) for cost in COSTS)]
