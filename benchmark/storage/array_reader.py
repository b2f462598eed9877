"""Reading the arrays of a store, and making them available to workers."""

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from howrobust.base.cells import Level
from howrobust.distributions.forecast import Forecast
from howrobust.storage.arrays import (
    HeldOut,
    forecast_name,
    read_testset,
    testset_name,
)
from howrobust.storage.forecasts import read_forecasts
from howrobust.storage.schema import cell_table
from howrobust.storage.store import Store, in_chunks


class ArrayReader:
    """Reads forecasts and test rows of a store.

    Parameters
    ----------
    store : Store
        The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._backend = store.backend

    def forecasts(self, key: str, levels: Sequence[Level] | None = None) -> dict[Level, Forecast]:
        """Return the forecasts of a finished cell.

        Parameters
        ----------
        key : str
            Key of the cell.
        levels : sequence of Level, optional
            The levels to read; by default all.

        Returns
        -------
        dict of Level to Forecast
            Forecasts by stress and severity.

        Raises
        ------
        Damaged
            Where the array is missing or cannot be read.
        """
        name = forecast_name(key)
        with self._store.reading() as connection:
            source = self._backend.source(connection, name)
        return read_forecasts(source, levels, f"{self._backend.name} ({name})")

    def testset(self, sha256: str) -> HeldOut:
        """Return the test rows of finished cells.

        Parameters
        ----------
        sha256 : str
            Hash of the test rows.

        Returns
        -------
        HeldOut
            The rows, with facts of the training data.

        Raises
        ------
        Damaged
            Where the array is missing or cannot be read.
        """
        name = testset_name(sha256)
        with self._store.reading() as connection:
            source = self._backend.source(connection, name)
        return read_testset(source, f"{self._backend.name} ({name})")

    def content(self, name: str) -> bytes:
        """Return an array as it is stored.

        Parameters
        ----------
        name : str
            Name of the array, such as ``forecasts/<key>.npz``.

        Returns
        -------
        bytes
            Content of the .npz.

        Raises
        ------
        Damaged
            Where the array is missing.
        """
        with self._store.reading() as connection:
            source = self._backend.source(connection, name)
            return source.read_bytes() if isinstance(source, Path) else source.getvalue()

    def fetch(self, key: str, testset: str) -> tuple[Path, Path]:
        """Make the arrays of a finished cell available to workers.

        Parameters
        ----------
        key : str
            Key of the cell.
        testset : str
            Hash of its test rows.

        Returns
        -------
        forecasts, testset : Path
            The files that workers read.
        """
        with self._store.reading() as connection:
            for name in (forecast_name(key), testset_name(testset)):
                self._backend.stage(connection, name)
        return self._store.files.forecast(key), self._store.files.testset(testset)

    def stage_forecasts(self, keys: Sequence[str]) -> None:
        """Make the stored forecasts of cells available to workers.

        Forecasts that a killed run has written but not committed are removed.

        Parameters
        ----------
        keys : sequence of str
            Keys of the cells that are about to be fitted.
        """
        t = cell_table.c
        with self._store.reading() as connection:
            for chunk in in_chunks(keys):
                query = sa.select(t.key).where(t.key.in_(chunk), t.held != "[]")
                committed = set(connection.execute(query).scalars())
                for key in chunk:
                    name = forecast_name(key)
                    if key in committed and self._backend.has(connection, name):
                        self._backend.stage(connection, name)
                    else:
                        self._store.files.forecast(key).unlink(missing_ok=True)
