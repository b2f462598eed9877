"""A store in a folder: SQLite beside the files of arrays."""

import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import sqlalchemy as sa
from filelock import FileLock, Timeout

from howrobust.errors import BadInput
from howrobust.storage.arrays import FOLDERS, Files
from howrobust.storage.atomic import write_bytes
from howrobust.storage.backends.base import LOCK_POLL_S, LOCK_TIMEOUT_S, Backend

BUSY_TIMEOUT_S = 60
DATABASE = "store.sqlite"
# Files that a run makes in its folder: a link of one of these names would redirect its writes.
NAMES = (
    *FOLDERS, DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", "store.lock",
    "report.html",
)  # fmt: skip


class FolderBackend(Backend):
    """``store.sqlite`` in WAL mode, beside the files of arrays.

    The lock is the kernel's, on ``store.lock``, and holds on one machine; a network file system may
    not support it.

    Parameters
    ----------
    folder : Path
        The folder. It must be new, empty or a store, and contain no links.
    """

    remedy = "choose another --out"
    recovery = f"free some space, move it aside, or {remedy}"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = Files(folder.absolute())  # workers may have another working directory
        self.path = folder / DATABASE
        self.name, self.database = str(folder), str(self.path)
        self.identity = str(folder.resolve())

    def engine(self, create: bool) -> sa.Engine:
        self._refuse_links()
        if create:
            self._refuse_other_files()
            # The database is the first file here: with it, a folder is a store.
            self.folder.mkdir(parents=True, exist_ok=True)
        elif not self.path.is_file():
            raise BadInput(f"{self.folder} holds no results; give the folder of a finished run")
        url = sa.URL.create("sqlite", database=str(self.path))
        engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
        sa.event.listen(engine, "connect", _prepare_writer if create else _prepare_reader)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def _refuse_links(self) -> None:
        for name in NAMES:
            if (self.folder / name).is_symlink():
                raise BadInput(
                    f"{self.folder / name} is a symbolic link, and results are not read or written "
                    f"through links; remove the link, or {self.remedy}"
                )

    def _refuse_other_files(self) -> None:
        if self.path.is_file() or not self.folder.exists():
            return
        if any(self.folder.iterdir()):
            raise BadInput(
                f"{self.folder} is not empty and holds no results of howrobust; give a new or an "
                f"empty folder: {self.remedy}"
            )

    @contextmanager
    def exclusive(self, engine: sa.Engine) -> Iterator[None]:
        path = self.folder / "store.lock"
        # Without kernel locks this fails: the fallback is a file that survives a killed process.
        lock = FileLock(path, LOCK_TIMEOUT_S, fallback_to_soft=False, on_acquired=_write_owner)
        try:
            lock.acquire(poll_interval=LOCK_POLL_S)
        except Timeout:
            raise self.in_use(_owner(path)) from None
        try:
            self.files.make()
            for leftover in self.files.leftovers():
                leftover.unlink(missing_ok=True)
            yield
        finally:
            lock.release()

    def array_names(self, connection: sa.Connection) -> set[str]:
        return {
            f"{folder}/{name}"
            for folder in ("forecasts", "testsets")
            if (self.files.folder / folder).is_dir()  # a missing folder has no arrays
            for name in os.listdir(self.files.folder / folder)
            if name.endswith(".npz")
        }

    def has(self, connection: sa.Connection, name: str) -> bool:
        return (self.files.folder / name).is_file()

    def source(self, connection: sa.Connection, name: str) -> Path | BytesIO:
        return self.files.folder / name

    def stage(self, connection: sa.Connection, name: str) -> None:
        pass  # workers read the stored files

    def save(self, connection: sa.Connection, name: str, content: bytes | None = None) -> None:
        if content is not None:
            write_bytes(self.files.folder / name, content)

    def delete(self, connection: sa.Connection, names: Sequence[str]) -> None:
        for name in names:
            (self.files.folder / name).unlink(missing_ok=True)


def _prepare_reader(connection: sqlite3.Connection, _: object) -> None:
    # `_begin` begins every transaction: the driver by itself runs DDL outside of transactions.
    connection.isolation_level = None


def _prepare_writer(connection: sqlite3.Connection, _: object) -> None:
    _prepare_reader(connection, _)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    # A transaction that reads and then writes fails if another one has written in between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _write_owner(descriptor: int) -> None:
    """Write the name of this process into the lock file that it holds."""
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _owner(path: Path) -> str:
    """Return the name of the process that holds a lock file."""
    try:
        return path.read_text("utf-8", "replace") or "another process"
    except OSError:  # Windows does not let a locked file be read
        return "another process"
