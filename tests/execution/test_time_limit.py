"""What counts against a time limit: computing and idling, not waiting for a core."""

import os
import subprocess
import sys
from threading import Event
from time import monotonic

import pytest

from howrobust.execution.pools import time_limit
from howrobust.execution.pools.time_limit import TimeLimit, processor_seconds

LIMIT_S = 0.4


def seconds_until_expired(cores, within_s, monkeypatch):
    """Time until a task expires that gets so many cores all the time; inf if it does not."""
    began, expired = monotonic(), Event()
    monkeypatch.setattr(time_limit, "processor_seconds", lambda pid: cores * (monotonic() - began))
    with TimeLimit(0, LIMIT_S, expired.set):
        return monotonic() - began if expired.wait(within_s) else float("inf")


@pytest.mark.parametrize("cores", [0.0, 0.001, 1.0])
def test_a_task_that_idles_or_computes_ends_at_its_limit(cores, monkeypatch):
    assert seconds_until_expired(cores, 60, monkeypatch) >= 0.99 * LIMIT_S


def test_a_task_that_gets_little_of_a_busy_machine_has_longer(monkeypatch):
    # The first wait counts by the clock, on many cores hardly at all.
    assert seconds_until_expired(0.05, 1.5 * LIMIT_S, monkeypatch) == float("inf")


def test_no_task_lasts_longer_than_ten_limits_by_the_clock(monkeypatch):
    monkeypatch.setattr(time_limit, "WALL_FACTOR", 2.0)
    assert seconds_until_expired(0.02, 60, monkeypatch) >= 2 * 0.99 * LIMIT_S


def test_a_task_that_ends_in_time_is_left_alone():
    expired = Event()
    with TimeLimit(os.getpid(), 0.1, expired.set):
        pass
    assert not expired.wait(0.3)


def test_time_of_children_and_grandchildren_counts():
    burn = "import time\nwhile time.process_time() < 0.3: pass\n"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); input()"
    before = processor_seconds(os.getpid())
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as child:
        deadline = monotonic() + 60
        while processor_seconds(os.getpid()) - before < 0.3 and monotonic() < deadline:
            pass
        assert processor_seconds(os.getpid()) - before >= 0.3
        child.communicate(b"\n")
    assert processor_seconds(2**22 + 1) == 0.0  # no such process
