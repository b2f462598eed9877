"""Worker: fit a stack of cells, forecast each at its levels, and write the forecasts to files.

It knows neither the plan nor the store; what the scheduler commits are the outcomes it returns.
"""

import hashlib
import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

from howrobust import seeds
from howrobust.base.cells import CLEAN, Cell, Level
from howrobust.base.data import Dataset, Source, Truth, discrete_step
from howrobust.base.frames import Frame
from howrobust.base.method import DifferentiablePosterior, Posterior, Problem, listening
from howrobust.base.pool import TaskFailed
from howrobust.base.records import COSTS, GRADIENTS, Outcome, Record
from howrobust.base.stress import Context, InputStress, TrainStress
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.errors import BadInput
from howrobust.execution import timing
from howrobust.execution.forecast import forecast_rows
from howrobust.planning.jobs import Job
from howrobust.planning.registry import load_stress
from howrobust.storage.arrays import Files, pack_forecasts, read_forecasts, write_arrays

TIMED_POINTS = 1000
TIMED_DRAWS = 256
WRITE_EVERY_S = 0.5
CHANGED = "changed"  # the kind of a failure


def fit_and_forecast(job: Job, files: Files) -> list[Outcome]:
    """Worker: fit one stack and forecast each of its cells at every level.

    Raises whatever the method raises while it fits the stack, and `TaskFailed` where source or data
    are no longer what the keys were made of; what goes wrong with one cell's forecast fails that
    cell alone.
    """
    _require_unchanged(job)  # before a plug-in is imported
    source = _planned_source(job)
    method = job.method.build()
    parts = [source.realise(cell.split, job.seed) for cell in job.cells]
    truth, frame = source.truth, source.frame
    del source  # a table of its own, as large as the splits of it
    seen = truth if type(method).sees_truth else None
    problems = [
        Problem(*_training_rows(job, cell, train), cell.fit_seed, seen, frame)
        for cell, (train, _) in zip(job.cells, parts, strict=True)
    ]
    method.prepare()
    _reset_peak()
    before = timing.units_s()
    wall, cpu = time.perf_counter(), time.process_time()
    posteriors = method.infer_stack(problems)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    unit = (before + timing.units_s()) / 2
    if len(posteriors) != len(problems):
        raise ValueError(f"{len(problems)} problems gave {len(posteriors)} posteriors")
    shared = {
        "fit_cpu_s": cpu / len(problems),
        "fit_wall_s": wall / len(problems),
        "fit_ratio": cpu / len(problems) / unit,
        "stack_size": float(len(problems)),
    }
    outcomes = []
    drawn: dict[str, float] = {}  # of one posterior: those of a stack are of one kind
    for cell, posterior, (train, test) in zip(job.cells, posteriors, parts, strict=True):
        try:
            outcome = _forecast_cell(job, cell, posterior, truth, frame, train, test, files)
            drawn = drawn or _draw_cost(posterior, test.X)
            costs = {**shared, **drawn, "peak_rss_mb": _peak_rss_mb()}
            found = tuple(Record(*CLEAN, name, costs[name], "ok") for name in COSTS)
            outcomes.append(replace(outcome, costs=found))
        except Exception as error:
            outcomes.append(failure(cell, error))
    return outcomes


def _require_unchanged(job: Job) -> None:
    """Raise `TaskFailed` where a source file is no longer what the plan has read."""
    changed = job.sources.changed()
    if changed:
        raise _changed(changed)


def _planned_source(job: Job) -> Source:
    """Open the data; `TaskFailed` where they are no longer what the plan has read."""
    try:
        source = job.data.open()
    except BadInput as error:  # what the plan could read
        raise _changed(job.data.name) from error
    if job.data_sha256 and source.sha256 != job.data_sha256:
        raise _changed(job.data.name)
    return source


def _changed(what: str) -> TaskFailed:
    return TaskFailed(CHANGED, f"changed since the run was planned: {what}; run again")


