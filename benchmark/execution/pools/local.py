"""Local processes: a new one for every task, one thread each, with a limit of time.

What a task does to its process reaches no other. Processes are forked from a server that has torch
loaded, so that each starts in milliseconds.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from queue import SimpleQueue
from socket import SHUT_RDWR, socket
from threading import TIMEOUT_MAX, Event, Lock, Thread, Timer
from time import monotonic
from types import TracebackType
from typing import Any, Self

from howrobust.base.pool import TaskFailed
from howrobust.execution.pools.supervisor import guard

# More than one thread in each of several workers costs a factor of 20: barriers spin.
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
PRELOAD = [
    "howrobust.execution.pools.preload",
    "howrobust.methods",
    "howrobust.execution.worker",
    "howrobust.metrics.scoring",
]
# Metrics are functions of a forecast, and many: their tasks follow each other in one process.
SHARED = "howrobust.metrics.scoring"
LET_GO_S = 1.0
STOP_S = 3.0  # a fork server that is still loading is not waited for


_STARTING = Lock()


@dataclass(frozen=True)
class _Task:
    future: Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    limit_s: float

    @property
    def shares(self) -> bool:
        """Whether it may follow another in the same process, and be followed."""
        return self.function.__module__ == SHARED


class LocalPool:
    """Workers on this machine; a context manager that ends them all, the hanging ones too."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._saved: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        # The environment of this process is what the fork server starts with.
        self._saved = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        self._context = _Context()
        self._context.set_forkserver_preload(PRELOAD)
        self._stopping = Event()
        self._running: set[_Child] = set()
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(self.workers)]
        for thread in self._threads:
            thread.start()
        return self

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        """Run ``function(*arguments)`` in a process of its own, once a worker is free."""
        future: Future[Any] = Future()
        self._tasks.put(_Task(future, function, arguments, limit_s))
        return future

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for _ in self._threads:
            self._tasks.put(None)
        for child in self._running.copy():
            child.hang_up(_stopped())
        deadline = monotonic() + STOP_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        for name, value in self._saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _work(self) -> None:
        """One worker: carry out tasks until the pool ends."""
        kept: _Child | None = None
        while (task := self._tasks.get()) is not None and not self._stopping.is_set():
            if kept and not (task.shares and kept.is_quiet()):
                kept.end()
                kept = None
            try:
                value, kept = self._carry_out(task, kept)
                task.future.set_result(value)
            except BaseException as error:  # a worker never ends before its pool
                kept = None
                task.future.set_exception(error)
        if kept:
            kept.end()

    def _carry_out(self, task: _Task, kept: "_Child | None") -> "tuple[Any, _Child | None]":
        """Return a task's value, and the child that may go on to the next task."""
        if kept:
            try:
                return self._run(task, kept)
            except TaskFailed as error:
                if error.kind != "crash":
                    raise
        # Where a kept child crashed, a task before this one may be to blame.
        return self._run(task, _Child(self._context))

    def _run(self, task: _Task, child: "_Child") -> "tuple[Any, _Child | None]":
        """Have one child carry out a task; it is ended unless it may go on to the next."""
        kept = None
        self._running.add(child)
        try:
            if self._stopping.is_set():  # before the line above, which nobody has seen then
                raise _stopped()
            value = child.run(task)
            kept = child if task.shares else None
            return value, kept
        finally:
            self._running.discard(child)
            if kept is None:
                child.end()


def _stopped() -> TaskFailed:
    return TaskFailed("stopped", "the pool was closed")


class _Child:
    """A process under a guard, for one task after the other; one that fails ends it."""

    def __init__(self, context: "_Context") -> None:
        self._leash, leash = context.Pipe()
        self._tasks, tasks = context.Pipe()
        arguments = (leash, tasks, dict(os.environ), os.getcwd())
        with leash, tasks:
            self._guard = context.Process(target=guard, args=arguments)
            self._guard.start()
        self._hung_up: Exception | None = None
        self._closing = Lock()

    def is_quiet(self) -> bool:
        """Whether it waits for a task: it has neither ended nor sent what nobody asked for."""
        return not self._tasks.poll()

    def run(self, task: _Task) -> Any:
        """Return the task's value; raises `TaskFailed`, or TimeoutError past its limit."""
        limit = Timer(min(task.limit_s, TIMEOUT_MAX), self.hang_up, [TimeoutError()])
        limit.daemon = True
        limit.start()
        try:
            self._tasks.send((task.function, task.arguments))
            kind, *found = self._tasks.recv()
        except (EOFError, OSError):
            raise self._hung_up or self._crash() from None
        finally:
            limit.cancel()
            limit.join()  # it may be about to hang up, and a next task may come
        if kind == "failed":
            raise TaskFailed(*found)
        return found[0]

    def hang_up(self, why: Exception) -> None:
        """Have `run` raise this, in whatever thread, and however much of a message it has."""
        with self._closing:
            if not self._tasks.closed:
                self._hung_up = why
                with socket(fileno=os.dup(self._tasks.fileno())) as same, suppress(OSError):
                    same.shutdown(SHUT_RDWR)

    def _crash(self) -> TaskFailed:
        """Say how a child ended that has sent nothing."""
        last = b""
        with suppress(EOFError):  # the guard has died, too
            last = self._leash.recv_bytes() if self._leash.poll(LET_GO_S) else b""
        self._guard.join(LET_GO_S)
        code = self._guard.exitcode
        how = f"exit code {code}"
        if code is not None and code - 128 in set(signal.Signals):
            how = f"ended by {signal.Signals(code - 128).name}"
        if code == 128 + signal.SIGKILL:
            how += ", as the kernel does where memory runs out"
        words = last.decode("utf-8", "replace")
        return TaskFailed("crash", f"crash: the worker ended without a result ({how})", words)

    def end(self) -> None:
        """End the child and all that descends from it."""
        self._leash.close()
        with self._closing:
            self._tasks.close()
        self._guard.join(LET_GO_S)
        self._guard.kill()  # a guard that was stopped; its child dies with it
        self._guard.join()
        self._guard.close()


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep a starting worker from importing the caller's script once more.

    Workers are given names, never objects of the script; importing it would run it again, which
    without an ``if __name__ == "__main__"`` guard never ends.
    """
    main = vars(sys.modules["__main__"])
    saved: dict[str, Any] = {k: main.pop(k) for k in ("__file__", "__spec__") if k in main}
    main["__spec__"] = None
    try:
        yield
    finally:
        main.update(saved)


class _Worker(ForkServerProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - the name is multiprocessing's
        with _STARTING, _main_hidden():
            return ForkServerProcess._Popen(process_obj)


class _Context(ForkServerContext):
    Process = _Worker
