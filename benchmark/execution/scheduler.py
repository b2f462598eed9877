"""The scheduler: fits the unfinished cells of a plan in a pool and commits their outcomes.

A job is a stack of cells; one that fails or exceeds its time limit is halved until only the faulty
cell fails. Workers write files and return an outcome for each cell; the parent alone commits.
"""

from collections import deque
from collections.abc import Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace

from howrobust.base.method import SingleMethod
from howrobust.base.pool import Pool, TaskFailed
from howrobust.base.progress import NullProgress, Progress
from howrobust.base.records import Outcome
from howrobust.compiled import threads as requested_threads
from howrobust.errors import BadInput
from howrobust.execution.kept import KeptParts, remove_kept
from howrobust.execution.notes import ProgressNote
from howrobust.execution.worker import CHANGED, failed_outcome, run_job
from howrobust.planning.estimate import rough_seconds
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.plan import Plan
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import Files
from howrobust.storage.reader import RunReader
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter

READ_EVERY_S = 0.5
PARTS_PER_WORKER = 8  # a process costs 30 ms; the last of the parts is what other workers wait for


def run_cells(plan: Plan, store: Store, pool: Pool, progress: Progress | None = None) -> int:
    """Fit every cell of a plan that the store does not hold yet.

    Parameters
    ----------
    plan : Plan
        The plan, which the store has been started with.
    store : Store
        The store, inside `Store.exclusive`; each cell is committed as soon as it is finished.
    pool : Pool
        Where the cells are fitted.
    progress : Progress, optional
        Receives the progress; by default it is not shown.

    Returns
    -------
    int
        Number of cells that were fitted, or failed.

    Raises
    ------
    BadInput
        Where the pool cannot run any task.
    """
    progress = progress or NullProgress()
    jobs = in_parts(_unfinished_jobs(plan, store), pool.workers)
    remove_kept(store.files, except_of={job.stack_key for job in jobs})
    count = sum(len(job.cells) for job in jobs)
    progress.begin(len(plan.cells), len(plan.cells) - count, "fit")
    RunWriter(store).set_reused(plan.run, len(plan.cells) - count)
    _Scheduler(plan, store, pool, progress, jobs).run()
    return count


@dataclass
class _Scheduler:
    """Submits jobs to a pool, the longest first, and commits what they return."""

    plan: Plan
    store: Store
    pool: Pool
    progress: Progress
    jobs: list[Job]
    pending: dict[Future[list[Outcome]], Job] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)  # stacks with a cell that failed

    def __post_init__(self) -> None:
        self.total_s = sum(map(rough_seconds, self.jobs))
        self.waiting = deque(sorted(self.jobs, key=rough_seconds, reverse=True))

    def run(self) -> None:
        """Run all jobs."""
        while self.waiting or self.pending:
            # Few at a time, so that finished cells are committed before more are begun.
            while self.waiting and len(self.pending) < 2 * self.pool.workers:
                self.submit(self.waiting.popleft())
            done, _ = wait(self.pending, timeout=READ_EVERY_S, return_when=FIRST_COMPLETED)
            report_progress(self.pending.values(), self.store.files, self.progress)
            for future in done:
                self.finish(self.pending.pop(future), future)

    def submit(self, job: Job) -> None:
        """Submit a job with the arrays that it extends."""
        files = self.store.files
        _note_of(job, files).remove()  # of an earlier attempt
        ArrayReader(self.store).stage_forecasts([cell.key for cell in job.cells])
        # A stack that is half of the work gets half of the cores.
        share = max(1, round(self.pool.workers * rough_seconds(job) / self.total_s))
        threads = requested_threads() or share
        future = self.pool.submit(run_job, job, files, threads, limit_s=job.limit_s)
        self.pending[future] = job

    def finish(self, job: Job, future: Future[list[Outcome]]) -> None:
        """Commit the outcomes of a job, or halve it if it failed as a whole."""
        outcomes = _outcomes(job, future, self.store.files)
        _note_of(job, self.store.files).remove()
        if len(job.cells) > 1 and all(o.status == "failed" and o.whole_stack for o in outcomes):
            # The faulty cell is in one half; the other half is fitted without it.
            middle = len(job.cells) // 2
            self.waiting.extend(job.of(half) for half in (job.cells[:middle], job.cells[middle:]))
            return
        for outcome in outcomes:
            RunWriter(self.store).commit(outcome, self.plan.codes, job.levels)
        self.remove_kept(job, any(o.status == "failed" for o in outcomes))
        failed = sum(o.status == "failed" or bool(o.lost) for o in outcomes)
        self.progress.advance(len(outcomes) - failed, failed, _name_of(job))

    def remove_kept(self, job: Job, failed: bool) -> None:
        """Remove what is kept of a stack, unless a part of it failed or is not finished."""
        stack = job.stack_key
        if failed:
            self.cut.add(stack)
        unfinished = any(
            other.stack_key == stack for other in (*self.waiting, *self.pending.values())
        )
        if stack not in self.cut and not unfinished:
            KeptParts(self.store.files, stack).remove()


