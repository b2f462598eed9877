"""A method that goes wrong, in whatever way, spoils its own cells and nothing else."""

import importlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from commandline import howrobust
from local_cluster import wait_until

import howrobust as hr
from howrobust.base.pool import TaskFailed
from howrobust.base.records import COSTS
from howrobust.datasets.synthetic import Quintic
from howrobust.execution.pools import local
from howrobust.execution.pools.local import LocalPool

HEALTHY = ("bayesian_ridge", "marginal", "oracle")

LIMIT_S = 2.0

# What the reason of the guilty cell says; None where the method is none the worse for it.
POISONS = {
    "raises": "RuntimeError: poisoned",
    "raises what cannot be printed": "Evil: (its message raised SystemExit)",
    "raises a BaseException": "Beyond: beyond",
    "raises KeyboardInterrupt": "KeyboardInterrupt: KeyboardInterrupt",
    "raises SystemExit": "SystemExit: 5",
    "raises TimeoutError": "TimeoutError: its own",
    "raises a novel in colour": "ValueError: \ufffd[31m\ufffd\ufffdxxx",
    "recurses": "RecursionError: maximum recursion depth",
    "runs out of memory": "MemoryError: Unable to allocate",
    "exits": "crash: the worker ended without a result (exit code 7)",
    "exits as if all were well": "crash: the worker ended without a result (exit code 0)",
    "is killed": "(ended by SIGKILL, as the kernel does where memory runs out)",
    "aborts": "(ended by SIGABRT)",
    "reads where nothing is": "(ended by SIGSEGV)",
    "kills its guard": "crash: the worker ended without a result",
    "hangs": "timeout: the fit and its forecasts took more than 2 s per cell",
    "hangs, deaf to SIGTERM": "timeout",
    "hangs with the interpreter's lock": "timeout",
    "stops itself": "timeout",
    "stops its guard": "timeout",
    "answers by half and hangs": "timeout",
    "asks for input": "EOFError",
    "closes every file": "crash",
    "says much and raises": "OSError: \ufffd[31mloud",
    "spoils its process and raises": "OSError: spoilt",
    "leaves children and raises": "OSError: left",
    "gives nothing": "AttributeError: 'NoneType'",
    "mutates": "ValueError: assignment destination is read-only",
    "predict raises": "LookupError: no forecast by design",
    "predict exits": "crash: the worker ended without a result (exit code 3)",
    "predict hangs": "timeout",
    "predict of NaN": "ValueError: means and sds must be finite",
    "predict of the wrong shape": "ValueError",
    "predict of nothing": "AttributeError: 'NoneType'",
    "predict mutates": "ValueError: assignment destination is read-only",
    "facts are no numbers": "TypeError: float() argument must be",
    "says much": None,
    "leaves children": None,
    "comes back twice": None,
    "mutates by force": None,
}


def guilty_split_and_threshold():
    """The split whose first training target is the larger, and a number between the two."""
    first = {s: float(Quintic().realise(s, 0)[0].y[0]) for s in Quintic().splits(2)}
    return max(first, key=first.get), sum(first.values()) / 2


GUILTY, ABOVE = guilty_split_and_threshold()


def label(how, name="Poison"):
    return f'poisons:{name}[above={ABOVE!r},how="{how}"]'


