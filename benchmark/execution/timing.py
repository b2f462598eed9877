"""Yardstick: what a cost is divided by, so that it means the same on a busy machine.

A neighbour, a slow clock or a shared cache slows a fit and the unit of work beside it alike; their
ratio is the method's own.
"""

import time
from collections.abc import Callable
from statistics import median

import numpy as np

SIDE = 96
PASSES = 4
FEWEST_PAIRS = 5
MOST_PAIRS = 15
ENOUGH_S = 0.01
UNITS = 5


def unit_s() -> float:
    """CPU seconds of one unit of work: products and exponentials of (96, 96) doubles.

    They are what drawing and training networks is made of, and they fit a core's own cache.
    """
    start = time.thread_time()
    X = _OPERAND
    for _ in range(PASSES):
        X = np.exp(-np.abs(X @ _OPERAND))
    return time.thread_time() - start


def units_s() -> float:
    """Median CPU seconds of five units of work, a few milliseconds in all."""
    return median(unit_s() for _ in range(UNITS))


def paired(subject: Callable[[], object]) -> tuple[float, float]:
    """Time a subject and a unit alternately: (median of CPU-time ratios, least wall seconds).

    Five pairs, and more, up to 15, of a subject that has not taken 10 ms by then.
    """
    ratios: list[float] = []
    least, spent = np.inf, 0.0
    while len(ratios) < FEWEST_PAIRS or (spent < ENOUGH_S and len(ratios) < MOST_PAIRS):
        unit = unit_s()
        wall, cpu = time.perf_counter(), time.process_time()
        subject()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        ratios.append(cpu / unit)
        least, spent = min(least, wall), spent + wall
    return median(ratios), least


_OPERAND = np.linspace(-1.0, 1.0, SIDE * SIDE).reshape(SIDE, SIDE) / SIDE
