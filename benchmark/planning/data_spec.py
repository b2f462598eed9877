"""A data set by name or path, with the options that say how a file is read."""

import os
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howrobust.planning.entry_points import entries, import_untracked

if TYPE_CHECKING:
    from howrobust.base.data import Source
    from howrobust.datasets.tables.roles import Roles


SUFFIXES = (
    ".csv", ".tsv", ".tab", ".txt", ".gz", ".parquet", ".arrow", ".feather", ".xlsx",
)  # fmt: skip


@dataclass(frozen=True)
class DataSpec:
    """A data set by catalogue name, by the path of a file, or by that of a plug-in.

    Parameters
    ----------
    name : str
        A catalogue name, the path of a table, or ``package.module:Name`` of a data set.
    target : str, optional
        Target column of a file; its last if None.
    groups : str, optional
        Column of a file whose groups are held out whole.
    time : str, optional
        Column of a file that orders its rows.
    drop : tuple of str, default ()
        Columns of a file that are left out.
    kinds : tuple of (str, str), default ()
        Kinds of columns of a file by name: number, category, date, date:FORM or id.
    missing : tuple of str, default ()
        Words that stand for a missing value in every column of a file.
    separator, decimal, encoding : str, optional
        How a file is to be read; what is found in it if None.
    target_transform : {"none", "log", "yeo-johnson", "auto"}, optional
        How the target is transformed for methods that are no model of a user's own. If None,
        "auto" for a file, and what a catalogue data set has: "none".
    source : Source, optional
        The data set itself, where it cannot be opened by name.
    """

    name: str
    target: str | None = None
    groups: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    target_transform: str | None = None
    source: "Source | None" = field(default=None, compare=False, repr=False)

    @property
    def is_file(self) -> bool:
        """Whether the name is the path of a table rather than a catalogue name."""
        return (
            self.source is None
            and self.name not in entries("datasets")
            and (
                Path(self.name).suffix.lower() in SUFFIXES
                or os.path.exists(self.name)  # False, too, for a text that cannot be a path
            )
        )

    @property
    def imported_by(self) -> str:
        """Name of the plug-in that it is; empty for a file and for rows given from Python."""
        return "" if self.source is not None or self.is_file else self.name

    def absolute(self) -> "DataSpec":
        """Return the same data by a path that holds in any working directory.

        Returns
        -------
        DataSpec
            The same data.
        """
        return replace(self, name=os.path.abspath(self.name)) if self.is_file else self

    def open(self) -> "Source":
        """Open the data set.

        Returns
        -------
        Source
            The data set.

        Raises
        ------
        BadInput
            For an unknown name and for a file that no model can be fitted to.
        """
        if self.source is not None:
            return self.source
        if self.is_file:
            table: Source = import_untracked("howrobust.datasets.tables.files", "TableFile")(
                self.name, self.roles, self.target_transform or "auto"
            )
            return table
        from howrobust.planning.plugins.data import open_plugin  # it imports numpy

        source = open_plugin(self.name)
        if self.target_transform is not None:
            source = copy(source)  # it may be an object of the user's module
            source.target_transform = self.target_transform
        return source

    @property
    def roles(self) -> "Roles":
        """What the columns of a file are for, and how it is to be read."""
        module = "howrobust.datasets.tables.roles"
        read = import_untracked(module, "read_options")(
            self.kinds, self.missing, self.separator, self.decimal, self.encoding, self.drop
        )
        roles: Roles = import_untracked(module, "Roles")(
            self.target, self.groups, self.time, self.drop, read
        )
        return roles

    @property
    def options(self) -> tuple[str, ...]:
        """The options, as the command line spells them, that only a file has and that are set."""
        given = {
            "--target": self.target, "--groups": self.groups, "--time": self.time,
            "--drop": self.drop, "--as": self.kinds, "--missing": self.missing,
            "--separator": self.separator, "--decimal": self.decimal, "--encoding": self.encoding,
        }  # fmt: skip
        return tuple(flag for flag, value in given.items() if value not in (None, ()))


def given_rows(
    X: Any, y: Any, name: str = "data", groups: Any = None, target_transform: str = "auto"
) -> "Source":
    """Make a data set of a user's own rows.

    Parameters
    ----------
    X : array or data frame of shape (n, d)
        The inputs, NaN where a value is missing. A frame may have columns of texts, categories,
        booleans, dates and durations.
    y : array of shape (n,)
        The target.
    name : str, default "data"
        The name of the data set.
    groups : array of shape (n,), optional
        Label of each row's group; groups are held out whole.
    target_transform : {"none", "log", "yeo-johnson", "auto"}, default "auto"
        How the target is transformed for methods that are no model of a user's own.

    Returns
    -------
    Source
        The data set.

    Raises
    ------
    BadInput
        For rows that no model can be fitted to.
    """
    source: Source = import_untracked("howrobust.datasets.tables.given", "given")(
        X, y, name, groups, target_transform
    )
    return source
