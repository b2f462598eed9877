"""Local processes, one thread each, with a time limit for every task.

pebble loses no other task when one raises, hangs or dies. Workers are forked from a server that has
torch loaded, so each starts in milliseconds.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from pebble import ProcessPool

# More than one thread in each of several workers costs a factor of 20: barriers spin.
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
PRELOAD = ["howrobust.methods", "howrobust.execution", "howrobust.score"]


class LocalPool:
    """Workers on this machine; a context manager that ends them all, the hanging ones too."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._saved: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        # The environment of this process is what the fork server starts with.
        self._saved = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOAD)
        self._pool: Any = ProcessPool(
            max_workers=self.workers, context=context, initializer=_ignore_interrupt
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


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the parent, which stops its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
