"""The nine UCI regression sets with their published splits, read from a folder.

The folder is named by the environment variable HOWROBUST_DATA and holds ``MANIFEST.csv``,
``data/<name>.csv.gz`` and ``splits/<name>.npz``. Every file is checked against the manifest.
"""

import csv
import gzip
import hashlib
import os
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.data import Dataset, Provenance, Source, checked, numbered, split_number
from howrobust.errors import BadInput

VARIABLE = "HOWROBUST_DATA"
FAMILIES = ("random", "gap")
CC_BY = "CC BY 4.0 (UCI Machine Learning Repository)"
# name: (what is measured, unit of the target, licence as seen)
ABOUT = {
    "boston": ("median house value per Boston tract, 1970", "1000 USD", "no licence text seen"),
    "concrete": ("compressive strength of concrete", "MPa", CC_BY),
    "energy": ("heating load of simulated buildings", "kWh/m2", CC_BY),
    "kin8nm": ("forward kinematics of a simulated robot arm", "-", "no licence text seen"),
    "naval": ("compressor decay of a simulated frigate", "-", CC_BY + "; its README: no commerce"),
    "power": ("electrical output of a power plant", "MW", CC_BY),
    "protein": ("residue size of protein tertiary structure", "Angstrom", CC_BY),
    "wine": ("quality score of red wine", "score", CC_BY),
    "yacht": ("residuary resistance of sailing yachts", "-", CC_BY),
}


def data_folder() -> Path:
    """Return the folder named by HOWROBUST_DATA; BadInput where there is none."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise BadInput(
            f"the UCI sets need the environment variable {VARIABLE} to name their folder"
        )
    if not (Path(folder) / "MANIFEST.csv").is_file():
        raise BadInput(
            f"{VARIABLE}={folder} holds no MANIFEST.csv; name the folder of the UCI sets"
        )
    return Path(folder)


class UCI(Source):
    """One of the nine sets: 20 published random splits (protein 5), a gap split per feature."""

    def __init__(self, short: str) -> None:
        title, unit, licence = ABOUT[short]
        self.short = short
        self.name = f"uci/{short}"
        self.provenance = Provenance(title, "UCI, splits of Hernandez-Lobato 2015", licence, unit)

    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        family = family or FAMILIES[0]
        if family not in FAMILIES:
            raise BadInput(f"{self.name} has no {family!r} splits; it has {' and '.join(FAMILIES)}")
        most = len(self._indices[f"{family}_train"])
        return numbered(family, count, most, most, self.name)

    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        family = split.rpartition("-")[0]
        if family not in FAMILIES:
            raise BadInput(f"{self.name} has no split {split!r}")
        number = split_number(split, family, self.name)
        train, test = self._indices[f"{family}_train"], self._indices[f"{family}_test"]
        if number >= len(train):
            raise BadInput(f"{self.name} has {len(train)} {family} splits; there is no {split!r}")
        rows = train[number].astype(np.int64)
        if family == "gap":
            # Published gap splits list their training rows sorted by a feature.
            rows = seeds.generator(seed, self.name, split, "row order").permutation(rows)
        return self._data.take(rows), self._data.take(test[number].astype(np.int64))

    @property
    def sha256(self) -> str:
        return self._manifest["array_sha256"]

    @cached_property
    def _manifest(self) -> dict[str, str]:
        with (data_folder() / "MANIFEST.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                if row["name"] == self.short:
                    return row
        raise BadInput(f"the manifest in {data_folder()} has no row {self.short!r}")

    @cached_property
    def _data(self) -> Dataset:
        path = self._verified("data_file", "sha256")
        table = np.loadtxt(path, delimiter=",", skiprows=1)
        digest = hashlib.sha256(np.ascontiguousarray(table, dtype="<f8").tobytes()).hexdigest()
        if digest != self.sha256:
            raise BadInput(f"{path} does not hold the numbers that its manifest promises")
        with np.load(self._verified("splits_file", "splits_sha256"), allow_pickle=False) as splits:
            features, target = splits["feature_columns"], int(splits["target_column"])
        with gzip.open(path, "rt", encoding="utf-8") as file:
            header = next(csv.reader(file))
        names = tuple(header[j] for j in features)
        unit = self.provenance.unit
        data = Dataset(table[:, features], table[:, target], names, self._manifest["target"], unit)
        return checked(data, self.name)

    @cached_property
    def _indices(self) -> dict[str, NDArray[np.uint16]]:
        path = self._verified("splits_file", "splits_sha256")
        with np.load(path, allow_pickle=False) as splits:
            keys = [f"{family}_{part}" for family in FAMILIES for part in ("train", "test")]
            return {key: splits[key] for key in keys}

    def _verified(self, column: str, checksum: str) -> Path:
        path = data_folder() / self._manifest[column]
        if not path.is_file():
            raise BadInput(f"{path} is missing; fetch the UCI sets again")
        if hashlib.sha256(path.read_bytes()).hexdigest() != self._manifest[checksum]:
            raise BadInput(f"{path} differs from its checksum; fetch the UCI sets again")
        return path


boston, concrete, energy, kin8nm, naval, power, protein, wine, yacht = (
    partial(UCI, short) for short in ABOUT
)
