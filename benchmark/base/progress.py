"""What is told how far a run has come."""

from typing import Protocol


class Progress(Protocol):
    """What is told how far a run has come."""

    def begin(self, total: int, cached: int, what: str) -> None:
        """A stage of ``total`` cells begins, ``cached`` of which were finished before."""

    def advance(self, ok: int, failed: int, name: str) -> None:
        """So many more cells are done; ``name`` says which."""

    def partly(self, cells: float, name: str) -> None:
        """What is being fitted is worth so many cells; ``name`` says how far the last stack is."""


class NullProgress:
    """Progress that is shown nowhere."""

    def begin(self, total: int, cached: int, what: str) -> None: ...

    def advance(self, ok: int, failed: int, name: str) -> None: ...

    def partly(self, cells: float, name: str) -> None: ...
