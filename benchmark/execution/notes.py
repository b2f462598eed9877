"""Progress of a fit in a small file: written by the worker, read by the scheduler."""

import math
import time
from contextlib import suppress
from pathlib import Path

WRITE_EVERY_S = 0.5


class ProgressNote:
    """How many networks of a stack are trained.

    Parameters
    ----------
    path : Path
        The file. Failing to write, read or remove it has no effect on the fit.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = -math.inf

    def write(self, done: int, total: int) -> None:
        """Write the progress, at most every half second.

        Parameters
        ----------
        done : int
            Networks that are trained.
        total : int
            Networks of the stack.
        """
        if time.monotonic() - self._written <= WRITE_EVERY_S:
            return
        self._written = time.monotonic()
        with suppress(OSError):  # progress is optional, the fit goes on
            new = self._path.with_suffix(".new")
            new.write_text(f"{done} {total}")
            new.replace(self._path)

    def read(self) -> tuple[int, int] | None:
        """Return the progress.

        Returns
        -------
        (int, int) or None
            Networks that are trained, and all of the stack, at least 1; None where the file is
            missing or has other content.
        """
        try:
            done, total = map(int, self._path.read_text().split())
        except (OSError, ValueError):  # the fit has not begun, or the file is damaged
            return None
        return (done, total) if total > 0 else None

    def remove(self) -> None:
        """Remove the file, if it exists."""
        with suppress(OSError):  # progress is optional
            self._path.unlink(missing_ok=True)
