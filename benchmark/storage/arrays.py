"""Arrays of a store as .npz: their names, and the test rows that forecasts belong to.

Nothing is unpickled. A file is written in one step, so that a file that exists is complete. Files
whose names no run gives belong to the user and are never removed.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howrobust.distributions.arrays import Array
from howrobust.errors import Damaged
from howrobust.storage.atomic import write_bytes

FOLDERS = ("forecasts", "testsets", "fitting")
_ARRAY = re.compile(r"[0-9a-f]{64}\.npz")
INCOMPLETE = {
    "forecasts": re.compile(r"\.[0-9a-f]{64}\.npz\.[0-9a-f]+\.tmp"),
    "testsets": re.compile(r"\.[0-9a-f]{64}\.npz\.[0-9a-f]+\.tmp"),
    "fitting": re.compile(r"[0-9a-f]{64}(\.new)?"),
}


def forecast_name(key: str) -> str:
    """Return the name of a cell's forecasts in a store.

    Parameters
    ----------
    key : str
        Key of the cell.

    Returns
    -------
    str
        ``forecasts/<key>.npz``.

    Raises
    ------
    Damaged
        For a key that no run gives.
    """
    return f"forecasts/{_checked(key)}.npz"


def testset_name(sha256: str) -> str:
    """Return the name of a test set in a store.

    Parameters
    ----------
    sha256 : str
        Hash of the test rows.

    Returns
    -------
    str
        ``testsets/<sha256>.npz``.

    Raises
    ------
    Damaged
        For a hash that no run gives.
    """
    return f"testsets/{_checked(sha256)}.npz"


def _checked(name: str) -> str:
    """Return a name that is safe in a path: letters and digits, so that it leaves no folder."""
    if not re.fullmatch(r"[0-9A-Za-z]{1,64}", name):
        raise Damaged(
            f"the store names arrays {name!r}, as no run would; it is damaged, and "
            "`howrobust store export` saves what can be read"
        )
    return name


@dataclass(frozen=True)
class Files:
    """Paths at which workers read and write the arrays of a store.

    Parameters
    ----------
    folder : Path
        The folder that contains them, absolute.
    """

    folder: Path

    def forecast(self, key: str) -> Path:
        """Return the file of a cell's forecasts.

        Parameters
        ----------
        key : str
            Key of the cell.

        Returns
        -------
        Path
            The file, which may not exist.
        """
        return self.folder / forecast_name(key)

    def fitting(self, key: str) -> Path:
        """Return the file in which the fit of a stack notes its progress.

        Parameters
        ----------
        key : str
            Key of the first cell of the stack.

        Returns
        -------
        Path
            The file, which may not exist.
        """
        return self.folder / "fitting" / _checked(key)

    def testset(self, sha256: str) -> Path:
        """Return the file of a test set.

        Parameters
        ----------
        sha256 : str
            Hash of the test rows.

        Returns
        -------
        Path
            The file, which may not exist.
        """
        return self.folder / testset_name(sha256)

    def make(self) -> None:
        """Make the folders."""
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def leftovers(self) -> list[Path]:
        """Return the incomplete files that a killed run left behind.

        Returns
        -------
        list of Path
            Plain files with the names that runs give to incomplete files.
        """
        return [path for name in FOLDERS for path in self._named(name, INCOMPLETE[name])]

    def discard(self) -> None:
        """Remove the files of runs, and the folders that are empty then."""
        for name in FOLDERS:
            for pattern in (_ARRAY, INCOMPLETE[name]):
                for path in self._named(name, pattern):
                    path.unlink(missing_ok=True)
        for folder in (*(self.folder / name for name in FOLDERS), self.folder):
            if _is_folder(folder) and not any(folder.iterdir()):
                folder.rmdir()

    def _named(self, name: str, pattern: re.Pattern[str]) -> list[Path]:
        """Return the plain files of a folder whose whole name matches."""
        folder = self.folder / name
        paths = sorted(folder.iterdir()) if _is_folder(folder) else []
        return [
            p for p in paths if pattern.fullmatch(p.name) and p.is_file() and not p.is_symlink()
        ]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


@dataclass(frozen=True)
class HeldOut:
    """Test rows as they were forecast, with facts of the clean training rows.

    Parameters
    ----------
    X : array of shape (n, d)
        Inputs.
    y : array of shape (n,)
        Targets.
    y_scale : float
        Standard deviation of the training target, in units of y.
    step : float
        Step of a discrete training target, in units of y; 0 for a continuous one.
    n_train : int
        Number of training rows.
    """

    X: Array
    y: Array
    y_scale: float
    step: float
    n_train: int


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write an .npz in one step: readers see all of it or none.

    Parameters
    ----------
    path : Path
        The file.
    arrays : dict of str to array of any shape
        Arrays by name.
    """
    write_bytes(path, npz(arrays))


def npz(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return the content of an .npz.

    Parameters
    ----------
    arrays : dict of str to array of any shape
        Arrays by name.

    Returns
    -------
    bytes
        The compressed archive.
    """
    content = BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def read_testset(source: Path | BytesIO, name: str = "") -> HeldOut:
    """Return a test set.

    Parameters
    ----------
    source : Path or BytesIO
        The .npz.
    name : str, default=""
        Name of a source that is not a file, for messages.

    Returns
    -------
    HeldOut
        The test rows.

    Raises
    ------
    Damaged
        Where the source is missing or cannot be read.
    """
    try:
        with np.load(source, allow_pickle=False) as archive:
            X, y = archive["X"], archive["y"]
            scale, step = float(archive["y_scale"]), float(archive["step"])
            n_train = int(archive["n_train"])
        if X.dtype != np.float64 or y.dtype != np.float64 or X.shape[:1] != y.shape or X.ndim != 2:
            raise ValueError(f"X {X.shape} {X.dtype} and y {y.shape} {y.dtype} do not match")
        return HeldOut(X, y, scale, step, n_train)
    except Exception as error:
        raise damaged("test rows", source, name, error) from None


def damaged(what: str, source: Path | BytesIO, name: str, error: Exception) -> Damaged:
    """Return the exception for arrays that cannot be read.

    Parameters
    ----------
    what : str
        What they are.
    source : Path or BytesIO
        The .npz.
    name : str
        Name of a source that is not a file.
    error : Exception
        What was raised.

    Returns
    -------
    Damaged
        The exception, with the way out.
    """
    is_file = isinstance(source, Path)
    remedy = "delete that file" if is_file else "add --fresh"
    return Damaged(
        f"the {what} in {source if is_file else name} cannot be read "
        f"({str(error) or type(error).__name__}); {remedy} and run again to fit its content again"
    )
