"""Errors of the file system as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from howrobust.errors import BadInput


@contextmanager
def naming_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the file system into one that names the folder.

    Parameters
    ----------
    folder : Path
        The folder that is read or written.

    Yields
    ------
    None
        Nothing.

    Raises
    ------
    BadInput
        For an error of the file system.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(
            f"{folder} cannot be read or written ({reason}); nothing was changed, "
            "correct that and fetch again"
        ) from None
