"""A store in a PostgreSQL database, arrays included."""

import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from time import monotonic, sleep

import sqlalchemy as sa

from howrobust.errors import BadInput, Damaged
from howrobust.storage.arrays import Files
from howrobust.storage.atomic import write_bytes
from howrobust.storage.backends.base import LOCK_POLL_S, LOCK_TIMEOUT_S, Backend
from howrobust.storage.schema import array_table

CONNECT_TIMEOUT_S = 10
SPOOL_SUFFIX = re.compile(r"[a-z0-9_]{8}")  # how `tempfile` ends the names that it makes
LOCK = int.from_bytes(b"howrobus", "big")  # advisory locks are numbers, within one database


class PostgresBackend(Backend):
    """A PostgreSQL database.

    Workers read and write arrays in a temporary folder of the writer's machine. The lock is an
    advisory one, which ends with its session.

    Parameters
    ----------
    url : sqlalchemy.URL
        The database, with the password if it needs one.
    """

    remedy = "choose another --store"
    recovery = f"check the URL and the free space of the server, or {remedy}"

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        shown = sa.URL.create(url.drivername, url.username, None, url.host, url.port, url.database)
        self.name = self.database = shown.render_as_string()
        self.identity = url.set(password=None).render_as_string(hide_password=False)
        self._prefix = f"howrobust-{hashlib.sha256(self.identity.encode()).hexdigest()[:12]}-"

    def engine(self, create: bool) -> sa.Engine:
        try:
            return sa.create_engine(self.url, connect_args={"connect_timeout": CONNECT_TIMEOUT_S})
        except ImportError:
            raise BadInput(
                "a store in PostgreSQL needs psycopg, which is not installed; "
                "pip install 'howrobust[postgresql]'"
            ) from None

    @contextmanager
    def exclusive(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        with engine.connect() as connection:
            connection.detach()  # returned to the pool, it would keep the lock
            self._lock(connection)
            connection.commit()
            self._discard_spools()
            with tempfile.TemporaryDirectory(prefix=self._prefix) as spool:
                self.files = Files(Path(spool))
                self.files.make()
                yield connection

    def _discard_spools(self) -> None:
        """Remove temporary folders that killed writers to this database left behind."""
        for path in Path(tempfile.gettempdir()).glob(f"{self._prefix}*"):
            is_spool = SPOOL_SUFFIX.fullmatch(path.name.removeprefix(self._prefix))
            if is_spool and path.is_dir() and not path.is_symlink():
                with suppress(PermissionError):  # another user's
                    Files(path).discard()

    def _lock(self, connection: sa.Connection) -> None:
        """Take the advisory lock; BadInput where another session keeps it for too long."""
        deadline = monotonic() + LOCK_TIMEOUT_S
        while not connection.execute(sa.select(sa.func.pg_try_advisory_lock(LOCK))).scalar():
            if monotonic() > deadline:
                raise self.in_use("another process")
            sleep(LOCK_POLL_S)

    def array_names(self, connection: sa.Connection) -> set[str]:
        return set(connection.execute(sa.select(array_table.c.name)).scalars())

    def has(self, connection: sa.Connection, name: str) -> bool:
        query = sa.select(array_table.c.name).where(array_table.c.name == name)
        return connection.execute(query).first() is not None

    def source(self, connection: sa.Connection, name: str) -> Path | BytesIO:
        content = self._content(connection, name)
        if content is None:
            raise Damaged(f"{self.name} lacks {name}; run again to fit it again")
        return BytesIO(content)

    def stage(self, connection: sa.Connection, name: str) -> None:
        path = self.files.folder / name
        content = None if path.is_file() else self._content(connection, name)
        if content is not None:  # a reader reports what is missing
            write_bytes(path, content)

    def save(self, connection: sa.Connection, name: str, content: bytes | None = None) -> None:
        content = (self.files.folder / name).read_bytes() if content is None else content
        self.delete(connection, [name])
        connection.execute(sa.insert(array_table).values(name=name, bytes=content))

    def delete(self, connection: sa.Connection, names: Sequence[str]) -> None:
        connection.execute(sa.delete(array_table).where(array_table.c.name.in_(names)))

    def _content(self, connection: sa.Connection, name: str) -> bytes | None:
        query = sa.select(array_table.c.bytes).where(array_table.c.name == name)
        return connection.execute(query).scalar()
