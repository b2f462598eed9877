"""The time limit of a task: time that it computes or idles, not time that it waits for a core."""

import os
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Self

import psutil

FIRST_WAIT_S = 1.0  # counts by the clock
LEAST_WAIT_S = 0.05
LONGEST_WAIT_S = 60.0
IDLE_SHARE = 0.01  # of a core: a task that computes less is asleep, however busy the machine is
WALL_FACTOR = 10.0


class TimeLimit:
    """Calls a function once when a task has used up its time, unless the context ends before.

    Parameters
    ----------
    pid : int
        The process whose descendants are the task.
    limit_s : float
        Time limit, s.
    expire : callable
        Function without arguments, called in a thread of its own.

    Notes
    -----
    What counts is processor time of all descendants, so that neither the load of the machine nor
    the number of workers decides which fits are cut. A task that hangs uses none: an interval in
    which it takes less than 1 % of a core counts in full. Ten times the limit by the clock is the
    end in any case.
    """

    def __init__(self, pid: int, limit_s: float, expire: Callable[[], None]) -> None:
        self._pid, self._limit_s, self._expire = pid, limit_s, expire
        self._over = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()  # it must not end the next task of the process

    def _watch(self) -> None:
        cores = os.cpu_count() or 1
        began = monotonic()
        # Most tasks have ended by then. Looking for descendants takes as long as a short task.
        if self._over.wait(min(FIRST_WAIT_S, self._limit_s / cores)):
            return
        at, used = monotonic(), processor_seconds(self._pid)
        spent, deadline = at - began, began + WALL_FACTOR * self._limit_s
        while spent < self._limit_s and at < deadline:
            # Even on all cores the limit is not reached before that.
            wait_s = max(LEAST_WAIT_S, (self._limit_s - spent) / cores)
            if self._over.wait(min(wait_s, LONGEST_WAIT_S)):
                return
            now, total = monotonic(), processor_seconds(self._pid)
            computed = max(0.0, total - used)
            idle = computed < IDLE_SHARE * (now - at)
            spent += now - at if idle else computed
            at, used = now, max(used, total)
        self._expire()


def processor_seconds(pid: int) -> float:
    """Return the processor time of all descendants of a process.

    Parameters
    ----------
    pid : int
        The process.

    Returns
    -------
    float
        User and system time, s, with that of descendants that have ended and were waited for; 0
        where the process is gone.
    """
    try:
        parent = psutil.Process(pid)
        times = parent.cpu_times()
        total = times.children_user + times.children_system
        descendants = parent.children(recursive=True)
    except psutil.Error:
        return 0.0
    for process in descendants:
        try:
            times = process.cpu_times()
        except psutil.Error:  # it has ended meanwhile
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return float(total)
