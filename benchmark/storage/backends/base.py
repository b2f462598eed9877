"""What a store needs of the location that keeps it.

Every backend has the same tables. A folder keeps arrays as files; a database keeps them as rows, in
the transaction that refers to them, so that a reader of one has the other. One process writes to a
store at a time; readers do not wait for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path

import sqlalchemy as sa

from howrobust.errors import BadInput
from howrobust.storage.arrays import Files

LOCK_TIMEOUT_S = 2.0  # a process that was just killed has released its lock by then
LOCK_POLL_S = 0.05


class Backend(ABC):
    """The location of a store: its database, its arrays and its lock.

    Attributes
    ----------
    name, database : str
        The location and its database as messages name them, without a password.
    identity : str
        Equal for backends of the same location; never shown, since it may hold a secret.
    remedy : str
        Advice for a location that cannot be used.
    recovery : str
        Advice for a database that fails.
    files : Files
        Where workers read and write arrays; valid inside `exclusive`.
    """

    identity: str
    name: str
    database: str
    remedy: str
    recovery: str
    files: Files

    @abstractmethod
    def engine(self, create: bool) -> sa.Engine:
        """Return the engine of the database.

        Parameters
        ----------
        create : bool
            Whether a database is made where there is none.

        Returns
        -------
        sqlalchemy.Engine
            An engine that has not connected yet.

        Raises
        ------
        BadInput
            Where there is no database and none is made, or the location cannot be used.
        """

    @abstractmethod
    def exclusive(self, engine: sa.Engine) -> AbstractContextManager[sa.Connection | None]:
        """Keep other writers out until the context, or this process, ends.

        Files that a killed writer left incomplete are removed first.

        Parameters
        ----------
        engine : sqlalchemy.Engine
            The engine of the database.

        Returns
        -------
        context manager of sqlalchemy.Connection or None
            The connection that holds the lock, where a connection does.

        Raises
        ------
        BadInput
            Where another process is writing.
        """

    @abstractmethod
    def array_names(self, connection: sa.Connection) -> set[str]:
        """Return the names of the stored arrays.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            A transaction that reads.

        Returns
        -------
        set of str
            Names relative to the store, such as ``forecasts/<key>.npz``.
        """

    @abstractmethod
    def has(self, connection: sa.Connection, name: str) -> bool:
        """Return whether an array is stored.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            A transaction that reads.
        name : str
            Name of the array.

        Returns
        -------
        bool
            True where it is stored.
        """

    @abstractmethod
    def source(self, connection: sa.Connection, name: str) -> Path | BytesIO:
        """Return what an array is read from.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            A transaction that reads.
        name : str
            Name of the array.

        Returns
        -------
        Path or BytesIO
            A file, which may be missing, or the content of a row.

        Raises
        ------
        Damaged
            Where the row is missing.
        """

    @abstractmethod
    def stage(self, connection: sa.Connection, name: str) -> None:
        """Make a stored array available to workers, in `files`.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            A transaction that reads.
        name : str
            Name of the array.
        """

    @abstractmethod
    def save(self, connection: sa.Connection, name: str, content: bytes | None = None) -> None:
        """Store an array, replacing the one of the same name.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            A transaction that writes.
        name : str
            Name of the array.
        content : bytes, optional
            Content of the .npz; by default, what a worker has written to `files`.
        """

    @abstractmethod
    def delete(self, connection: sa.Connection, names: Sequence[str]) -> None:
        """Remove arrays; names that are not stored are ignored.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            A transaction that writes.
        names : sequence of str
            Names of the arrays.
        """

    def in_use(self, writer: str) -> BadInput:
        """Return the error for a store that another process is writing to.

        Parameters
        ----------
        writer : str
            Name of that process.

        Returns
        -------
        BadInput
            The error, to be raised.
        """
        return BadInput(f"{writer} is writing to {self.name}; wait until it ends, or {self.remedy}")
