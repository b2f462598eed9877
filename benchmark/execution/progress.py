"""Progress of a run: a bar with counts and an ETA on a terminal, lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from howrobust.base.progress import Progress

LINE_EVERY_S = 10.0


class Reporter(Progress):
    """Shows the progress of a run on standard error, as a context manager.

    Attributes
    ----------
    refitted : int
        Number of cells that were fitted, or failed, in this run.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self.refitted = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def begin(self, total: int, cached: int, what: str) -> None:
        self._what, self._total, self._cached, self._ok, self._failed = what, total, cached, 0, 0
        self._started = self._printed = time.monotonic()
        self._task = self._bar.add_task(what, total=total, completed=cached, counts=self._counts())
        self._print_line()

    def advance(self, ok: int, failed: int, name: str) -> None:
        self._ok += ok
        self._failed += failed
        if self._what == "fit":
            self.refitted += ok + failed
        finished = self._cached + self._ok + self._failed
        self._bar.update(self._task, completed=finished, counts=f"{self._counts()}  {name}")
        if finished == self._total or time.monotonic() - self._printed > LINE_EVERY_S:
            self._print_line()

    def partly(self, cells: float, name: str) -> None:
        whole = self._cached + self._ok + self._failed
        self._bar.update(self._task, completed=whole + cells, counts=f"{self._counts()}  {name}")
        if time.monotonic() - self._printed > LINE_EVERY_S:
            self._print_line(cells, f"; {name}")

    def _counts(self) -> str:
        return f"{self._ok} ok, {self._cached} cached, {self._failed} failed"

    def _print_line(self, partly: float = 0.0, detail: str = "") -> None:
        if self._console.is_terminal:
            return
        self._printed = time.monotonic()
        new = self._ok + self._failed + partly
        left = self._total - self._cached - new
        eta = (
            f", about {left * (self._printed - self._started) / new:.0f} s left"
            if new and left
            else ""
        )
        done = self._cached + self._ok + self._failed
        self._console.print(
            f"{self._what}: {done}/{self._total} ({self._counts()}{eta}){detail}",
            soft_wrap=True, markup=False, highlight=False,
        )  # fmt: skip
