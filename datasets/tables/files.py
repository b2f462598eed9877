"""A user's own table: a file with a named target column."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from howrobust.base.data import Provenance
from howrobust.datasets.tables.examination import Examination, Examined
from howrobust.datasets.tables.look import refusal
from howrobust.datasets.tables.reading.header import header_of
from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.read import read_table
from howrobust.datasets.tables.roles import Roles
from howrobust.datasets.tables.rows import USERS_OWN, RowSource
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


class TableFile(RowSource):
    """The rows of a file, split at random, by whole groups or by time.

    Parameters
    ----------
    path : str
        A file, whose name is that of the data set.
    roles : Roles, optional
        What its columns are for, and how it is to be read.
    target_transform : {"none", "log", "yeo-johnson", "auto"}, default="auto"
        How the target is transformed for methods that are no model of a user's own.

    Attributes
    ----------
    look : Look
        What was found in the file.

    Raises
    ------
    BadInput
        For a file that cannot be used, with every problem that it has.
    """

    def __init__(
        self, path: str, roles: Roles | None = None, target_transform: str = "auto"
    ) -> None:
        self._take(examine(path, roles or Roles(), target_transform), path, target_transform)

    @classmethod
    def of(cls, found: Examined, path: str, target_transform: str = "auto") -> "TableFile":
        """Return the rows of a file that is read already.

        Parameters
        ----------
        found : Examined
            The table.
        path : str
            The file.
        target_transform : {"none", "log", "yeo-johnson", "auto"}, default="auto"
            How the target is transformed.

        Returns
        -------
        TableFile
            The rows.

        Raises
        ------
        BadInput
            For a table that cannot be used.
        """
        source = cls.__new__(cls)
        source._take(found, path, target_transform)
        return source

    def _take(self, found: Examined, path: str, target_transform: str) -> None:
        if found.data is None:
            raise BadInput(found.look.refusal)
        about = Provenance(f"rows of {found.look.name}", path, USERS_OWN, "-")
        super().__init__(
            found.look.name, found.data, about, found.frame, found.groups, found.times,
            target_transform, found.look.warnings,
        )  # fmt: skip
        self.look = found.look


def examine(path: str, roles: Roles, target_transform: str = "auto") -> Examined:
    """Read a file and find all that is wrong with it.

    Parameters
    ----------
    path : str
        The file.
    roles : Roles
        What its columns are for, and how it is to be read.
    target_transform : {"none", "log", "yeo-johnson", "auto"}, default="auto"
        How the target is transformed, which the look states.

    Returns
    -------
    Examined
        The table; without data where it cannot be used.

    Raises
    ------
    BadInput
        Where there is no table: no file, or one that cannot be read at all.
    """
    name = Path(path).name  # the same data in another folder is the same data
    read = read_table(Path(path), roles.read)
    table, notes, problems = read.frame, read.notes, read.problems
    del read  # what is examined is taken out of the table, column by column
    table.columns = [str(column) for column in table.columns]
    names = header_of(Path(path), roles.read)
    found = Examination(name, roles, target_transform, names, problems).of(table)
    return replace(found, look=replace(found.look, notes=notes))


def read_frame(
    path: Path, options: ReadOptions | None = None, like: Path | None = None
) -> "pd.DataFrame":
    """Read a file whose columns have no roles, such as new rows.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions, optional
        How it is to be read.
    like : Path, optional
        The file that new rows continue, see `read_table`.

    Returns
    -------
    pandas.DataFrame of shape (n, m)
        The table.

    Raises
    ------
    BadInput
        Where it cannot be read, with every problem that it has.
    """
    read = read_table(path, options or ReadOptions(), like)
    if read.problems and like is not None:  # the advice is for files that are learnt
        problems = [f"{problem.partition('; ')[0]}; correct the file" for problem in read.problems]
        raise BadInput(refusal(path.name, problems))
    if read.problems:
        raise BadInput(refusal(path.name, read.problems))
    return read.frame
