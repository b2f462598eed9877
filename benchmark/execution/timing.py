"""The unit of work by which costs are divided, so that they compare across busy machines.

Other processes, the clock rate and a shared cache slow a fit and the unit of work beside it alike;
their ratio depends on the method alone.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

SIZE = 96
PASSES = 4
LEAST_PAIRS = 5
MOST_PAIRS = 15
ENOUGH_S = 0.01
UNITS = 5
_OPERAND = np.linspace(-1.0, 1.0, SIZE * SIZE).reshape(SIZE, SIZE) / SIZE


def unit_s() -> float:
    """Time one unit of work: products and exponentials of (96, 96) doubles.

    Returns
    -------
    float
        CPU time, s.

    Notes
    -----
    Drawing and training networks consist of these operations; the arrays fit a core's cache.
    """
    start = time.thread_time()
    X = _OPERAND
    for _ in range(PASSES):
        X = np.exp(-np.abs(X @ _OPERAND))
    return time.thread_time() - start


def median_unit_s() -> float:
    """Time five units of work, a few milliseconds in all.

    Returns
    -------
    float
        Median CPU time of a unit, s.
    """
    return median(unit_s() for _ in range(UNITS))


def time_paired(function: Callable[[], object]) -> tuple[float, float]:
    """Time a function and the unit of work in turn.

    Parameters
    ----------
    function : callable
        Called without arguments, 5 times; up to 15 times until 10 ms have passed.

    Returns
    -------
    ratio : float
        Median over the calls of their CPU time in units of work.
    wall_s : float
        Least wall-clock time of a call, s.
    """
    ratios: list[float] = []
    least, spent = np.inf, 0.0
    while len(ratios) < LEAST_PAIRS or (spent < ENOUGH_S and len(ratios) < MOST_PAIRS):
        unit = unit_s()
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        ratios.append(cpu / unit)
        least, spent = min(least, wall), spent + wall
    return median(ratios), least
