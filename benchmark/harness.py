"""The main job: plan, run, store, score; then results."""

import time
from collections.abc import Sequence
from pathlib import Path

from howrobust import environment
from howrobust.errors import BadInput
from howrobust.execution import Progress, run_cells
from howrobust.executors.local import LocalPool
from howrobust.plan import Plan, Request, make_plan
from howrobust.results import Results
from howrobust.score import score_run
from howrobust.store import Store

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
) -> Results:
    """Run a suite and return its results.

    ``methods`` (``"deep_ensemble[n_members=10]"``), ``data`` (catalogue names or paths) and
    ``stress`` replace the suite's lists; ``splits`` and ``repeats`` its numbers. ``target`` names
    the target column of a file. ``out`` is the folder that keeps the results
    (``howrobust-out/SUITE``); running again there refits nothing that is finished. ``workers``
    None is one per core. Raises `howrobust.errors.BadInput`, with a sentence that says what to do.

    Workers are separate processes: in a script, call this under ``if __name__ == "__main__":``.
    """
    request = Request(suite, methods, data, stress, splits, repeats, seed, target=target)
    return execute(make_plan(request), out or Path(DEFAULT_FOLDER) / suite, workers)


def execute(
    plan: Plan,
    out: str | Path,
    workers: int | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Results:
    """Carry out a plan in a folder; ``fresh`` forgets the plan's finished cells first."""
    workers = environment.usable_cores() if workers is None else workers
    if workers < 1:
        raise BadInput(f"the number of workers must be at least 1, not {workers}")
    store = Store(out)
    try:
        if fresh:
            store.forget(cell.key for cell in plan.cells)
        store.start_run(plan, environment.describe(), time.time_ns())
        with LocalPool(workers) as pool:
            run_cells(list(plan.jobs), store, pool, progress)
            score_run(plan.run, store, pool, progress)
    finally:
        store.close()
    return Results(out, plan.run)
