"""A pool in the caller's process: for models that cannot be imported by name."""

import os
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self

from howrobust.base.pool import Pool, TaskFailed


class InlinePool(Pool):
    """Runs each task when it is submitted, in the same process.

    There is no time limit. It is a context manager that restores the environment of the process. A
    future that `submit` returns is done.
    """

    workers = 1

    def __init__(self) -> None:
        self._environ: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._environ = dict(os.environ)
        return self

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except (Exception, SystemExit) as error:  # Ctrl-C is for the caller
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
