"""Progress: a bar with an ETA and counts on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_EVERY_S = 5.0


class Reporter:
    """Tells how far a run has come, on standard error. ``refitted`` counts cells fitted now."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
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
        """Begin a stage."""
        self._what, self._total, self._cached, self._ok, self._failed = what, total, cached, 0, 0
        self._started = self._spoken = time.monotonic()
        self._task = self._bar.add_task(what, total=total, completed=cached, counts=self._counts())
        self._line()

    def advance(self, ok: int, failed: int, name: str) -> None:
        """Count finished cells."""
        self._ok += ok
        self._failed += failed
        if self._what == "fit":
            self.refitted += ok + failed
        finished = self._cached + self._ok + self._failed
        self._bar.update(self._task, completed=finished, counts=f"{self._counts()}  {name}")
        if finished == self._total or time.monotonic() - self._spoken > LINE_EVERY_S:
            self._line()

    def partly(self, cells: float, name: str) -> None:
        """Count the finished parts of what is not finished."""
        whole = self._cached + self._ok + self._failed
        self._bar.update(self._task, completed=whole + cells, counts=f"{self._counts()}  {name}")
        if time.monotonic() - self._spoken > LINE_EVERY_S:
            self._line(cells, f"; {name}")

    def _counts(self) -> str:
        return f"{self._ok} ok, {self._cached} cached, {self._failed} failed"

    def _line(self, partly: float = 0.0, more: str = "") -> None:
        if self._console.is_terminal:
            return
        self._spoken = time.monotonic()
        new = self._ok + self._failed + partly
        left = self._total - self._cached - new
        eta = (
            f", about {left * (self._spoken - self._started) / new:.0f} s left"
            if new and left
            else ""
        )
        done = self._cached + self._ok + self._failed
        self._console.print(
            f"{self._what}: {done}/{self._total} ({self._counts()}{eta}){more}",
            soft_wrap=True, markup=False, highlight=False,
        )  # fmt: skip