def alive(pids):
    """Those of some processes that are there a second later: one that is killed takes a moment."""
    known = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    left = psutil.wait_procs(known, timeout=1)[1]
    return [p.pid for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def values(results, methods):
    """Records of some methods, less what a clock or a meter says."""
    records = results.records()
    kept = records["method"].isin(methods) & ~records["metric"].isin(COSTS)
    return records[kept].drop(columns="run").reset_index(drop=True)


@pytest.fixture(scope="module")
def poisoned(plugins, tmp_path_factory):
    """One run of every poison among healthy methods: results, what it wrote, pids of children."""
    folder = tmp_path_factory.mktemp("poisoned")
    labels = [*map(label, POISONS), label("predict raises under stress"), label("few", "Few")]
    arguments = [word for name in labels for word in ("-m", name)]
    code, out, err = howrobust(
        "run", "-d", "quintic", "-m", "bayesian_ridge", *arguments, "--stress", "input_noise",
        "--splits", "2", "--timeout", LIMIT_S, "--workers", "2", "--out", folder / "out",
        PYTHONPATH=plugins, POISON_PIDS=str(folder / "pids"),
    )  # fmt: skip
    return hr.load(folder / "out"), code, out, err, words(folder / "pids")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    """The run of the healthy methods alone."""
    return hr.run(methods=["bayesian_ridge"], data=["quintic"], stress=["input_noise"], splits=2,
                  out=tmp_path_factory.mktemp("healthy"), workers=2)  # fmt: skip


@pytest.mark.parametrize("how", POISONS)
def test_a_poison_fails_its_own_cell_and_says_how(how, poisoned):
    cells = {c.split: c for c in poisoned[0].cells() if c.method == label(how)}
    guilty = cells.pop(GUILTY)
    (innocent,) = cells.values()
    assert innocent.status == "ok"
    if POISONS[how] is None:
        assert guilty.status == "ok", guilty.reason
        return
    assert guilty.status == "failed"
    assert POISONS[how] in guilty.reason
    assert guilty.reason.isprintable()
    assert len(guilty.reason) <= 500
    raised = not POISONS[how].startswith(("crash", "timeout", "("))
    assert guilty.reason.startswith(f"{guilty.kind}: ")
    assert guilty.kind in ("crash", "timeout") or raised
    if raised and "cannot be printed" not in how:
        assert "Traceback" in guilty.traceback
    assert len(guilty.traceback) <= 20_000
    lost = poisoned[0].records()
    lost = lost[(lost.method == label(how)) & (lost.split == GUILTY)]
    assert set(lost.status) == {"failed"}
    assert (lost.reason == guilty.reason).all()


def test_a_posterior_that_fails_under_stress_alone_loses_those_levels_alone(poisoned):
    records = poisoned[0].records()
    mine = records[records["method"] == label("predict raises under stress")]
    failed = mine[mine.status == "failed"]
    assert set(failed.split) == {GUILTY}
    assert len(failed)
    assert "none" not in set(failed["stress"])
    assert set(failed.reason) == {"LookupError: no forecast by design"}


def test_a_stack_that_gives_too_few_posteriors_is_halved_until_one_fails(poisoned):
    cells = {c.split: c for c in poisoned[0].cells() if c.method == label("few", "Few")}
    assert cells.pop(GUILTY).reason == "ValueError: 1 problems gave 0 posteriors"
    assert [c.status for c in cells.values()] == ["ok"]


def test_the_other_methods_records_are_those_of_a_run_without_poison(poisoned, healthy):
    assert values(poisoned[0], HEALTHY).equals(values(healthy, HEALTHY))
    assert set(values(healthy, HEALTHY)["method"]) == set(HEALTHY)


def test_nothing_that_a_poison_writes_reaches_the_terminal(poisoned):
    _, code, out, err, _ = poisoned
    assert code == 1
    assert "Traceback" not in err
    for text in (out, err):
        assert "garbage" not in text
        assert all(line.isprintable() for line in text.splitlines())


def test_children_that_a_task_leaves_are_gone_when_the_run_is(poisoned):
    pids = poisoned[4]
    # Two cells, each a worker, a child and a daemon; the one that raises was fitted again alone.
    assert len(pids) >= 9
    assert alive(pids) == []


def test_no_file_is_left_half_written(poisoned):
    left = [p.name for p in Path(poisoned[0].folder).rglob("*") if p.suffix in (".tmp", ".new")]
    assert left == []


HANGS = [
    how
    for how, reason in POISONS.items()
    if reason and reason.startswith("timeout") and not how.startswith("predict")
]


@pytest.fixture
def suffer(plugins, monkeypatch):
    """The task that goes wrong as it is told."""
    monkeypatch.syspath_prepend(plugins)
    return importlib.import_module("poisons").suffer


@pytest.fixture
def pids(tmp_path, monkeypatch):
    """The file where tasks note their processes."""
    monkeypatch.setenv("POISON_PIDS", str(tmp_path / "pids"))
    return tmp_path / "pids"


@pytest.mark.parametrize("how", HANGS)
def test_a_time_limit_is_kept_within_two_seconds(how, suffer, pids):
    with LocalPool(1) as pool:
        pool.submit(os.getpid, limit_s=60).result()  # the fork server is up
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            pool.submit(suffer, how, limit_s=0.5).result()
        assert 0.5 <= time.monotonic() - began < 0.5 + 2
        assert len(words(pids)) == 1
        assert alive(words(pids)) == []
        # The pool is as good as new.
        assert pool.submit(os.getpid, limit_s=60).result() > 0


def test_a_worker_that_dies_without_a_word_leaves_its_last_ones(suffer):
    with LocalPool(1) as pool, pytest.raises(TaskFailed) as caught:
        pool.submit(suffer, "speaks and aborts", limit_s=60).result()
    assert caught.value.kind == "crash"
    assert caught.value.traceback.endswith("the last words")


def test_closing_a_pool_ends_what_it_is_doing(suffer, pids):
    with LocalPool(2) as pool:
        for _ in range(3):
            pool.submit(suffer, "leaves children and hangs", limit_s=600)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(words(pids)) < 6:
            time.sleep(0.05)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert len(words(pids)) == 6  # two workers, each with a child and a daemon
    assert alive(words(pids)) == []


def test_closing_a_pool_waits_for_no_second_half_of_an_answer(suffer, pids):
    with LocalPool(1) as pool:
        future = pool.submit(suffer, "answers by half and hangs", limit_s=600)
        wait_until(lambda: words(pids))
        time.sleep(0.5)  # the half is written
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert isinstance(future.exception(timeout=5), TaskFailed)
    assert alive(words(pids)) == []


@pytest.fixture
def shared():
    """A pool of one in which functions of `os` share a process."""
    with LocalPool(1, shared=os.getpid.__module__) as pool:
        yield pool


def test_a_shared_process_that_has_died_is_no_fault_of_the_next_task(shared):
    first, second = (shared.submit(os.getpid, limit_s=60).result() for _ in range(2))
    assert first == second
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(first))
    assert shared.submit(os.getpid, limit_s=60).result() not in (first, os.getpid())


def test_a_task_that_follows_others_and_crashes_is_tried_alone(shared, monkeypatch):
    monkeypatch.setattr(local._Child, "is_quiet", lambda child: True)  # it dies just after that
    first = shared.submit(os.getpid, limit_s=60).result()
    os.kill(first, signal.SIGKILL)
    assert shared.submit(os.getpid, limit_s=60).result() not in (first, os.getpid())
    with pytest.raises(TaskFailed, match="exit code 7"):
        shared.submit(os._exit, 7, limit_s=60).result()


def test_a_crash_leaves_no_file_open():
    with LocalPool(1) as pool:
        for k in range(6):
            with pytest.raises(TaskFailed):
                pool.submit(os._exit, 7, limit_s=60).result()
            if k == 0:  # the fork server's own are open from now on
                before = psutil.Process().num_fds()
        assert psutil.Process().num_fds() == before


def words(path):
    """The numbers in a file of processes, each once."""
    return sorted(set(map(int, path.read_text().split()))) if path.is_file() else []
