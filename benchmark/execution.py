"""Run: fit the cells of a plan, forecast, and leave the forecasts in the store.

A job is a stack; one that fails or overruns is halved until only the guilty cell fails. Workers
write files and return what became of each cell; the one parent commits.
"""

import hashlib
import math
import os
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

from howrobust import seeds, yardstick
from howrobust.arrays import Files, pack_forecasts, read_forecasts, write_arrays
from howrobust.catalogue import load_stress
from howrobust.cells import CLEAN, Cell, Job, Level, rough_seconds
from howrobust.compiled import threads as threads_asked
from howrobust.data import Dataset, Truth, discrete_step
from howrobust.errors import BadInput
from howrobust.executors import Pool, TaskFailed
from howrobust.forecasting import forecast_rows
from howrobust.frames import Frame
from howrobust.method import DifferentiablePosterior, Posterior, Problem, listening
from howrobust.plan import Plan
from howrobust.predictive import Array, Forecast
from howrobust.store import Outcome, Record, Store
from howrobust.stress.contract import Context, InputStress, TrainStress

TIMED_POINTS = 1000
TIMED_DRAWS = 256
WRITE_EVERY_S = 0.5
READ_EVERY_S = 0.5
GRADIENTS = "gradients"  # the fact that says whether attacks could use the model's gradients
COSTS = (
    "fit_cpu_s", "fit_wall_s", "fit_ratio", "us_per_draw", "draw_ratio", "peak_rss_mb",
    "stack_size",
)  # fmt: skip


class Progress(Protocol):
    """What hears how far a run has come."""

    def begin(self, total: int, cached: int, what: str) -> None:
        """A stage of ``total`` cells begins, ``cached`` of which were there already."""

    def advance(self, ok: int, failed: int, name: str) -> None:
        """So many more cells are done; ``name`` says which."""

    def partly(self, cells: float, name: str) -> None:
        """What is being fitted is worth so many cells; ``name`` says how far the last stack is."""


class Silent:
    """Hears, and says nothing."""

    def begin(self, total: int, cached: int, what: str) -> None: ...

    def advance(self, ok: int, failed: int, name: str) -> None: ...

    def partly(self, cells: float, name: str) -> None: ...


def fit_and_forecast(job: Job, files: Files) -> list[Outcome]:
    """Worker: fit one stack and forecast each of its cells at every level.

    Raises whatever the method raises while it fits the stack; what goes wrong with one cell's
    forecast fails that cell alone.
    """
    source = job.data.open()
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
    before = yardstick.units_s()
    wall, cpu = time.perf_counter(), time.process_time()
    posteriors = method.infer_stack(problems)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    unit = (before + yardstick.units_s()) / 2
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


def run_cells(plan: Plan, store: Store, pool: Pool, progress: Progress | None = None) -> int:
    """Fit every cell that the store does not hold yet, committing each as soon as it exists.

    Return how many those were.
    """
    progress = progress or Silent()
    todo = _missing(plan, store)
    count = sum(len(job.cells) for job in todo)
    progress.begin(len(plan.cells), len(plan.cells) - count, "fit")

    work = sum(map(rough_seconds, todo))

    def submit(job: Job) -> Future[list[Outcome]]:
        # A stack that is half of the work gets half of the cores.
        share = max(1, round(pool.workers * rough_seconds(job) / work))
        threads = threads_asked() or share
        _silence(job, store.files)  # what an earlier attempt left
        store.lay_out([cell.key for cell in job.cells])
        return pool.submit(attempt, job, store.files, threads, limit_s=job.limit_s)

    waiting = deque(sorted(todo, key=rough_seconds, reverse=True))
    pending: dict[Future[list[Outcome]], Job] = {}
    while waiting or pending:
        # A few at a time: what is done is committed before more is begun, in any pool.
        while waiting and len(pending) < 2 * pool.workers:
            job = waiting.popleft()
            pending[submit(job)] = job
        finished, _ = wait(pending, timeout=READ_EVERY_S, return_when=FIRST_COMPLETED)
        _hear(list(pending.values()), store.files, progress)
        for future in finished:
            job = pending.pop(future)
            _silence(job, store.files)
            outcomes = _outcomes(job, future)
            if len(job.cells) > 1 and all(o.status == "failed" and o.whole_stack for o in outcomes):
                # The guilty cell is in one half; the other half is fitted without it.
                middle = len(job.cells) // 2
                waiting.extend(job.of(half) for half in (job.cells[:middle], job.cells[middle:]))
                continue
            for outcome in outcomes:
                store.commit(outcome, plan.codes, job.levels)
            failed = sum(o.status == "failed" or bool(o.lost) for o in outcomes)
            name = f"{job.cells[0].method} on {job.cells[0].dataset}"
            progress.advance(len(outcomes) - failed, failed, name)
    return count


def _silence(job: Job, files: Files) -> None:
    """Remove what a worker said of a stack."""
    with suppress(OSError):
        files.fitting(job.cells[0].key).unlink(missing_ok=True)


def _hear(jobs: list[Job], files: Files, progress: Progress) -> None:
    """Hand on how far the stacks that are being fitted are."""
    cells, name = 0.0, ""
    for job in jobs:
        try:
            done, total = map(int, files.fitting(job.cells[0].key).read_text().split())
            cells += len(job.cells) * done / total
        except (OSError, ValueError, ZeroDivisionError):  # not begun, or not to be read
            continue
        name = f"{job.cells[0].method} on {job.cells[0].dataset}: {done} of {total} networks"
    if name:
        progress.partly(cells, name)


def _missing(plan: Plan, store: Store) -> list[Job]:
    """Jobs of the cells that lack a forecast, at the levels that any of them lacks."""
    held = store.held()
    todo = []
    for job in plan.jobs:
        lacks = {
            cell: [p for p in job.levels if held.get(cell.key, {}).get(p) != plan.codes[p[0]]]
            for cell in job.cells
        }
        cells = [cell for cell in job.cells if lacks[cell]]
        levels = tuple(p for p in job.levels if any(p in lacks[cell] for cell in cells))
        if cells:
            todo.append(replace(job.of(cells), levels=levels))
    return todo


def _outcomes(job: Job, future: Future[list[Outcome]]) -> list[Outcome]:
    """What the worker returned, or what it means that it did not."""
    error: Exception
    try:
        return future.result()
    except TimeoutError:
        limit = f"{job.timeout_s:g} s per cell"
        reason = f"timeout: the fit and its forecasts took more than {limit}"
        error = TaskFailed("timeout", reason)
    except BadInput:  # nothing more can run there
        raise
    except Exception as raised:
        error = raised
    return [replace(failure(cell, error), whole_stack=True) for cell in job.cells]


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

    ratio, least_s = yardstick.paired(draw)
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
