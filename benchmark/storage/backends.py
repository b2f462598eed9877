"""Places: where a store is. A folder on this machine, or a PostgreSQL database.

Both have the same tables. A folder keeps arrays as files, a database as rows, in the transaction
that says what they are, so that whoever reads the one has the other. One process writes to a place
at a time; readers do not wait for it.
"""

import hashlib
import os
import re
import socket
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep

import sqlalchemy as sa
from filelock import FileLock, Timeout

from howrobust.errors import BadInput, Damaged
from howrobust.storage.arrays import FOLDERS, Files
from howrobust.storage.atomic import write_bytes
from howrobust.storage.schema import array_table

PATIENCE_S = 2.0  # a process that was just killed has let go of its lock by then
LOOK_EVERY_S = 0.05
CONNECT_S = 10
BUSY_S = 60
DATABASE = "store.sqlite"
# What a run makes in its folder: a link of one of these names would lead its writes elsewhere.
NAMES = (
    *FOLDERS, DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", "store.lock",
    "report.html",
)  # fmt: skip
SPOOL = re.compile(r"[a-z0-9_]{8}")  # how `tempfile` ends the names that it makes
LOCK = int.from_bytes(b"howrobus", "big")  # advisory locks are numbers, within one database


class Place(ABC):
    """Somewhere that keeps a store.

    ``name`` and ``database`` are what sentences call it, without a password; ``remedy`` is what to
    do where it is taken, ``way_out`` where its database fails. Places of one ``identity``, which is
    not shown, are one. ``files`` is where workers find arrays and leave them, once `alone` has been
    entered.
    """

    identity: str
    name: str
    database: str
    remedy: str
    way_out: str
    files: Files

    @abstractmethod
    def engine(self, create: bool) -> sa.Engine:
        """Return the database; BadInput where there is none and none is to be made."""

    @abstractmethod
    def alone(self, engine: sa.Engine) -> AbstractContextManager[sa.Connection | None]:
        """Keep other writers out until the context ends, or this process, however it ends.

        What a killed writer left half done is removed. The context is the connection that holds
        the lock, where one does. BadInput where another process is writing.
        """

    @abstractmethod
    def held(self, connection: sa.Connection) -> set[str]:
        """Names of the arrays that are there."""

    @abstractmethod
    def has(self, connection: sa.Connection, name: str) -> bool:
        """Whether an array is there."""

    @abstractmethod
    def source(self, connection: sa.Connection, name: str) -> Path | BytesIO:
        """Return what an array is read from; a file may be missing, a row is `Damaged` then."""

    @abstractmethod
    def bring(self, connection: sa.Connection, name: str) -> None:
        """Lay an array that is held where workers look."""

    @abstractmethod
    def keep(self, connection: sa.Connection, name: str, content: bytes | None = None) -> None:
        """Keep an array, in place of what has its name: what a worker left, or these bytes."""

    @abstractmethod
    def drop(self, connection: sa.Connection, names: Sequence[str]) -> None:
        """Remove arrays."""


class Folder(Place):
    """``store.sqlite`` (in WAL mode) beside the files of arrays.

    Nothing is made in a folder of other things, and nothing is read or written through a link.

    The lock is the kernel's, on ``store.lock``: no other process of this machine has it too. A
    network file system may promise less.
    """

    remedy = "choose another --out"
    way_out = f"free some space, move it aside, or {remedy}"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = Files(folder.absolute())  # workers may have another working directory
        self.path = folder / DATABASE
        self.name, self.database = str(folder), str(self.path)
        self.identity = str(folder.resolve())

    def engine(self, create: bool) -> sa.Engine:
        self._refuse_links()
        if create:
            self._refuse_other_things()
            # The database is the first file here: with it, a folder is a store.
            self.folder.mkdir(parents=True, exist_ok=True)
        elif not self.path.is_file():
            raise BadInput(f"{self.folder} holds no results; give the folder of a finished run")
        url = sa.URL.create("sqlite", database=str(self.path))
        engine = sa.create_engine(url, connect_args={"timeout": BUSY_S})
        sa.event.listen(engine, "connect", _prepare_writer if create else _prepare_reader)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def _refuse_links(self) -> None:
        for name in NAMES:
            if (self.folder / name).is_symlink():
                raise BadInput(
                    f"{self.folder / name} is a symbolic link, through which no results are read "
                    f"or written; remove the link, or {self.remedy}"
                )

    def _refuse_other_things(self) -> None:
        if self.path.is_file() or not self.folder.exists():
            return
        if any(self.folder.iterdir()):
            raise BadInput(
                f"{self.folder} is not empty and holds no results of howrobust; give a new or an "
                f"empty folder: {self.remedy}"
            )

    @contextmanager
    def alone(self, engine: sa.Engine) -> Iterator[None]:
        path = self.folder / "store.lock"
        # Where the file system has no locks this fails: what stands in for one outlives a kill.
        lock = FileLock(path, PATIENCE_S, fallback_to_soft=False, on_acquired=_sign)
        try:
            lock.acquire(poll_interval=LOOK_EVERY_S)
        except Timeout:
            raise _busy(self, _signature(path)) from None
        try:
            self.files.make()
            for left in self.files.leftovers():
                left.unlink(missing_ok=True)
            yield
        finally:
            lock.release()

    def held(self, connection: sa.Connection) -> set[str]:
        return {
            f"{folder}/{name}"
            for folder in ("forecasts", "testsets")
            if (self.files.folder / folder).is_dir()  # else all of it is lost
            for name in os.listdir(self.files.folder / folder)
            if name.endswith(".npz")
        }

    def has(self, connection: sa.Connection, name: str) -> bool:
        return (self.files.folder / name).is_file()

    def source(self, connection: sa.Connection, name: str) -> Path | BytesIO:
        return self.files.folder / name

    def bring(self, connection: sa.Connection, name: str) -> None:
        """Do nothing: workers look where arrays are kept."""

    def keep(self, connection: sa.Connection, name: str, content: bytes | None = None) -> None:
        if content is not None:
            write_bytes(self.files.folder / name, content)

    def drop(self, connection: sa.Connection, names: Sequence[str]) -> None:
        for name in names:
            (self.files.folder / name).unlink(missing_ok=True)


