"""Sources that hold one fixed table and split its rows."""

from howrobust.base.data import Dataset, Provenance, Source, checked
from howrobust.base.frames import Frame
from howrobust.base.split_names import table_splits
from howrobust.base.splits import row_split


class RowSource(Source):
    """Rows of a table, split at random.

    A random split holds out a tenth of the rows; other families hold out a third.

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

    Raises
    ------
    BadInput
        For rows that no regression can be learnt from.
    """

    def __init__(
        self, name: str, data: Dataset, provenance: Provenance, frame: Frame | None = None
    ) -> None:
        self.name = name
        self.data = checked(data, name)
        self.provenance = provenance
        self.frame = frame

    @property
    def sha256(self) -> str:
        return self.data.sha256

    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        return table_splits("random", count, family, len(self.data.features), self.name)

    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        train, test = row_split(split, self.data.X, seed, self.name)
        return self.data.take(train), self.data.take(test)
