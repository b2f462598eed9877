"""The store of runs: one database, its transactions, and the lock of its writer.

Tables hold runs, cells and records; the forecasts of a cell and the test rows that they belong to
are arrays. `howrobust.storage.backends` defines where both are kept.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa

from howrobust.errors import BadInput, Damaged
from howrobust.storage.arrays import Files
from howrobust.storage.backends.location import backend_of
from howrobust.storage.schema import VERSION, make_tables, version_of

CHUNK = 500  # below the number of variables that a statement of SQLite may have


class Store:
    """A database of runs, open for transactions.

    Parameters
    ----------
    location : str or path-like
        A folder, or the URL of a PostgreSQL database.
    create : bool, default=True
        Whether the store is made where there is none.

    Raises
    ------
    BadInput
        For a location that cannot be used, one without results unless ``create``, and a store of
        another schema.
    Damaged
        For a store that is corrupt.

    See Also
    --------
    howrobust.storage.reader.RunReader : Reads runs, cells and records.
    howrobust.storage.writer.RunWriter : Writes them.
    howrobust.storage.array_reader.ArrayReader : Reads forecasts and test rows.
    howrobust.storage.baselines.Baselines : Reads and writes baselines.
    """

    def __init__(self, location: str | os.PathLike[str], create: bool = True) -> None:
        self.backend = backend_of(location)
        self._lock_connection: sa.Connection | None = None
        with self._errors_translated():
            self.engine = self.backend.engine(create)
            self._writing_engine = self.engine.execution_options(writes=True)
            with self.reading() as connection:
                version = version_of(connection)
            if version is None and not create:
                raise BadInput(f"{self.backend.name} holds no results; run a suite there first")
            if version is None:
                with self.writing() as connection:
                    make_tables(connection)
        if version not in (None, VERSION):
            raise BadInput(
                f"{self.backend.database} has schema {version}, but this howrobust reads "
                f"{VERSION}; use the version of howrobust that wrote it, or {self.backend.remedy}"
            )

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()

    @property
    def files(self) -> Files:
        """Where workers read and write arrays; valid inside `exclusive`."""
        return self.backend.files

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other writers out until the context, or this process, ends.

        Yields
        ------
        None
            The lock is held inside the context.

        Raises
        ------
        BadInput
            Where another process is writing.
        """
        with ExitStack() as stack:
            with self._errors_translated():
                lock = self.backend.exclusive(self.engine)
                self._lock_connection = stack.enter_context(lock)
            try:
                yield
            finally:
                self._lock_connection = None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Begin a transaction that reads.

        Yields
        ------
        sqlalchemy.Connection
            The transaction, which ends with the context.

        Raises
        ------
        Damaged
            Where the database fails.
        """
        with self._errors_translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Begin a transaction that writes.

        Yields
        ------
        sqlalchemy.Connection
            The transaction: committed at the end of the context, rolled back after an exception.

        Raises
        ------
        BadInput
            Where the disk refuses.
        Damaged
            Where the database fails.

        Notes
        -----
        It runs on the connection that holds the lock, where a connection does. Another connection
        could still write after that one, and the lock with it, was lost.
        """
        with self._errors_translated():
            if self._lock_connection is None:
                with self._writing_engine.begin() as connection:
                    yield connection
            else:
                with self._lock_connection.begin():
                    yield self._lock_connection

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Raise errors of the disk and the database as `BadInput` and `Damaged`."""
        try:
            yield
        except OSError as error:
            raise BadInput(
                f"{self.backend.name} cannot be written ({error.strerror or error}); "
                f"{self.backend.remedy}"
            ) from None
        except sa.exc.DBAPIError as error:
            message = " ".join(str(error.orig).split())
            raise Damaged(
                f"the store {self.backend.database} cannot be used ({message}); "
                f"{self.backend.recovery}"
            ) from None


def in_chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield keys in parts that fit into one SQL statement.

    Parameters
    ----------
    keys : sequence of str
        Any number of keys.

    Yields
    ------
    sequence of str
        At most 500 keys, in order.
    """
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]
