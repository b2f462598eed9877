"""A rough estimate of how long a job takes."""

import math
from collections.abc import Iterable

from howrobust.planning.jobs import Job

SECONDS_PER_FORECAST = 0.1
SECONDS_PER_GAUSSIAN_PROCESS = 1.0
SECONDS_PER_STEP = 8e-6  # measured: one compiled step of 50 hidden units on a batch of 100


def rough_seconds(job: Job) -> float:
    """Estimate the time that a job takes on one core.

    Parameters
    ----------
    job : Job
        A stack of cells.

    Returns
    -------
    float
        The time in seconds.

    Notes
    -----
    Networks x epochs x mini-batches x 8 us, in proportion to width and batch size; 0.1 s per
    forecast and 1 s per Gaussian process. It orders the jobs of a run, shares the cores among them
    and is shown by ``howrobust run --dry-run``.
    """
    settings = job.method.build().settings()
    cells = len(job.cells)
    overhead = SECONDS_PER_FORECAST * cells * len(job.levels)
    if "epochs" not in settings:
        is_process = "max_rows" in settings
        return overhead + (SECONDS_PER_GAUSSIAN_PROCESS * cells if is_process else 0.0)
    batch = min(settings["batch_size"] or job.n_train, job.n_train)
    steps = settings["epochs"] * math.ceil(job.n_train / batch)
    networks = settings.get("n_members") or (
        settings.get("n_folds", 1) * settings.get("n_shuffles", 2)
    )
    size = max(0.5, sum(settings["hidden"]) / 50 * batch / 100)
    # Every combination of several values is first trained on four fifths of the rows.
    choices = job.method.load().CHOICES
    several = [settings[name] for name in choices if isinstance(settings[name], list | tuple)]
    combinations = math.prod(map(len, several))
    networks *= 1 + (0.8 * combinations if combinations > 1 else 0)
    return float(overhead + cells * networks * SECONDS_PER_STEP * steps * size)


def limit_warnings(jobs: Iterable[Job]) -> list[str]:
    """Say which fits are estimated to take longer than their time limit.

    Parameters
    ----------
    jobs : iterable of Job
        The jobs of a plan.

    Returns
    -------
    list of str
        A sentence for each method on each data set of which a cell exceeds the limit.
    """
    worst: dict[tuple[str, str], tuple[float, float]] = {}
    for job in jobs:
        cell = job.cells[0]
        seconds = rough_seconds(job) / len(job.cells)
        if seconds > job.timeout_s:
            name = (cell.method, cell.dataset)
            worst[name] = max(worst.get(name, (0.0, 0.0)), (seconds, job.timeout_s))
    return [
        f"a fit of {method} on {dataset} takes roughly {seconds:,.0f} s of processor time, and its "
        f"limit is {limit_s:,.0f} s: raise the limit (--timeout, timeout_s), or run again each "
        "time it is reached, which continues from the networks that are done"
        for (method, dataset), (seconds, limit_s) in worst.items()
    ]