def attempt(job: Job, files: Files, threads: int) -> list[Outcome]:
    """Worker: `fit_and_forecast`, heard of while it lasts.

    ``threads`` is for compiled loops, which share nothing; all others have one.
    """
    os.environ["HOWROBUST_THREADS"] = str(threads)
    note = files.fitting(job.cells[0].key)
    said = -math.inf

    def write(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said > WRITE_EVERY_S:
            said = time.monotonic()
            # A fit that cannot be heard of is still a fit.
            with suppress(OSError):
                note.with_suffix(".new").write_text(f"{done} {total}")
                note.with_suffix(".new").replace(note)

    # One thread, whatever the fork server was started with.
    with threadpool_limits(limits=1), listening(write):
        return fit_and_forecast(job, files)


def failure(cell: Cell, error: BaseException) -> Outcome:
    """Return the outcome of a cell that failed with this error."""
    words = TaskFailed.of(error)
    return Outcome(
        cell.key, "failed", kind=words.kind, reason=words.reason, traceback=words.traceback
    )


def _frozen(array: Array) -> Array:
    """Return a copy that cannot be written to: a method must not change what others will see."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _training_rows(job: Job, cell: Cell, train: Dataset) -> tuple[Array, Array]:
    """The rows that a cell is fitted on: X (n, d) and y (n,), stressed where it says so."""
    X, y = _frozen(train.X), _frozen(train.y)
    stress = load_stress(cell.train_stress) if cell.place != CLEAN else None
    if not isinstance(stress, TrainStress):
        return X, y
    stressed = stress.apply(X, y, cell.level, _stress_seed(job, cell, stress.name))
    return _frozen(stressed[0]), _frozen(stressed[1])


def _stress_seed(job: Job, cell: Cell, stress: str) -> int:
    """Seed of what is random about a stress: the same for every method and level."""
    return seeds.derive(job.seed, "stress", cell.dataset, cell.split, stress)


def _forecast_cell(
    job: Job,
    cell: Cell,
    posterior: Posterior,
    truth: Truth | None,
    frame: Frame | None,
    train: Dataset,
    test: Dataset,
    files: Files,
) -> Outcome:
    """Forecast a cell at every level and write its files."""
    step = discrete_step(train.y)
    # Whose clean training target scales the scores is part of what a test set is.
    sha256 = hashlib.sha256((test.sha256 + train.sha256).encode()).hexdigest()
    testset = files.testset(sha256)
    if not testset.is_file():
        numbers = {"y_scale": train.y.std() or 1.0, "step": step, "n_train": len(train.y)}
        arrays = {name: np.asarray(value) for name, value in numbers.items()}
        write_arrays(testset, {"X": test.X, "y": test.y, **arrays})
    context = Context.of(train.X, posterior, frame)
    forecasts: dict[Level, Forecast] = {}
    lost: list[tuple[Level, str]] = []
    for name, level in job.levels:
        try:
            X = test.X
            if (name, level) != CLEAN:
                stress, rows = load_stress(name), (_frozen(X), _frozen(test.y))
                if not isinstance(stress, InputStress):
                    raise TypeError(f"{name} is no stress of inputs")
                X = stress.apply(*rows, context, level, _stress_seed(job, cell, name))
            variants = len(X) // len(test.y)
            known = truth if (name, level) == CLEAN else None
            seed = seeds.derive(cell.fit_seed, "predict")
            y = np.tile(test.y, variants)
            found = forecast_rows(posterior, _frozen(X), y, step, known, seed)
            forecasts[name, level] = replace(found, variants=variants)
        except Exception as error:
            lost.append(((name, level), failure(cell, error).reason))
            if (name, level) == CLEAN:
                raise
    _require_unchanged(job)  # what was imported meanwhile is what the key says
    path = files.forecast(cell.key)
    kept = read_forecasts(path) if path.is_file() else {}
    write_arrays(path, pack_forecasts({**kept, **forecasts}))
    facts = {
        **_numbers(posterior.facts()),
        GRADIENTS: float(isinstance(posterior, DifferentiablePosterior)),
    }
    return Outcome(cell.key, "ok", tuple(forecasts), tuple(lost), sha256, facts)


def _numbers(facts: Mapping[str, Any]) -> dict[str, float | list[float]]:
    """Return what a posterior says of itself as nothing but numbers; raises for anything else."""
    return {
        str(name): [float(v) for v in value] if np.ndim(value) else float(value)
        for name, value in facts.items()
    }


def _draw_cost(posterior: Posterior, X: Array) -> dict[str, float]:
    """What a draw of the predictive mean at 1,000 points costs: the least microseconds, and the
    median of CPU time over that of a unit of work timed beside it."""
    points = np.resize(X, (TIMED_POINTS, X.shape[1]))
    draws = 1

    def draw() -> None:
        nonlocal draws
        predictive = posterior.predictive(points, draws=TIMED_DRAWS, seed=0)
        predictive.mean()
        draws = predictive.n_components

    ratio, least_s = timing.paired(draw)
    return {"us_per_draw": least_s / draws * 1e6, "draw_ratio": ratio / draws}


def _reset_peak() -> None:
    """Start measuring peak memory afresh, where the kernel allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not Linux, or not permitted: the peak is then that of the worker's life
        return


def _peak_rss_mb() -> float:
    """Peak resident memory of this process since `_reset_peak`, MiB."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return float(psutil.Process().memory_info().rss) / 2**20
