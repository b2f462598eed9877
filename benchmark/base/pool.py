"""The contract of a pool, which runs tasks, and of a task that failed."""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from howrobust.errors import printable

_LONGEST_REASON = 500  # characters of a line: an exception may have a message of any length
_LONGEST_TRACEBACK = 20_000  # characters, the last ones, which name the place


class TaskFailed(Exception):  # noqa: N818 (the result of a task, not an error of the pool)
    """The failure of a task, as printable text that any process can unpickle.

    Parameters
    ----------
    kind : str
        Name of the exception, or ``crash`` where the process died.
    reason : str
        The reason, one line.
    traceback : str, default=""
        Where the exception was raised.
    """

    def __init__(self, kind: str, reason: str, traceback: str = "") -> None:
        self.kind = printable(kind)
        self.reason = printable(reason[:_LONGEST_REASON])
        lines = [printable(line[:_LONGEST_REASON]) for line in traceback.splitlines()]
        self.traceback = "\n".join(lines)[-_LONGEST_TRACEBACK:]
        super().__init__(self.kind, self.reason, self.traceback)

    @classmethod
    def of(cls, error: BaseException) -> "TaskFailed":
        """Return the failure that an exception describes.

        Parameters
        ----------
        error : BaseException
            The exception; its message may itself raise an exception.

        Returns
        -------
        TaskFailed
            The failure; ``error`` itself where it is one.
        """
        if isinstance(error, TaskFailed):
            return error
        kind = type(error).__name__
        try:
            lines = str(error).splitlines()
            text = "".join(traceback.format_exception(error))
        except BaseException as worse:  # code of the exception runs here
            lines, text = [f"(its message raised {type(worse).__name__})"], ""
        return cls(kind, f"{kind}: {lines[0] if lines else kind}", text)

    def __str__(self) -> str:
        return self.reason


class Pool(ABC):
    """A pool of workers that run tasks, each with a time limit.

    ``workers`` is the number of tasks that run at the same time.
    """

    workers: int

    @abstractmethod
    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        """Run ``function(*arguments)`` in a worker.

        Parameters
        ----------
        function : callable
            A function of a module.
        *arguments : object
            Its arguments, which can be pickled.
        limit_s : float
            Time limit, in seconds.

        Returns
        -------
        concurrent.futures.Future
            The result. It raises TimeoutError past the limit, and `TaskFailed` where the task
            raised an exception or its process died.
        """
