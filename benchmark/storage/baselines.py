"""Baselines: texts that are stored under names, for later comparisons."""

from time import time_ns

import sqlalchemy as sa

from howrobust.errors import BadInput
from howrobust.storage.schema import baseline_table
from howrobust.storage.store import Store


class Baselines:
    """Reads and writes the baselines of a store.

    Parameters
    ----------
    store : Store
        The store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, name: str, text: str) -> None:
        """Store a text under a name, replacing the one of that name.

        Parameters
        ----------
        name : str
            Name of the baseline.
        text : str
            The baseline as JSON.
        """
        t = baseline_table
        with self._store.writing() as connection:
            connection.execute(sa.delete(t).where(t.c.name == name))
            connection.execute(sa.insert(t).values(name=name, saved=time_ns(), text=text))

    def text(self, name: str) -> str:
        """Return the text that is stored under a name.

        Parameters
        ----------
        name : str
            Name of the baseline.

        Returns
        -------
        str
            The baseline as JSON.

        Raises
        ------
        BadInput
            Where there is none of that name; the message lists those that exist.
        """
        query = sa.select(baseline_table.c.text).where(baseline_table.c.name == name)
        with self._store.reading() as connection:
            text = connection.execute(query).scalar()
        if text is None:
            names = ", ".join(saved for saved, _ in self.names()) or "none"
            raise BadInput(f"{self._store.backend.name} has no baseline {name!r}; it has: {names}")
        return str(text)

    def names(self) -> list[tuple[str, int]]:
        """Return the names of the baselines, the latest last.

        Returns
        -------
        list of (str, int)
            Each name and when it was saved, ns since 1970.
        """
        t = baseline_table.c
        query = sa.select(t.name, t.saved).order_by(t.saved, t.name)
        with self._store.reading() as connection:
            return [(name, saved) for name, saved in connection.execute(query)]
