"""Tasks as bytes: a user's own classes travel by value, large arrays through files."""

import io
import pickle  # nosec B403 # of what it has packed itself
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from howrobust.base.pool import TaskFailed

LARGE_BYTES = 2**20  # a smaller array is sent faster than a file is opened


class Parcels:
    """Packs the tasks of a pool.

    Classes and functions that a script or a notebook defines are sent by value, since a worker
    cannot import them. An array from 1 MiB is written once to a temporary file, however many tasks
    hold it, and workers map that file into memory.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._folder: TemporaryDirectory[str] | None = None
        # The arrays are held, so that no other one can take their place in memory.
        self._written: dict[tuple[Any, ...], tuple[NDArray[Any], Path]] = {}

    def pack(self, content: object) -> bytes:
        """Return an object as bytes that `pickle.loads` reads in a worker.

        Parameters
        ----------
        content : object
            The object. The arrays in it must not change while the parcels are open.

        Returns
        -------
        bytes
            The pickled object.

        Raises
        ------
        Exception
            What the pickling of the object raises.
        """
        buffer = io.BytesIO()
        with self._lock:
            _Pickler(buffer, self).dump(content)
        return buffer.getvalue()

    def file_of(self, array: NDArray[Any]) -> Path:
        """Return the file of a large array, which is written at the first call.

        Parameters
        ----------
        array : array of any shape
            The array.

        Returns
        -------
        Path
            An .npy file.
        """
        place = array.__array_interface__["data"][0]
        key = (place, array.shape, array.strides, array.dtype.str)
        if key not in self._written:
            if self._folder is None:
                self._folder = TemporaryDirectory(prefix="howrobust-")
            path = Path(self._folder.name) / f"{len(self._written)}.npy"
            np.save(path, array, allow_pickle=False)
            self._written[key] = (array, path)
        return self._written[key][1]

    def close(self) -> None:
        """Remove the files."""
        with self._lock:
            self._written.clear()
            if self._folder is not None:
                self._folder.cleanup()
                self._folder = None


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc, name-defined, unused-ignore]
    def __init__(self, buffer: io.BytesIO, parcels: Parcels) -> None:
        super().__init__(buffer)
        self._parcels = parcels

    def reducer_override(self, obj: Any) -> Any:
        plain = type(obj) is np.ndarray and not obj.dtype.hasobject and obj.dtype.names is None
        if plain and obj.nbytes >= LARGE_BYTES:
            return _mapped, (str(self._parcels.file_of(obj)),)
        return super().reducer_override(obj)


def _mapped(path: str) -> NDArray[Any]:
    """Return the array of a file; writing to it changes this process's copy alone."""
    return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))


def why_not_sent(thing: object) -> str:
    """Say why an object cannot be sent to a worker.

    Parameters
    ----------
    thing : object
        The object, such as a user's model.

    Returns
    -------
    str
        The reason, one line; empty where it can be sent.
    """
    parcels = Parcels()
    try:
        pickle.loads(parcels.pack(thing))  # nosec B301 # packed in the line itself
    except Exception as error:
        return TaskFailed.of(error).reason
    finally:
        parcels.close()
    return ""
