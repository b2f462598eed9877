"""Local processes, one thread each, with a time limit for every task.

pebble loses no other task when one raises, hangs or dies. Workers are forked from a server that has
torch loaded, so each starts in milliseconds.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, ForkServerProcess
from threading import Lock
from types import TracebackType
from typing import Any, Self

from pebble import ProcessPool

# More than one thread in each of several workers costs a factor of 20: barriers spin.
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
PRELOAD = ["howrobust.methods", "howrobust.execution", "howrobust.score"]


_STARTING = Lock()


class LocalPool:
    """Workers on this machine; a context manager that ends them all, the hanging ones too."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._saved: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        # The environment of this process is what the fork server starts with.
        self._saved = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        context = _Context()
        context.set_forkserver_preload(PRELOAD)
        self._pool: Any = ProcessPool(
            max_workers=self.workers,
            context=context,
            initializer=_prepare,
            initargs=(dict(os.environ), os.getcwd()),
        )
        return self

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        """Run ``function(*arguments)``; its future raises TimeoutError past the limit.

        A worker that dies raises pebble.ProcessExpired.
        """
        future: Future[Any] = self._pool.schedule(function, args=arguments, timeout=limit_s)
        return future

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._pool.close()
        else:
            self._pool.stop()
        self._pool.join()
        for name, value in self._saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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


def _prepare(environ: dict[str, str], folder: str) -> None:
    """Begin a worker: the fork server may be older than what its parent has become since.

    Ctrl-C is left to the parent, which stops its workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
