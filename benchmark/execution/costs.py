"""The costs of a fit and of a draw: time, time in units of work, and memory."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil

from howrobust.base.method import Posterior
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import NotStated
from howrobust.execution.timing import median_unit_s, time_paired

TIMED_POINTS = 1000
TIMED_DRAWS = 256
T = TypeVar("T")


def measure_fit(fit: Callable[[], T], cells: int) -> tuple[T, dict[str, float]]:
    """Call a function that fits a stack, and measure it.

    Parameters
    ----------
    fit : callable
        Called once, without arguments.
    cells : int
        Number of cells in the stack.

    Returns
    -------
    result : object
        What ``fit`` returned.
    costs : dict of str to float
        ``fit_cpu_s``, ``fit_wall_s`` and ``fit_ratio`` (CPU time in units of work) of one cell, and
        ``stack_size``.
    """
    before = median_unit_s()
    wall, cpu = time.perf_counter(), time.process_time()
    result = fit()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    unit = (before + median_unit_s()) / 2
    return result, {
        "fit_cpu_s": cpu / cells,
        "fit_wall_s": wall / cells,
        "fit_ratio": cpu / cells / unit,
        "stack_size": float(cells),
    }


def draw_cost(posterior: Posterior, X: Array) -> dict[str, float]:
    """Measure what a draw of the predictive mean at 1,000 points costs.

    Parameters
    ----------
    posterior : Posterior
        A fitted model.
    X : array of shape (n, d)
        Inputs, repeated or cut to 1,000 points.

    Returns
    -------
    dict of str to float
        ``us_per_draw``, the least wall-clock time, µs, and ``draw_ratio``, the median CPU time in
        units of work.
    """
    points = np.resize(X, (TIMED_POINTS, X.shape[1]))
    draws = 1

    def draw() -> None:
        nonlocal draws
        predictive = posterior.predictive(points, draws=TIMED_DRAWS, seed=0)
        with suppress(NotStated):  # quantiles and intervals are there once they are predicted
            predictive.mean()
        draws = predictive.n_components

    ratio, least_s = time_paired(draw)
    return {"us_per_draw": least_s / draws * 1e6, "draw_ratio": ratio / draws}


def reset_peak_memory() -> None:
    """Start measuring peak memory afresh, where the kernel allows it."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # not Linux, or not permitted: the peak is that of the whole process
        return


def peak_memory_mb() -> float:
    """Return the peak memory of this process since `reset_peak_memory`.

    Returns
    -------
    float
        Peak resident memory, MiB; the present value where the system does not report the peak.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return float(psutil.Process().memory_info().rss) / 2**20
