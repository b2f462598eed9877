"""The nine UCI regression sets with their published splits, read from a folder.

The folder is named by the environment variable HOWROBUST_DATA, or is the one that `howrobust fetch
uci` fills in the user's cache. It holds ``MANIFEST.csv``, ``data/<name>.csv.gz`` and
``splits/<name>.npz``. Every file is checked against the manifest.
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
from howrobust.base.data import Dataset, Provenance, Source, checked
from howrobust.base.split_names import (
    THIRDS,
    family_of,
    known_family,
    numbered,
    split_number,
    thirds,
)
from howrobust.base.splits import Rows, third_split
from howrobust.errors import BadInput

VARIABLE = "HOWROBUST_DATA"
PUBLISHED = ("random", "gap")
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


def usual_folder() -> Path:
    """Return the folder where runs look for the UCI sets.

    Returns
    -------
    Path
        The folder named by HOWROBUST_DATA, or else one in the user's cache.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    import pooch  # only where it is needed

    return Path(pooch.os_cache("howrobust")) / "uci"


def data_folder() -> Path:
    """Return the folder of the UCI sets.

    Returns
    -------
    Path
        The folder where runs look for them.

    Raises
    ------
    BadInput
        If it holds no UCI sets.
    """
    folder = usual_folder()
    if not (folder / "MANIFEST.csv").is_file():
        raise BadInput(
            f"{folder} holds no MANIFEST.csv of the UCI sets; run `howrobust fetch uci`, or set "
            f"{VARIABLE} to the folder that holds them"
        )
    return folder


class UCI(Source):
    """One of the nine UCI sets with its published splits.

    There are 20 random splits (5 for protein) and a gap split per feature. Gap splits differ from
    those of `third_split` only in which of equal values are held out; tails and random thirds are
    by that rule.

    Parameters
    ----------
    short : str
        Name of the set without ``uci/``.
    """

    def __init__(self, short: str) -> None:
        title, unit, licence = ABOUT[short]
        self.short = short
        self.name = f"uci/{short}"
        self.provenance = Provenance(title, "UCI, splits of Hernandez-Lobato 2015", licence, unit)

    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        family = known_family(family, ("random", *THIRDS), self.name)
        features = len(self._indices["gap_train"])
        most = {"random": len(self._indices["random_train"]), **thirds(features)}[family]
        return numbered(family, count, most, most, self.name)

    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        family = family_of(split)
        if family in PUBLISHED:
            train, test = self._published(split, family, seed)
        elif family in THIRDS:
            train, test = third_split(split, self._data.X, seed, self.name)
        else:
            raise BadInput(f"{self.name} has no split {split!r}")
        return self._data.take(train), self._data.take(test)

    @property
    def sha256(self) -> str:
        return self._manifest["array_sha256"]

    def _published(self, split: str, family: str, seed: int) -> tuple[Rows, Rows]:
        number = split_number(split, family, self.name)
        train, test = self._indices[f"{family}_train"], self._indices[f"{family}_test"]
        if number >= len(train):
            raise BadInput(f"{self.name} has {len(train)} {family} splits; there is no {split!r}")
        rows = train[number].astype(np.int64)
        if family == "gap":
            # The rule of the gaps gives their rows, not the order in which they were published.
            rows = seeds.generator(seed, self.name, split, "row order").permutation(np.sort(rows))
        return rows, test[number].astype(np.int64)

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
            raise BadInput(f"{path} does not hold the numbers that its manifest states")
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
            keys = [f"{family}_{part}" for family in PUBLISHED for part in ("train", "test")]
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
