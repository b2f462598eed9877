"""Sources that hold one fixed table and split its rows."""

from howrobust.base.data import Dataset, Provenance, Source, checked
from howrobust.base.frames import Frame
from howrobust.base.split_names import table_splits
from howrobust.base.splits import row_split


class RowSource(Source):
    """A table with random 90/10 splits of its rows, and splits that hold out a third of them."""

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
