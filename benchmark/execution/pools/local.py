"""A pool of local processes: one for every task, with one thread and a time limit.

A task cannot affect the process of another one. Processes are forked from a server that has torch
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
from threading import Event, Lock, Thread
from time import monotonic
from types import TracebackType
from typing import Any, Self

import cloudpickle

from howrobust.base.pool import Pool, TaskFailed
from howrobust.execution.pools.parcels import Parcels
from howrobust.execution.pools.supervisor import MISSING, guard
from howrobust.execution.pools.time_limit import TimeLimit
from howrobust.planning.entry_points import entries

# Several threads in each of several workers are 20 times slower, since barriers spin. The last
# variable is what n_jobs=-1 stands for in scikit-learn.
ONE_THREAD = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)  # fmt: skip
PRELOAD = ("howrobust.execution.pools.preload", "howrobust.execution.worker")
EXIT_TIMEOUT_S = 1.0
STOP_TIMEOUT_S = 3.0  # a fork server that is still loading is not waited for

_STARTING = Lock()


@dataclass(frozen=True)
class _Task:
    future: Future[Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    limit_s: float
    shared: bool  # it may run in the process of earlier and later tasks


class LocalPool(Pool):
    """Worker processes of this machine.

    It is a context manager that ends all of them, also those that hang.

    Parameters
    ----------
    workers : int
        Number of tasks that run at the same time.
    shared : str, default=""
        Name of a module of small functions: tasks that call them share a process.
    """

    def __init__(self, workers: int, shared: str = "") -> None:
        self.workers = workers
        self._shared = shared
        self._saved: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        # The fork server inherits the environment of this process.
        self._saved = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        self._parcels = Parcels()
        self._by_value: set[str] = set()
        self._context = _Context()
        self._context.set_forkserver_preload(_preloaded(self._shared))
        self._stopping = Event()
        self._running: set[_Child] = set()
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._threads = [Thread(target=self._work, daemon=True) for _ in range(self.workers)]
        for thread in self._threads:
            thread.start()
        return self

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        future: Future[Any] = Future()
        self._tasks.put(
            _Task(future, function, arguments, limit_s, function.__module__ == self._shared)
        )
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
            child.disconnect(_stopped())
        deadline = monotonic() + STOP_TIMEOUT_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - monotonic()))
        self._parcels.close()
        for module in self._by_value & sys.modules.keys():
            cloudpickle.unregister_pickle_by_value(sys.modules[module])
        for name, value in self._saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def _work(self) -> None:
        """Run tasks until the pool ends; the body of a worker thread."""
        kept: _Child | None = None
        while (task := self._tasks.get()) is not None and not self._stopping.is_set():
            if kept and not (task.shared and kept.is_quiet()):
                kept.end()
                kept = None
            try:
                value, kept = self._run_task(task, kept)
                task.future.set_result(value)
            except BaseException as error:  # a worker thread lasts as long as its pool
                kept = None
                task.future.set_exception(error)
        if kept:
            kept.end()

    def _run_task(self, task: _Task, kept: "_Child | None") -> "tuple[Any, _Child | None]":
        """Return the value of a task, and the child that may run the next one."""
        if kept:
            try:
                return self._run(task, kept)
            except _ModuleMissing:
                pass
            except TaskFailed as error:
                if error.kind != "crash":
                    raise
        # If a kept child crashed, an earlier task may be the cause.
        packed_anew: set[str] = set()  # of this task: another thread may have met the same module
        while True:
            try:
                return self._run(task, _Child(self._context))
            except _ModuleMissing as missing:  # this process made it, or imported it from elsewhere
                if missing.name in packed_anew or missing.name not in sys.modules:
                    raise missing.failure from None
                packed_anew.add(missing.name)
                self._by_value.add(missing.name)
                cloudpickle.register_pickle_by_value(sys.modules[missing.name])

    def _run(self, task: _Task, child: "_Child") -> "tuple[Any, _Child | None]":
        """Run a task in a child, which is ended unless it may run the next one."""
        kept = None
        self._running.add(child)
        try:
            if self._stopping.is_set():  # `__exit__` may not have seen the child
                raise _stopped()
            value = child.run(task, self._parcels.pack((task.function, task.arguments)))
            kept = child if task.shared else None
            return value, kept
        finally:
            self._running.discard(child)
            if kept is None:
                child.end()


def _stopped() -> TaskFailed:
    return TaskFailed("stopped", "the pool was closed")


class _ModuleMissing(Exception):  # noqa: N818 (not an error yet)
    """A worker cannot import a module that its task refers to."""

    def __init__(self, name: str, failure: TaskFailed) -> None:
        super().__init__(name)
        self.name, self.failure = name, failure


class _Child:
    """A process under a guard that runs tasks one after the other until one fails."""

    def __init__(self, context: "_Context") -> None:
        self._leash, leash = context.Pipe()
        self._tasks, tasks = context.Pipe()
        arguments = (leash, tasks, dict(os.environ), os.getcwd())
        with leash, tasks:
            self._guard = context.Process(target=guard, args=arguments)
            self._guard.start()
        self._reason: Exception | None = None
        self._closing = Lock()

    def is_quiet(self) -> bool:
        """Return whether it waits for a task, and has neither ended nor sent anything."""
        return not self._tasks.poll()

    def run(self, task: _Task, packed: bytes) -> Any:
        """Return the value of a task; raises `TaskFailed`, or TimeoutError after its limit."""
        pid = self._guard.pid
        assert pid is not None
        try:
            with TimeLimit(pid, task.limit_s, lambda: self.disconnect(TimeoutError())):
                self._tasks.send_bytes(packed)
                kind, *content = self._tasks.recv()
        except (EOFError, OSError):
            raise self._reason or self._crash() from None
        if kind == MISSING:
            raise _ModuleMissing(content[0], TaskFailed(*content[1:]))
        if kind == "failed":
            kind, reason, traceback = content
            raise TaskFailed(kind, reason, traceback)
        return content[0]

    def disconnect(self, reason: Exception) -> None:
        """Make `run` raise ``reason`` in its thread, even in the middle of a message."""
        with self._closing:
            if not self._tasks.closed:
                self._reason = reason
                with socket(fileno=os.dup(self._tasks.fileno())) as same, suppress(OSError):
                    same.shutdown(SHUT_RDWR)

    def _crash(self) -> TaskFailed:
        """Return the error for a child that ended without a result."""
        output = b""
        with suppress(EOFError):  # the guard has died, too
            output = self._leash.recv_bytes() if self._leash.poll(EXIT_TIMEOUT_S) else b""
        self._guard.join(EXIT_TIMEOUT_S)
        code = self._guard.exitcode
        how = f"exit code {code}"
        if code is not None and code - 128 in set(signal.Signals):
            how = f"ended by {signal.Signals(code - 128).name}"
        if code == 128 + signal.SIGKILL:
            how += ", as the kernel does where memory runs out"
        tail = output.decode("utf-8", "replace")
        return TaskFailed("crash", f"crash: the worker ended without a result ({how})", tail)

    def end(self) -> None:
        """End the child and all that descends from it."""
        self._leash.close()
        with self._closing:
            self._tasks.close()
        self._guard.join(EXIT_TIMEOUT_S)
        self._guard.kill()  # in case it is stopped; its child dies with it
        self._guard.join()
        self._guard.close()


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Keep a starting worker from importing the caller's script.

    Workers receive names, never objects of the script. Importing it would run it again, without end
    if it lacks an ``if __name__ == "__main__"`` guard.
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


def _preloaded(shared: str) -> list[str]:
    """Modules that the fork server loads once: importing torch in every worker would take seconds.

    The plug-ins of other packages are left to the tasks that need them: their import may fail.
    """
    plugins = (entry.module for entry in entries("methods").values())
    methods = {module for module in plugins if module.startswith("howrobust.")}
    return [*PRELOAD, *sorted(methods), *([shared] if shared else [])]
