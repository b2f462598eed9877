"""The interface to which a run reports its progress."""

from abc import ABC, abstractmethod


class Progress(ABC):
    """Receives the progress of a run."""

    @abstractmethod
    def begin(self, total: int, cached: int, what: str) -> None:
        """Begin a stage.

        Parameters
        ----------
        total : int
            Number of cells.
        cached : int
            Number of cells that were finished before.
        what : str
            Name of the stage: "fit" or "score".
        """

    @abstractmethod
    def advance(self, ok: int, failed: int, name: str) -> None:
        """Count finished cells.

        Parameters
        ----------
        ok, failed : int
            Number of cells that have been finished, or failed, since the last call.
        name : str
            Name of the cells.
        """

    @abstractmethod
    def partly(self, cells: float, name: str) -> None:
        """Count the finished parts of cells that are being fitted.

        Parameters
        ----------
        cells : float
            Sum of the parts, in cells.
        name : str
            Name and progress of the last stack.
        """


class NullProgress(Progress):
    """Progress that is shown nowhere."""

    def begin(self, total: int, cached: int, what: str) -> None: ...

    def advance(self, ok: int, failed: int, name: str) -> None: ...

    def partly(self, cells: float, name: str) -> None: ...
