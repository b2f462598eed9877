"""A data set by name or path, with the options that say how a file is read."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howrobust.planning.entry_points import entries, import_untracked

if TYPE_CHECKING:
    from howrobust.base.data import Source


@dataclass(frozen=True)
class DataSpec:
    """A data set by catalogue name, by the path of a file, or by that of a plug-in.

    Parameters
    ----------
    name : str
        A catalogue name, the path of a table, or ``package.module:Name`` of a data set.
    target : str, optional
        Target column of a file; its last if None.
    one_hot : bool, default False
        Whether text columns of a file become 0/1 columns.
    groups : str, optional
        Column of a file whose groups are held out whole.
    time : str, optional
        Column of a file that orders its rows.
    mixed : bool, default False
        Whether text columns of a file stay texts, for models with encoders of their own.
    source : Source, optional
        The data set itself, where it cannot be opened by name.
    """

    name: str
    target: str | None = None
    one_hot: bool = False
    groups: str | None = None
    time: str | None = None
    mixed: bool = False
    source: "Source | None" = field(default=None, compare=False, repr=False)

    @property
    def is_file(self) -> bool:
        """Whether the name is the path of a table rather than a catalogue name."""
        return (
            self.source is None
            and self.name not in entries("datasets")
            and (
                Path(self.name).suffix.lower() in (".csv", ".parquet")
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
                self.name,
                target=self.target,
                one_hot=self.one_hot,
                groups=self.groups,
                time=self.time,
                mixed=self.mixed,
            )
            return table
        from howrobust.planning.plugins.data import open_plugin  # it imports numpy

        return open_plugin(self.name)


def given_rows(X: Any, y: Any, name: str = "data", groups: Any = None) -> "Source":
    """Make a data set of a user's own rows.

    Parameters
    ----------
    X : array or data frame of shape (n, d)
        The inputs. A frame may have columns of texts or categories.
    y : array of shape (n,)
        The target.
    name : str, default "data"
        The name of the data set.
    groups : array of shape (n,), optional
        Label of each row's group; groups are held out whole.

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
        X, y, name, groups
    )
    return source
