"""The scoring stage: forecasts in the store are scored; no method is imported.

Law 4: every planned cell x stress level x metric ends as a record: a value, `undefined` with a
reason, or `failed` with a reason.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from howrobust.base.cells import CLEAN, Level
from howrobust.base.metric import Metric, Undefined, Value, evaluate
from howrobust.base.pool import Pool, TaskFailed
from howrobust.base.progress import NullProgress, Progress
from howrobust.base.records import COSTS, CellResult, Record, RunInfo
from howrobust.base.split_names import PLACES, family_of, held_feature
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.metrics import by_feature
from howrobust.metrics.builtin import METRICS
from howrobust.metrics.by_feature import FEATURE_METRICS, score_features
from howrobust.metrics.group_coverage import terciles
from howrobust.planning.plugins.metrics import MetricPlugin, installed_metrics, metric_facts
from howrobust.planning.source_closure import sources
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import read_testset
from howrobust.storage.forecasts import read_forecasts
from howrobust.storage.reader import RunReader, Scored
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter

_SCORING_LIMIT_S = 600.0
Part = tuple[str, str]  # a feature, and a segment of it; "" and "" for the whole
_WHOLE: Part = ("", "")


@dataclass(frozen=True)
class _Task:
    """Metrics that are computed by one call: those of howrobust, or one of a plug-in.

    Parameters
    ----------
    codes : dict of str to str
        Hash of the source of each metric, by its name.
    by_feature : str
        Hash of the source of scores of single features, which the task of howrobust makes.
    plugin : Metric, optional
        The metric of a plug-in; None for those of howrobust.
    """

    codes: dict[str, str]
    by_feature: str = ""
    plugin: Metric | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics."""
        return METRICS if self.plugin is None else (self.plugin,)

    def wanted(self, parts: Sequence[Part]) -> Iterator[tuple[str, str, str, str]]:
        """The records that a level has: metric, feature, segment and code of each."""
        for name, code in self.codes.items():
            yield name, *_WHOLE, code
        if self.plugin is not None:
            return
        for feature, segment in parts:
            for metric in FEATURE_METRICS:
                yield metric.name, feature, segment, self.by_feature


def _tasks(plugins: Sequence[MetricPlugin] | None) -> list[_Task]:
    """Those of howrobust, then one for each plug-in, so that one that crashes fails alone."""
    plugins = installed_metrics() if plugins is None else plugins
    codes = {m.name: sources(m.function.__module__).sha256 for m in METRICS}
    return [
        _Task(codes, sources(by_feature.__name__).sha256),
        *(_Task({each.metric.name: each.code}, plugin=each.metric) for each in plugins),
    ]


def _parts(cell: CellResult, level: Level, run: RunInfo) -> list[Part]:
    """The features that are scored alone: those of a stress in turn, or that of a region."""
    data = next(data for data in run.data if data.name == cell.dataset)
    if level != CLEAN:
        in_turn = level[0] in run.stress_facts and run.stress_facts[level[0]].in_turn
        return [(feature, "") for feature in data.turned(level[0])] if in_turn else []
    held = held_feature(cell.split)
    if cell.train_stress not in PLACES or held is None:
        return []
    places = PLACES[family_of(cell.split)]
    place = places[int(cell.split.rpartition("-")[2]) % len(places)]
    return [(data.features[held], f"{place} third")]


def unscored(
    run: str, store: Store, plugins: Sequence[MetricPlugin] | None = None
) -> dict[str, list[Level]]:
    """Return the levels at which cells of a run lack a record of some metric.

    Parameters
    ----------
    run : str
        Name of the run.
    store : Store
        The store that holds it.
    plugins : sequence of MetricPlugin, optional
        The metrics beside those of howrobust; those of installed packages if None.

    Returns
    -------
    dict of str to list of Level
        Levels by the key of a cell; only cells that lack any.
    """
    lacking: dict[str, list[Level]] = {}
    for cell, _, levels in _lacking(run, RunReader(store), _tasks(plugins)):
        known = lacking.setdefault(cell.key, [])
        known += [level for level in levels if level not in known]
    return lacking


def _lacking(
    run: str, reader: RunReader, tasks: Sequence[_Task]
) -> Iterator[tuple[CellResult, _Task, dict[Level, list[Part]]]]:
    """Yield the cells and tasks that lack records, with levels and features to score alone."""
    known, cells, about = reader.scored(run), reader.cells(run), reader.run(run)
    trained = {cell.stress_level for cell in cells} - {CLEAN}
    levels_of_clean = [level for level in about.levels if level not in trained]
    second_rows = {facts.label for facts in about.methods if facts.row_of}
    for cell in cells:
        scored = known.get(cell.key, set())
        clean = cell.train_stress == CLEAN[0] and cell.method not in second_rows
        stressed = clean and cell.repeat == 0
        levels = {
            level: _parts(cell, level, about)
            for level in (levels_of_clean if stressed else [CLEAN])
        }
        for task in tasks:
            lacks = {
                level: parts
                for level, parts in levels.items()
                if any((*level, *record) not in scored for record in task.wanted(parts))
            }
            if lacks:
                yield cell, task, lacks


