"""The progress of a run: the stages report it, a display shows it."""

from typing import Protocol


class Progress(Protocol):
    """A display of the progress of a run."""

    def begin(self, total: int, cached: int, what: str) -> None:
        """Start a stage.

        Parameters
        ----------
        total : int
            Number of cells of the stage.
        cached : int
            Number of those that were finished before.
        what : str
            Name of the stage.
        """

    def advance(self, ok: int, failed: int, name: str) -> None:
        """Add cells that are done.

        Parameters
        ----------
        ok : int
            Number of cells that finished.
        failed : int
            Number of cells that failed.
        name : str
            What they are.
        """

    def partly(self, cells: float, name: str) -> None:
        """Show the progress of the cells that are being fitted.

        Parameters
        ----------
        cells : float
            How many cells the parts that are done amount to.
        name : str
            How far the last stack has come.
        """


class NullProgress(Progress):
    """A progress that is not shown."""

    def begin(self, total: int, cached: int, what: str) -> None: ...

    def advance(self, ok: int, failed: int, name: str) -> None: ...

    def partly(self, cells: float, name: str) -> None: ...
