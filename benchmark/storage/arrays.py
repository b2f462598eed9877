"""Arrays of a store: forecasts of cells and the test rows they belong to, as .npz.

Arrays are plain: nothing is unpickled. A file is written in one step, so that a file that is there
is whole. Files of other names than a run gives are the user's, and stay.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howrobust.base.cells import Level
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import STORED_LEVELS, Forecast
from howrobust.errors import Damaged
from howrobust.storage.atomic import write_bytes

FOLDERS = ("forecasts", "testsets", "fitting")
ARRAY = re.compile(r"[0-9a-f]{64}\.npz")
HALF_DONE = {
    "forecasts": re.compile(r"\.[0-9a-f]{64}\.npz\.[0-9a-f]+\.tmp"),
    "testsets": re.compile(r"\.[0-9a-f]{64}\.npz\.[0-9a-f]+\.tmp"),
    "fitting": re.compile(r"[0-9a-f]{64}(\.new)?"),
}
_NUMBERS = ("n_components", "nll_error", "crps_error", "step", "variants")
_OPTIONAL = ("logpdf_rounded", "kl")


def forecast_name(key: str) -> str:
    """Name of a cell's forecasts in a store; `Damaged` for what is no key."""
    return f"forecasts/{_checked(key)}.npz"


def testset_name(sha256: str) -> str:
    """Name of a test set in a store; `Damaged` for what is no hash."""
    return f"testsets/{_checked(sha256)}.npz"


def _checked(name: str) -> str:
    """Return a name from which a path may be made: it leads out of no folder."""
    if not re.fullmatch(r"[0-9A-Za-z]{1,64}", name):
        raise Damaged(f"the store names arrays {name!r}, which no run does; it is damaged")
    return name


@dataclass(frozen=True)
class Files:
    """Where workers find arrays and leave them; what is committed is the parent's to say."""

    folder: Path

    def forecast(self, key: str) -> Path:
        """File of a cell's forecasts."""
        return self.folder / forecast_name(key)

    def fitting(self, key: str) -> Path:
        """Where the fit of the stack that begins with this cell says how far it is."""
        return self.folder / "fitting" / _checked(key)

    def testset(self, sha256: str) -> Path:
        """File of a test set."""
        return self.folder / testset_name(sha256)

    def make(self) -> None:
        """Make the folders."""
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def leftovers(self) -> list[Path]:
        """Files that a run which was killed left half done, by the names that runs give."""
        return [path for name in FOLDERS for path in self._named(name, HALF_DONE[name])]

    def discard(self) -> None:
        """Remove all that a run has made here, and the folders unless something else is there."""
        for name in FOLDERS:
            for pattern in (ARRAY, HALF_DONE[name]):
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
    """Test rows as they were forecast: X (n, d) and y (n,), with what is known of clean training:
    rows, the sd of the target, and the step of a discrete target (0 for a continuous one)."""

    X: Array
    y: Array
    y_scale: float
    step: float
    n_train: int


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write an .npz in one step: a reader finds the whole file or none, also after a power cut."""
    write_bytes(path, npz(arrays))


def npz(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return the content of an .npz."""
    content = BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def pack_forecasts(forecasts: dict[Level, Forecast]) -> dict[str, NDArray[Any]]:
    """Name the arrays of forecasts ``stress@level/field``."""
    return {
        f"{stress}@{level}/{name.name}": np.asarray(getattr(forecast, name.name))
        for (stress, level), forecast in forecasts.items()
        for name in fields(forecast)
    }


def read_forecasts(
    source: Path | BytesIO, wanted: Sequence[Level] | None = None, name: str = ""
) -> dict[Level, Forecast]:
    """Read a cell's forecasts, those ``wanted`` or all.

    `Damaged` names what is missing or cannot be read; ``name`` is for what is no file.
    """
    prefixes = None if wanted is None else tuple(f"{stress}@{v}/" for stress, v in wanted)
    try:
        with np.load(source, allow_pickle=False) as archive:
            names = [n for n in archive.files if prefixes is None or n.startswith(prefixes)]
            arrays = {name: archive[name] for name in names}
        grouped: dict[Level, dict[str, NDArray[Any]]] = {}
        for array_name, array in arrays.items():
            place, _, part = array_name.partition("/")
            stress, _, level = place.rpartition("@")
            grouped.setdefault((stress, float(level)), {})[part] = array
        return {place: _forecast(parts) for place, parts in grouped.items()}
    except Exception as error:  # what zipfile, zlib and NumPy raise of damaged bytes is many things
        raise _damaged("forecasts", source, name, error) from None


def read_testset(source: Path | BytesIO, name: str = "") -> HeldOut:
    """Read a test set; `Damaged` names what is missing or cannot be read."""
    try:
        with np.load(source, allow_pickle=False) as archive:
            X, y = archive["X"], archive["y"]
            scale, step = float(archive["y_scale"]), float(archive["step"])
            n_train = int(archive["n_train"])
        if X.dtype != np.float64 or y.dtype != np.float64 or X.shape[:1] != y.shape or X.ndim != 2:
            raise ValueError(f"X {X.shape} {X.dtype} and y {y.shape} {y.dtype} are no test rows")
        return HeldOut(X, y, scale, step, n_train)
    except Exception as error:
        raise _damaged("test rows", source, name, error) from None


def _damaged(what: str, source: Path | BytesIO, name: str, error: Exception) -> Damaged:
    is_file = isinstance(source, Path)
    way_out = "delete that file" if is_file else "add --fresh"
    return Damaged(
        f"the {what} in {source if is_file else name} cannot be read "
        f"({str(error) or type(error).__name__}); {way_out} and run again, what it held is then "
        "fitted again"
    )


def _forecast(parts: dict[str, NDArray[Any]]) -> Forecast:
    """Put a forecast together; raises ValueError where its arrays do not fit each other."""
    n = len(parts["mean"])
    for name, array in parts.items():
        shapes = {"quantiles": [(len(STORED_LEVELS), n)], "groups": [array.shape]}
        shapes |= {number: [()] for number in _NUMBERS} | {o: [(n,), (0,)] for o in _OPTIONAL}
        if array.dtype.kind not in "fi" or array.shape not in shapes.get(name, [(n,)]):
            raise ValueError(f"{name} is {array.shape} {array.dtype}, which fits no forecast")
    words: dict[str, Any] = {k: v.item() if k in _NUMBERS else v for k, v in parts.items()}
    forecast = Forecast(**words)
    if forecast.variants < 1 or n % forecast.variants:
        raise ValueError(f"{n} points are no {forecast.variants} variants of the test rows")
    return forecast