def score_run(
    run: str,
    store: Store,
    pool: Pool,
    progress: Progress | None = None,
    plugins: Sequence[MetricPlugin] | None = None,
) -> None:
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
    plugins : sequence of MetricPlugin, optional
        The metrics beside those of howrobust; those of installed packages if None. The run states
        their facts afterwards, beside those that it states already.
    """
    progress = progress or NullProgress()
    reader, writer, tasks = RunReader(store), RunWriter(store), _tasks(plugins)
    plugins = installed_metrics() if plugins is None else plugins
    writer.add_metrics(run, tuple(map(metric_facts, plugins)))
    cells, known, about = reader.cells(run), reader.scored(run), reader.run(run)
    lacking = list(_lacking(run, reader, tasks))
    left = Counter(cell.key for cell, *_ in lacking)
    progress.begin(len(cells), len(cells) - len(left), "score")
    futures = {}
    for cell, task, levels in lacking:
        held = {level: parts for level, parts in levels.items() if level in cell.held}
        lost = [level for level in levels if level not in held]
        left_out = next(data.left_out for data in about.data if data.name == cell.dataset)
        for level in lost:
            records = _lost_records(cell, level, levels[level], left_out, task)
            writer.commit_records(cell.key, records)
        if held:
            forecasts, testset = ArrayReader(store).fetch(cell.key, cell.testset)
            future = pool.submit(
                score_cell, forecasts, testset, held, task, limit_s=_SCORING_LIMIT_S
            )
            futures[future] = (cell, task, held)
            continue
        left[cell.key] -= 1
        if not left[cell.key]:
            progress.advance(0, 1, cell.dataset)
    for future in as_completed(futures):
        cell, task, held = futures[future]
        try:
            records = future.result()
        except Exception as error:  # a time limit, a dead worker or a damaged file
            reason = f"scoring failed: {TaskFailed.of(error)}"
            scored = known.get(cell.key, set())
            records = _unfinished_records(held, reason, task, scored)
        writer.commit_records(cell.key, records)
        left[cell.key] -= 1
        if not left[cell.key]:
            progress.advance(1, 0, f"{cell.method} on {cell.dataset}")


def score_cell(
    forecasts: Path, testset: Path, levels: Mapping[Level, Sequence[Part]], task: _Task
) -> list[Record]:
    """Compute metrics of a cell; this runs in a worker.

    Parameters
    ----------
    forecasts : Path
        File of the forecasts of the cell.
    testset : Path
        File of its test rows.
    levels : mapping of Level to sequence of Part
        Levels to score, each with the features that are scored alone.
    task : _Task
        The metrics, with the hashes of their source.

    Returns
    -------
    list of Record
        A record for each level and metric, and three for each feature that is scored alone.
    """
    forecast_at = read_forecasts(forecasts)
    test = read_testset(testset)
    groups = np.stack([terciles(column) for column in test.X.T])
    records = []
    for (stress, level), parts in levels.items():
        forecast = forecast_at[stress, level]
        grouped = forecast.replaced(groups=np.tile(groups, forecast.variants))
        y = np.tile(test.y, forecast.variants)
        whole = _score_forecast(task.metrics, grouped, y, test.y_scale, stress, level)
        records += [replace(record, code=task.codes[record.metric]) for record in whole]
        if task.plugin is None:
            single = _score_parts(forecast, test.y, parts, stress, level)
            records += [replace(record, code=task.by_feature) for record in single]
    return records


def _score_forecast(
    metrics: Sequence[Metric],
    forecast: Forecast,
    y: Array,
    y_scale: float,
    stress: str,
    level: float,
) -> list[Record]:
    """Return every metric of one forecast as a record; one that raises fails alone."""
    records = []
    for metric in metrics:
        try:
            value = evaluate(metric, forecast, y, y_scale)
        except Exception as error:
            reason = f"the metric raised {type(error).__name__}: {error}"
            records.append(Record(stress, level, metric.name, None, "failed", reason))
            continue
        records.append(_record(stress, level, metric.name, value))
    return records


def _score_parts(
    forecast: Forecast, y: Array, parts: Sequence[Part], stress: str, level: float
) -> list[Record]:
    """Return the scores of features stressed alone, y (n,) the targets of each variant."""
    records = []
    for metric in FEATURE_METRICS if parts else ():
        try:
            values = score_features(metric, forecast, y, len(parts))
        except Exception as error:
            reason = f"the metric raised {type(error).__name__}: {error}"
            failed = Record(stress, level, metric.name, None, "failed", reason)
            records += [replace(failed, feature=f, segment=s) for f, s in parts]
            continue
        records += [
            replace(_record(stress, level, metric.name, value), feature=feature, segment=segment)
            for (feature, segment), value in zip(parts, values, strict=True)
        ]
    return records


def _record(stress: str, level: float, metric: str, value: Value) -> Record:
    if isinstance(value, Undefined):
        return Record(stress, level, metric, None, "undefined", value.reason)
    return Record(stress, level, metric, value, "ok")


def _unfinished_records(
    levels: Mapping[Level, Sequence[Part]],
    reason: str,
    task: _Task,
    scored: Collection[Scored],
) -> list[Record]:
    """Return failed records of what is not scored yet, where scoring was cut off.

    They have no code, so that the next run tries again.
    """
    return [
        Record(*level, name, None, "failed", reason, "", feature, segment)
        for level, parts in levels.items()
        for name, feature, segment, code in task.wanted(parts)
        if (*level, name, feature, segment, code) not in scored
    ]


def _lost_records(
    cell: CellResult,
    level: Level,
    parts: Sequence[Part],
    left_out: Mapping[str, str],
    task: _Task,
) -> list[Record]:
    """Return records of a level without a forecast: of all metrics, and of costs if it is clean.

    They are undefined where the stress has nothing to change, and failed otherwise.
    """
    status = "undefined" if level[0] in left_out else "failed"
    reason = left_out.get(level[0]) or cell.lost.get(level) or cell.reason
    reason = reason or "the cell was not fitted"
    records = [
        Record(*level, name, None, status, reason, code, feature, segment)
        for name, feature, segment, code in task.wanted(parts)
    ]
    costs = COSTS if level == CLEAN and task.plugin is None else ()
    return [*records, *(Record(*level, cost, None, "failed", reason) for cost in costs)]
