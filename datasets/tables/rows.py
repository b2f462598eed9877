"""Sources that hold one fixed table and split its rows."""

import hashlib
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.base.data import Dataset, Provenance, Source, checked
from howrobust.base.split_names import (
    OWN_SPLITS,
    known_family,
    numbered,
    split_number,
    table_splits,
)
from howrobust.base.splits import Rows, group_split, row_split, time_split
from howrobust.base.tables.frame import Frame
from howrobust.distributions.transformed.names import WITHOUT_LOG

USERS_OWN = "the user's own"  # licence of rows that a user brings
_TIME_SPLITS = 5


class RowSource(Source):
    """Rows of a table, split at random, by whole groups or by time.

    A random split holds out a tenth of the rows; other families hold out a third. Rows in groups or
    in order of time have no other family than that, as they are not exchangeable.

    Parameters
    ----------
    name : str
        Name of the data set.
    data : Dataset
        The rows.
    provenance : Provenance
        Where they come from.
    frame : Frame, optional
        The table that the rows stand for, where they do.
    groups : array of int of shape (n,), optional
        Group of each row; groups are held out whole.
    times : array of shape (n,), optional
        Time of each row; later rows are held out.
    target_transform : {"none", "log", "yeo-johnson", "auto"}, default="none"
        How the target is transformed for methods that are no model of a user's own.
    warnings : tuple of str, default=()
        What was found while the rows were read.

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
        times: NDArray[np.float64] | None = None,
        target_transform: str = "none",
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.data = checked(data, name)
        self.provenance = provenance
        self.frame = frame
        self.groups = groups
        self.times = times
        # A target of which any value, in training or in test rows, has no logarithm has none.
        self.target_transform = (
            WITHOUT_LOG if target_transform == "auto" and data.y.min() <= 0 else target_transform
        )
        self.warnings = warnings
        self._sha256 = ""

    @property
    def is_own(self) -> bool:
        """Whether a user brings the rows; those of the catalogue are known."""
        return self.provenance.licence == USERS_OWN

    @property
    def family(self) -> Literal["random", "group", "time"]:
        """Main family of the splits."""
        if self.groups is not None:
            return "group"
        return "random" if self.times is None else "time"

    @property
    def sha256(self) -> str:
        if not self._sha256:  # two million rows take a second
            self._sha256 = self._digest()
        return self._sha256

    def _digest(self) -> str:
        # The column that splits the rows is part of the data, though it is no feature; and so are
        # the categories that codes stand for.
        by = self.groups if self.times is None else self.times
        parts = [b"" if by is None else by.tobytes()]
        parts += [] if self.frame is None else [self.frame.digest().encode()]
        if not any(parts):
            return self.data.sha256
        return hashlib.sha256(self.data.sha256.encode() + b"".join(parts)).hexdigest()

    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        if self.family == "random":
            return table_splits("random", count, family, len(self.data.features), self.name)
        known_family(family, (self.family,), self.name)
        default = _TIME_SPLITS if self.family == "time" else OWN_SPLITS
        names = numbered(self.family, count, default, None, self.name)
        if self.family == "group":
            return names
        # The rows of block k depend on the number of blocks: the name states both.
        return [f"time-{len(names)}-{k}" for k in range(len(names))]

    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        train, test = self._rows(split, seed)
        return self.data.take(train), self.data.take(test)

    def _rows(self, split: str, seed: int) -> tuple[Rows, Rows]:
        if self.groups is not None:
            split_number(split, "group", self.name)
            return group_split(self.groups, seeds.derive(seed, self.name, split))
        if self.times is not None:
            count = split.split("-")[1] if "-" in split else ""
            number = split_number(split, f"time-{count}", self.name)
            split_seed = seeds.derive(seed, self.name, split)
            return time_split(self.times, number, int(count), split_seed)
        return row_split(split, self.data.X, seed, self.name)
