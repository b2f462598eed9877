"""Scheduler: which cells of a plan are fitted, in what order and where; it commits what they give.

A job is a stack; one that fails or overruns is halved until only the guilty cell fails. Workers
write files and return an outcome for each cell; the one parent commits.
"""

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import replace

from howrobust.base.pool import Pool, TaskFailed
from howrobust.base.progress import NullProgress, Progress
from howrobust.base.records import Outcome
from howrobust.compiled import threads as threads_asked
from howrobust.errors import BadInput
from howrobust.execution.worker import CHANGED, attempt, failure
from howrobust.planning.estimate import rough_seconds
from howrobust.planning.jobs import Job
from howrobust.planning.plan import Plan
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import Files
from howrobust.storage.reader import RunReader
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter

READ_EVERY_S = 0.5


def run_cells(plan: Plan, store: Store, pool: Pool, progress: Progress | None = None) -> int:
    """Fit every cell that the store does not hold yet, committing each as soon as it exists.

    Return how many those were.
    """
    progress = progress or NullProgress()
    todo = _missing(plan, store)
    count = sum(len(job.cells) for job in todo)
    progress.begin(len(plan.cells), len(plan.cells) - count, "fit")
    RunWriter(store).set_reused(plan.run, len(plan.cells) - count)

    work = sum(map(rough_seconds, todo))

    def submit(job: Job) -> Future[list[Outcome]]:
        # A stack that is half of the work gets half of the cores.
        share = max(1, round(pool.workers * rough_seconds(job) / work))
        threads = threads_asked() or share
        _silence(job, store.files)  # what an earlier attempt left
        ArrayReader(store).stage_forecasts([cell.key for cell in job.cells])
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
                RunWriter(store).commit(outcome, plan.codes, job.levels)
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
    held = RunReader(store).forecast_levels()
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
    # What was changed is not the fault of a cell.
    blamed = not (isinstance(error, TaskFailed) and error.kind == CHANGED)
    return [replace(failure(cell, error), whole_stack=blamed) for cell in job.cells]
