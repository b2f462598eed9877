"""Sources that hold one fixed table and split its rows."""

import hashlib

from howrobust import seeds
from howrobust.base.data import Dataset, Provenance, Source, checked
from howrobust.base.split_names import (
    OWN_SPLITS,
    known_family,
    numbered,
    split_number,
    table_splits,
)
from howrobust.base.splits import Rows, group_split, row_split
from howrobust.base.tables.frame import Frame


class RowSource(Source):
    """Rows of a table, split at random or by whole groups.

    A random split holds out a tenth of the rows; other families hold out a third. Rows in groups
    have no other family than that of groups, as they are not exchangeable.

    Parameters
    ----------
    name : str
        Name of the data set.
    data : Dataset
        The rows.
    provenance : Provenance
        Where they come from.
    frame : Frame, optional
        How the rows encode a table with columns of categories, where they do.
    groups : array of int of shape (n,), optional
        Group of each row; groups are held out whole.

    Raises
    ------
    BadInput
        For rows that no regression can be learnt from.
    """

    def __init__(
        self,
        name: str,
        data: Dataset,
        provenance: Provenance,
        frame: Frame | None = None,
        groups: Rows | None = None,
    ) -> None:
        self.name = name
        self.data = checked(data, name)
        self.provenance = provenance
        self.frame = frame
        self.groups = groups

    @property
    def sha256(self) -> str:
        if self.groups is None:
            return self.data.sha256
        return hashlib.sha256(self.data.sha256.encode() + self.groups.tobytes()).hexdigest()

    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        if self.groups is not None:
            known_family(family, ("group",), self.name)
            return numbered("group", count, OWN_SPLITS, None, self.name)
        return table_splits("random", count, family, len(self.data.features), self.name)

    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        if self.groups is None:
            train, test = row_split(split, self.data.X, seed, self.name)
        else:
            split_number(split, "group", self.name)
            train, test = group_split(self.groups, seeds.derive(seed, self.name, split))
        return self.data.take(train), self.data.take(test)
