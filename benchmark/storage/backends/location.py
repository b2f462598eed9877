"""The backend of a location, given as a folder's path or a database's URL."""

import os
import re
from pathlib import Path

import sqlalchemy as sa

from howrobust.errors import BadInput
from howrobust.storage.backends.base import Backend
from howrobust.storage.backends.folder import FolderBackend
from howrobust.storage.backends.postgres import PostgresBackend


def backend_of(location: str | os.PathLike[str]) -> Backend:
    """Return the backend of a location.

    Parameters
    ----------
    location : str or path-like
        A folder, or ``postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE``.

    Returns
    -------
    Backend
        The backend; nothing has been opened yet.

    Raises
    ------
    BadInput
        For any other URL.
    """
    text = os.fspath(location)
    if not is_url(text):
        return FolderBackend(Path(location))
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # the port is not a number
        url = sa.URL.create("")
    if url.drivername not in ("postgresql", "postgresql+psycopg") or not url.database:
        raise BadInput(
            f"the URL of a store that begins with {text.partition(':')[0]}: cannot be used; give a "
            "folder, or postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE with all its parts"
        )
    if "@" in (url.host or ""):
        raise BadInput("the password in the URL contains an @; write it as %40")
    return PostgresBackend(url.set(drivername="postgresql+psycopg"))


def is_url(text: str) -> bool:
    """Return whether a text is a URL rather than a path.

    Parameters
    ----------
    text : str
        The location as given.

    Returns
    -------
    bool
        True where the text begins with a scheme and ``://``.
    """
    return re.match(r"[A-Za-z][\w+.-]*://", text) is not None
