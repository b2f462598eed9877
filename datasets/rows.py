"""Sources that hold one fixed table and split its rows at random."""

from howrobust import seeds
from howrobust.data import (
    Dataset,
    Provenance,
    Source,
    checked,
    numbered,
    only_family,
    random_split,
    split_number,
)


class RowSource(Source):
    """A table with random 90/10 splits of its rows."""

    def __init__(self, name: str, data: Dataset, provenance: Provenance) -> None:
        self.name = name
        self.data = checked(data, name)
        self.provenance = provenance

    @property
    def sha256(self) -> str:
        return self.data.sha256

    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        return numbered(only_family(family, "random", self.name), count, 20, None, self.name)

    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        split_number(split, "random", self.name)
        train, test = random_split(len(self.data.y), seeds.derive(seed, self.name, split))
        return self.data.take(train), self.data.take(test)
