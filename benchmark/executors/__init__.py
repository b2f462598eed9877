"""Executors: where jobs run."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol


class Pool(Protocol):
    """Something that runs tasks: each has a limit of time, and its failure is its future's."""

    workers: int

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        """Run ``function(*arguments)``, here or elsewhere."""
