"""The caller's own process: for models that have no name to be imported by."""

import os
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from howrobust.base.pool import TaskFailed


class HerePool:
    """Runs each task at once, where it is submitted, with no limit of time.

    A context manager, as `LocalPool` is; the environment is put back at its end.
    """

    workers = 1

    def __enter__(self) -> Self:
        self._environ = dict(os.environ)
        return self

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        """Run ``function(*arguments)`` and return its future, which is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except (Exception, SystemExit) as error:  # Ctrl-C is the caller's
            future.set_exception(TaskFailed.of(error))
        return future

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.environ.clear()
        os.environ.update(self._environ)
