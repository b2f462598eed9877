"""Finished parts of a fit in files of the store, for the next attempt at it."""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from io import BytesIO
from math import inf
from pathlib import Path

import numpy as np

from howrobust.base.fit_progress import Arrays, Keeper
from howrobust.storage.arrays import Files, npz
from howrobust.storage.atomic import write_bytes

KEEP_EVERY_S = 30.0
PARTS_PER_LIMIT = 20  # with a short time limit, more often than that
MOST_BYTES = 4 * 2**30  # of one stack
_STACK, _COUNT, _CONTENT = slice(0, 28), slice(28, 36), slice(36, 64)
_NAME = re.compile(r"[0-9a-f]{64}\.npz")


class KeptParts(Keeper):
    """The parts of one stack that earlier attempts have finished, as ``fitting/<name>.npz``.

    Parameters
    ----------
    files : Files
        The files of the store.
    stack : str
        Key that names the stack. It is a hash of all source, data and settings, so that parts made
        by others are never found.
    limit_s : float, default inf
        Time limit of a cell, s.

    Notes
    -----
    The name of a file consists of 28 digits of the key, 8 of the number of parts in it and 28 of
    the hash of its content, all hexadecimal. A file with other content is removed.
    """

    def __init__(self, files: Files, stack: str, limit_s: float = inf) -> None:
        self.every_s = min(KEEP_EVERY_S, limit_s / PARTS_PER_LIMIT)
        self._files, self._stack = files, stack

    def read(self) -> Iterable[Arrays]:
        return list(self._readable())

    def _readable(self) -> Iterator[Arrays]:
        for path in self._paths():
            try:
                content = path.read_bytes()
            except OSError:  # what is kept is optional
                continue
            if _hash(content) != path.stem[_CONTENT]:
                path.unlink(missing_ok=True)
                continue
            with np.load(BytesIO(content), allow_pickle=False) as archive:
                yield {name: archive[name] for name in archive.files}

    def write(self, arrays: Arrays, count: int) -> None:
        with suppress(OSError):
            if sum(path.stat().st_size for path in self._paths()) > MOST_BYTES:
                return
            content = npz(dict(arrays))
            name = f"{self._stack[_STACK]}{count:08x}{_hash(content)}.npz"
            write_bytes(_folder(self._files) / name, content)

    def count(self) -> int:
        """Return how many parts are kept.

        Returns
        -------
        int
            The number, by the names of the files.
        """
        return sum(int(path.stem[_COUNT], 16) for path in self._paths())

    def _paths(self) -> list[Path]:
        return [path for path in _kept(self._files) if path.stem[_STACK] == self._stack[_STACK]]

    def remove(self) -> None:
        """Remove the files."""
        for path in self._paths():
            with suppress(OSError):
                path.unlink(missing_ok=True)


def remove_kept(files: Files, except_of: Collection[str] = ()) -> None:
    """Remove what is kept of all stacks but some.

    Parameters
    ----------
    files : Files
        The files of the store.
    except_of : collection of str, default ()
        Keys of the stacks whose parts stay.
    """
    stacks = {stack[_STACK] for stack in except_of}
    for path in _kept(files):
        if path.stem[_STACK] not in stacks:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def _folder(files: Files) -> Path:
    return files.folder / "fitting"


def _kept(files: Files) -> list[Path]:
    """Return the plain files whose names are those of kept parts."""
    folder = _folder(files)
    if folder.is_symlink() or not folder.is_dir():
        return []
    named = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(path for path in named if path.is_file() and not path.is_symlink())


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[_CONTENT]
