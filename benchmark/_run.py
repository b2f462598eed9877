"""The main job: plan, run, store, score; then results."""

import multiprocessing
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from time import monotonic, time_ns

from howrobust import environment
from howrobust._results import Results
from howrobust.base.pool import Pool
from howrobust.base.progress import Progress
from howrobust.errors import BadInput
from howrobust.execution.scheduler import run_cells
from howrobust.metrics.scoring import score_run, unscored
from howrobust.planning.plan import Plan, Request, make_plan
from howrobust.storage.store import Store

DEFAULT_FOLDER = "howrobust-out"


def run(
    suite: str = "quick",
    methods: Sequence[str] | None = None,
    data: Sequence[str] | None = None,
    stress: Sequence[str] | None = None,
    splits: int | None = None,
    repeats: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    workers: int | None = None,
    *,
    target: str | None = None,
    one_hot: bool = False,
    groups: str | None = None,
    time: str | None = None,
    timeout_s: float | None = None,
    device: str | None = None,
    fresh: bool = False,
    dask: str | None = None,
) -> Results:
    """Run a suite and return its results.

    ``methods`` (``"deep_ensemble[n_members=10]"``), ``data`` (catalogue names or paths) and
    ``stress`` replace the suite's lists; ``splits`` and ``repeats`` its numbers. ``target``,
    ``one_hot``, ``groups`` and ``time`` say how a file is read; ``timeout_s`` limits a cell.
    ``out`` is the folder that keeps the results (``howrobust-out/SUITE``), or the URL of a
    PostgreSQL database; running again there refits nothing that is finished, unless ``fresh``.
    ``workers`` None is one per core. ``dask`` is the address of a scheduler whose workers fit
    instead. Raises `howrobust.errors.BadInput`, with a sentence that says what to do.
    """
    lists = (methods, data, stress, splits, repeats, seed)
    request = Request(suite, *lists, target, one_hot, groups, time, timeout_s, device)
    plan = make_plan(request)
    return execute(plan, out or Path(DEFAULT_FOLDER) / suite, workers, fresh, dask=dask)


def execute(
    plan: Plan,
    out: str | Path,
    workers: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    pool: AbstractContextManager[Pool] | None = None,
    dask: str | None = None,
) -> Results:
    """Carry out a plan in a folder or a database, as its only writer.

    ``fresh`` forgets the plan's finished cells first.
    ``pool`` is where, in place of so many ``workers``; what is fitted is fitted on the workers of
    the scheduler at ``dask``, if given.
    """
    pool = local_pool(workers) if pool is None else pool
    cluster = None if dask is None else _cluster_pool(dask)
    with closing(Store(out)) as store, store.alone():
        if fresh:
            store.forget(plan.run, [cell.key for cell in plan.cells])
        store.start_run(plan.info(environment.describe(), time_ns()), plan.cells)
        began, worked = monotonic(), True
        try:
            with pool as running, cluster or nullcontext(running) as fitting:
                worked = run_cells(plan, store, fitting, progress) > 0
                score_run(plan.run, store, running, progress)
        finally:
            if worked:
                store.add_time(plan.run, monotonic() - began)
    return Results(out, plan.run)


def local_pool(workers: int | None) -> AbstractContextManager[Pool]:
    """Return worker processes of this machine, so many or one per core.

    BadInput where the system cannot start them: results can be read there.
    """
    count = worker_count(workers)
    if "forkserver" not in multiprocessing.get_all_start_methods():
        raise BadInput(
            "models are fitted and scored on Linux or macOS, this system has no fork server; run "
            "there and copy the results folder here, where it can be read"
        )
    from howrobust.execution.pools.local import LocalPool

    return LocalPool(count)


def _cluster_pool(address: str) -> AbstractContextManager[Pool]:
    from howrobust.execution.pools.dask import ClusterPool

    return ClusterPool(address)


def worker_count(asked: int | None) -> int:
    """Return the number of workers: what was asked for, or one per core."""
    if asked is not None and asked < 1:
        raise BadInput(f"the number of workers must be at least 1, not {asked}")
    return environment.usable_cores() if asked is None else asked


def score_again(folder: str | Path, progress: Progress | None = None) -> Results:
    """Score what the latest run in a folder has forecast and not scored, and return its results.

    So a run that was interrupted, or a metric that is new, has its numbers without a refit. Only
    where something is not scored does this wait for whoever writes to the folder.
    """
    results = Results(folder)
    with closing(Store(folder)) as store:
        if unscored(results.run, store):
            with store.alone(), local_pool(None) as pool:
                score_run(results.run, store, pool, progress)
    return Results(folder, results.run)
