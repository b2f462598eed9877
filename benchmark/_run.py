"""Run a suite: plan, fit, store, score; then read the results."""

import multiprocessing
import warnings
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from time import monotonic, time_ns

from howrobust import environment
from howrobust._results import Results
from howrobust.base.pool import Pool
from howrobust.base.progress import Progress
from howrobust.errors import BadInput
from howrobust.execution.kept import remove_kept
from howrobust.execution.scheduler import run_cells
from howrobust.metrics.known import require_new_names
from howrobust.metrics.scoring import score_run, unscored
from howrobust.planning.estimate import limit_warnings
from howrobust.planning.options import RunOptions, takes_options
from howrobust.planning.plan import Plan, make_plan
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter


@takes_options(RunOptions)
def run(options: RunOptions) -> Results:
    """Run a suite and return its results.

    Running again with the same ``out`` refits nothing that is finished, unless ``fresh``.

    Returns
    -------
    Results
        The results.

    Raises
    ------
    BadInput
        With one sentence that says what was given, what was needed and what to do.

    Examples
    --------
    >>> import howrobust as hr
    >>> results = hr.run("quick", methods=["bayesian_ridge"])  # doctest: +SKIP
    """
    plan = make_plan(options)
    for sentence in limit_warnings(plan.jobs):
        warnings.warn(sentence, stacklevel=3)
    return execute(
        plan,
        options.destination,
        workers=options.workers,
        fresh=options.fresh,
        dask=options.dask,
    )


def execute(
    plan: Plan,
    out: str | Path,
    *,
    workers: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
    pool: AbstractContextManager[Pool] | None = None,
    dask: str | None = None,
) -> Results:
    """Carry out a plan as the only writer of a folder or database.

    Parameters
    ----------
    plan : Plan
        The plan.
    out : str or Path
        Folder or URL of a database.
    workers : int, optional
        Number of worker processes; one per core if None.
    fresh : bool, default False
        Whether the plan's finished cells are first forgotten.
    progress : Progress, optional
        Is called as cells finish.
    pool : context manager of Pool, optional
        Where jobs run, in place of worker processes.
    dask : str, optional
        Address of a dask scheduler whose workers fit the models; scores are computed here.

    Returns
    -------
    Results
        The results.

    Raises
    ------
    BadInput
        Where the results cannot be written or the workers cannot be started.
    """
    require_new_names(plan.metrics)
    pool = local_pool(workers) if pool is None else pool
    cluster = None if dask is None else _cluster_pool(dask)
    with closing(Store(out)) as store, store.exclusive():
        writer = RunWriter(store)
        if fresh:
            writer.forget(plan.run, [cell.key for cell in plan.cells])
            remove_kept(store.files)
        writer.start_run(plan.info(environment.describe(), time_ns()), plan.cells)
        began, worked = monotonic(), True
        try:
            with pool as running, cluster or nullcontext(running) as fitting:
                worked = run_cells(plan, store, fitting, progress) > 0
                score_run(plan.run, store, running, progress, plan.metrics)
        finally:
            if worked:
                writer.add_time(plan.run, monotonic() - began)
    return Results(out, plan.run)


def local_pool(workers: int | None) -> AbstractContextManager[Pool]:
    """Return a pool of worker processes on this machine.

    Parameters
    ----------
    workers : int, optional
        Number of processes; one per core if None.

    Returns
    -------
    context manager of Pool
        Starts the processes when it is entered.

    Raises
    ------
    BadInput
        For a number below 1, and where the operating system has no fork server.
    """
    count = worker_count(workers)
    if "forkserver" not in multiprocessing.get_all_start_methods():
        raise BadInput(
            "models are fitted and scored on Linux or macOS; this system has no fork server: run "
            "there and copy the results folder here, where it can be read"
        )
    from howrobust.execution.pools.local import LocalPool

    return LocalPool(count, shared=score_run.__module__)  # metrics are many and small


def _cluster_pool(address: str) -> AbstractContextManager[Pool]:
    from howrobust.execution.pools.dask import ClusterPool

    return ClusterPool(address)


def worker_count(workers: int | None) -> int:
    """Return the number of worker processes to start.

    Parameters
    ----------
    workers : int, optional
        The number asked for.

    Returns
    -------
    int
        That number; the number of usable cores if None.

    Raises
    ------
    BadInput
        For a number below 1.
    """
    if workers is not None and workers < 1:
        raise BadInput(f"the number of workers must be at least 1, not {workers}")
    return environment.usable_cores() if workers is None else workers


def score_again(out: str | Path, progress: Progress | None = None) -> Results:
    """Score the latest run's forecasts that lack scores, and return its results.

    Parameters
    ----------
    out : str or Path
        Folder or URL of a database.
    progress : Progress, optional
        Is called as cells are scored.

    Returns
    -------
    Results
        The results.

    Raises
    ------
    BadInput
        Where there are no results.

    Notes
    -----
    An interrupted run and a new metric get their numbers without a refit. The function waits for
    another writer only where a forecast lacks a score.
    """
    results = Results(out)
    with closing(Store(out)) as store:
        if unscored(results.run, store):
            with store.exclusive(), local_pool(None) as pool:
                score_run(results.run, store, pool, progress)
    return Results(out, results.run)
