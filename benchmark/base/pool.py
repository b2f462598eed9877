"""Executors: where jobs run."""

import traceback
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from howrobust.errors import printable

LONGEST_REASON = 500  # characters of a line, whatever an exception says
LONGEST_TRACEBACK = 20_000  # the last of them name the place


class TaskFailed(Exception):  # noqa: N818 (what became of a task, not a fault of the executor)
    """What went wrong with a task, in words that can go to any process and on any terminal.

    ``kind`` is the name of what was raised, or ``crash``; ``reason`` is one line, ``traceback``
    may be empty.
    """

    def __init__(self, kind: str, reason: str, traceback: str = "") -> None:
        self.kind = printable(kind)
        self.reason = printable(reason[:LONGEST_REASON])
        lines = [printable(line[:LONGEST_REASON]) for line in traceback.splitlines()]
        self.traceback = "\n".join(lines)[-LONGEST_TRACEBACK:]
        super().__init__(self.kind, self.reason, self.traceback)

    @classmethod
    def of(cls, error: BaseException) -> "TaskFailed":
        """Put an exception into words; one that cannot say what it means says so."""
        if isinstance(error, TaskFailed):
            return error
        kind = type(error).__name__
        try:
            lines = str(error).splitlines()
            text = "".join(traceback.format_exception(error))
        except BaseException as worse:  # its own code runs here
            lines, text = [f"(its message raised {type(worse).__name__})"], ""
        return cls(kind, f"{kind}: {lines[0] if lines else kind}", text)

    def __str__(self) -> str:
        return self.reason


class Pool(Protocol):
    """Something that runs tasks: each has a limit of time, and its failure is its future's.

    The future raises TimeoutError past the limit, and `TaskFailed` where the task raised or its
    process died.
    """

    workers: int

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        """Run ``function(*arguments)``, here or elsewhere."""