class Server(Place):
    """A PostgreSQL database, arrays included.

    Workers have a spool on the machine of whoever writes; the lock is the session's, which ends
    with its process or its connection.
    """

    remedy = "choose another --store"
    way_out = f"see that the URL is right and the server has space, or {remedy}"

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        shown = sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
        self.name = self.database = shown.render_as_string()
        self.identity = url.set(password=None).render_as_string(hide_password=False)
        self._prefix = f"howrobust-{hashlib.sha256(self.identity.encode()).hexdigest()[:12]}-"

    def engine(self, create: bool) -> sa.Engine:
        try:
            return sa.create_engine(self.url, connect_args={"connect_timeout": CONNECT_S})
        except ImportError:
            raise BadInput(
                "a store in PostgreSQL needs psycopg, which is not installed; "
                "pip install 'howrobust[postgresql]'"
            ) from None

    @contextmanager
    def alone(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        with engine.connect() as connection:
            connection.detach()  # in the pool it would keep the lock
            self._lock(connection)
            connection.commit()
            self._discard_spools()
            with tempfile.TemporaryDirectory(prefix=self._prefix) as spool:
                self.files = Files(Path(spool))
                self.files.make()
                yield connection

    def _discard_spools(self) -> None:
        """Remove what killed writers to this database left in the temporary folder."""
        for left in Path(tempfile.gettempdir()).glob(f"{self._prefix}*"):
            ours = SPOOL.fullmatch(left.name.removeprefix(self._prefix))
            if ours and left.is_dir() and not left.is_symlink():
                with suppress(PermissionError):  # another user's
                    Files(left).discard()

    def _lock(self, connection: sa.Connection) -> None:
        """Take the advisory lock; BadInput where another session keeps it past our patience."""
        deadline = monotonic() + PATIENCE_S
        while not connection.execute(sa.select(sa.func.pg_try_advisory_lock(LOCK))).scalar():
            if monotonic() > deadline:
                raise _busy(self, "another process")
            sleep(LOOK_EVERY_S)

    def held(self, connection: sa.Connection) -> set[str]:
        return set(connection.execute(sa.select(array_table.c.name)).scalars())

    def has(self, connection: sa.Connection, name: str) -> bool:
        query = sa.select(array_table.c.name).where(array_table.c.name == name)
        return connection.execute(query).first() is not None

    def source(self, connection: sa.Connection, name: str) -> Path | BytesIO:
        content = self._content(connection, name)
        if content is None:
            raise Damaged(f"{self.name} has lost {name}; run again, and it is fitted again")
        return BytesIO(content)

    def bring(self, connection: sa.Connection, name: str) -> None:
        path = self.files.folder / name
        content = None if path.is_file() else self._content(connection, name)
        if content is not None:  # whoever reads what is missing says so
            write_bytes(path, content)

    def keep(self, connection: sa.Connection, name: str, content: bytes | None = None) -> None:
        content = (self.files.folder / name).read_bytes() if content is None else content
        self.drop(connection, [name])
        connection.execute(sa.insert(array_table).values(name=name, bytes=content))

    def drop(self, connection: sa.Connection, names: Sequence[str]) -> None:
        connection.execute(sa.delete(array_table).where(array_table.c.name.in_(names)))

    def _content(self, connection: sa.Connection, name: str) -> bytes | None:
        query = sa.select(array_table.c.bytes).where(array_table.c.name == name)
        return connection.execute(query).scalar()


def place_of(given: str | os.PathLike[str]) -> Place:
    """Return the place that a folder's path or a database's URL names; BadInput for other URLs."""
    text = os.fspath(given)
    if not is_url(text):
        return Folder(Path(given))
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # the port is no number
        url = sa.URL.create("")
    if url.drivername not in ("postgresql", "postgresql+psycopg") or not url.database:
        raise BadInput(
            "a store is a folder or postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE; "
            f"a URL that begins with {text.partition(':')[0]}: and names a database of that kind "
            "was not given"
        )
    if "@" in (url.host or ""):
        raise BadInput("the password in the URL has an @ in it; write it as %40")
    return Server(url.set(drivername="postgresql+psycopg"))


def is_url(text: str) -> bool:
    """Whether a text is a URL rather than a path."""
    return re.match(r"[A-Za-z][\w+.-]*://", text) is not None


def _prepare_reader(connection: sqlite3.Connection, _: object) -> None:
    # `_begin` begins every transaction: by itself, the driver leaves changed tables out of any.
    connection.isolation_level = None


def _prepare_writer(connection: sqlite3.Connection, _: object) -> None:
    _prepare_reader(connection, _)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads first and then writes fails where another has written in between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _sign(descriptor: int) -> None:
    """Write this process's name into the lock file that it holds."""
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _signature(path: Path) -> str:
    """Return the name of the process that holds a lock file."""
    try:
        return path.read_text("utf-8", "replace") or "another process"
    except OSError:  # Windows lets nobody read a file that is locked
        return "another process"


def _busy(place: Place, who: str) -> BadInput:
    return BadInput(f"{who} is writing to {place.name}; wait until it ends, or {place.remedy}")