def in_parts(jobs: Sequence[Job], workers: int) -> list[Job]:
    """Cut the jobs of users' own models so that they end at nearly the same time on all workers.

    A stack of such fits gains nothing: they are fitted one after the other. Progress is seen when a
    part ends.

    Parameters
    ----------
    jobs : sequence of Job
        The jobs.
    workers : int
        Number of tasks that run at the same time.

    Returns
    -------
    list of Job
        Jobs of the same cells.
    """
    most_s = sum(map(rough_seconds, jobs)) / (PARTS_PER_WORKER * workers)
    parts: list[Job] = []
    for job in jobs:
        count = len(job.cells)
        if _trains_one_by_one(job.method):
            count = max(1, int(count * most_s / rough_seconds(job)))
        starts = range(0, len(job.cells), count)
        parts += [job.of(job.cells[start : start + count]) for start in starts]
    return parts


def _trains_one_by_one(method: MethodSpec) -> bool:
    is_users = method.model is not None or ":" in method.name
    return is_users and issubclass(method.load(), SingleMethod)


def report_progress(jobs: Collection[Job], files: Files, progress: Progress) -> None:
    """Report how far the stacks that are being fitted are.

    Parameters
    ----------
    jobs : collection of Job
        The jobs that were submitted.
    files : Files
        Where their workers note progress.
    progress : Progress
        Receives the sum over the jobs, in cells, and the name of the last one that has noted
        progress, or else of the first; it is not called where no job was submitted.
    """
    cells = 0.0
    name = next(map(_name_of, jobs), "")
    for job in jobs:
        if note := _note_of(job, files).read():
            done, total = note
            cells += len(job.cells) * done / total
            name = f"{_name_of(job)}: {done:,} of {total:,} networks"
    if name:
        progress.partly(cells, name)


def _note_of(job: Job, files: Files) -> ProgressNote:
    return ProgressNote(files.fitting(job.cells[0].key))


def _name_of(job: Job) -> str:
    return f"{job.cells[0].method} on {job.cells[0].dataset}"


def _unfinished_jobs(plan: Plan, store: Store) -> list[Job]:
    """Return jobs of the cells that lack a forecast, at the levels that any of them lacks."""
    stored = RunReader(store).forecast_levels()
    unfinished = []
    for job in plan.jobs:
        lacking = {
            cell: [
                level
                for level in job.levels
                if stored.get(cell.key, {}).get(level) != plan.codes[level[0]]
            ]
            for cell in job.cells
        }
        cells = [cell for cell in job.cells if lacking[cell]]
        levels = tuple(p for p in job.levels if any(p in lacking[cell] for cell in cells))
        if cells:
            unfinished.append(replace(job.of(cells), levels=levels))
    return unfinished


def _outcomes(job: Job, future: Future[list[Outcome]], files: Files) -> list[Outcome]:
    """Return the outcomes of a job; one failure for each cell where the worker returned none."""
    error: Exception
    try:
        return future.result()
    except TimeoutError:
        error = TaskFailed("timeout", _timeout_reason(job, files))
    except BadInput:  # the pool cannot run anything more
        raise
    except Exception as raised:
        error = raised
    # Changed sources or data are not the fault of a cell, so that halving is no use.
    halved = not (isinstance(error, TaskFailed) and error.kind == CHANGED)
    return [replace(failed_outcome(cell, error), whole_stack=halved) for cell in job.cells]


def _timeout_reason(job: Job, files: Files) -> str:
    """Say which limit was reached, and how many networks the next attempt need not train."""
    kept = KeptParts(files, job.stack_key).count()
    done, total = _note_of(job, files).read() or (0, 0)
    if not min(kept, done):
        return f"timeout: the fit and its forecasts took more than {job.timeout_s:g} s per cell"
    return (
        f"timeout: the fit reached its limit of {job.timeout_s:g} s per cell with "
        f"{min(kept, done):,} of {total:,} networks done; run again to continue"
    )
