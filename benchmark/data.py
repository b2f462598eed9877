"""Data sets and their sources, with what is known of the truth behind them."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.errors import BadInput
from howrobust.predictive import Array, Predictive

Rows = NDArray[np.int64]
TEST_SHARE = 0.1
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Dataset:
    """X (n, d) and y (n,), float64 and finite, with the names of the columns and y's unit."""

    X: Array
    y: Array
    features: tuple[str, ...]
    target: str = "y"
    unit: str = "-"

    def take(self, rows: Rows) -> "Dataset":
        """Return the data set of these rows, in their order."""
        return Dataset(self.X[rows], self.y[rows], self.features, self.target, self.unit)

    @property
    def sha256(self) -> str:
        """Hash of the numbers: shapes, X and y as little-endian float64."""
        digest = hashlib.sha256(repr(self.X.shape).encode())
        for array in (self.X, self.y):
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()


class Truth(ABC):
    """The known p(y | x) behind a synthetic source."""

    @abstractmethod
    def predictive(self, X: Array) -> Predictive:
        """Return the true distribution of y at X (n, d)."""


@dataclass(frozen=True)
class Provenance:
    """Where numbers come from: a sentence, the source, the licence, and y's unit."""

    title: str
    source: str
    licence: str
    unit: str


class Source(ABC):
    """A data set and its splits.

    Law: `realise` is a function of (split, seed), and no test row is seen in training. Training
    rows come in random order, so that their last fifth is a fair validation set.
    """

    name: str
    provenance: Provenance
    truth: Truth | None = None

    @abstractmethod
    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        """Return the names of the first ``count`` splits of a family, such as ``random-0``.

        None asks for the source's own number, or its own family. Raises BadInput where the source
        has fewer splits or no such family.
        """

    @abstractmethod
    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        """Return the training and the test set of a split.

        ``seed`` is that of the run and draws what is random about the split (rows, or the noise of
        a synthetic set); published splits ignore it. Raises BadInput for an unknown split.
        """

    @property
    @abstractmethod
    def sha256(self) -> str:
        """Hash of the data: of all rows, or of a reference realisation of a synthetic set."""


def numbered(family: str, count: int | None, own: int, most: int | None, name: str) -> list[str]:
    """Return names such as ``random-0``; BadInput where more are asked for than there are."""
    count = own if count is None else count
    if count < 1:
        raise BadInput(f"the number of splits must be at least 1, not {count}")
    if most is not None and count > most:
        raise BadInput(f"{name} has {most} {family} splits, not {count}; ask for {most} or fewer")
    return [f"{family}-{k}" for k in range(count)]


def only_family(family: str | None, own: str, name: str) -> str:
    """Return the source's one family of splits; BadInput where another was asked for."""
    if family not in (None, own):
        raise BadInput(f"{name} has no {family!r} splits; its splits are {own!r}")
    return own


def split_number(split: str, family: str, name: str) -> int:
    """Return k of ``family-k``; BadInput for another name."""
    head, _, tail = split.rpartition("-")
    if head != family or not tail.isdigit():
        raise BadInput(f"{name} has no split {split!r}; its splits are called {family}-0, ...")
    return int(tail)


def random_split(n: int, seed: int) -> tuple[Rows, Rows]:
    """Return a random 90/10 partition of n rows as (train, test) indices."""
    order = seeds.generator(seed, "random split").permutation(n)
    n_test = max(1, round(TEST_SHARE * n))
    return order[n_test:], order[:n_test]


def group_split(groups: NDArray[np.generic], seed: int) -> tuple[Rows, Rows]:
    """Hold out whole groups, at random, until a tenth of the rows is reached.

    Raises BadInput where there are fewer than two groups.
    """
    labels, index = np.unique(groups, return_inverse=True)
    if len(labels) < 2:
        raise BadInput("a split by groups needs at least two groups in the column")
    rng = seeds.generator(seed, "group split")
    sizes = np.bincount(index)
    order = rng.permutation(len(labels))
    reached = np.cumsum(sizes[order]) >= TEST_SHARE * len(groups)
    held = order[: min(int(np.argmax(reached)) + 1, len(labels) - 1)]
    test = np.isin(index, held)
    return rng.permutation(np.flatnonzero(~test)), np.flatnonzero(test)


def time_split(times: NDArray[np.generic], number: int, count: int, seed: int) -> tuple[Rows, Rows]:
    """Train on the past, test on the next block: block ``number`` of the last ``count`` blocks.

    Each block holds 1/(count + 1) of the rows, at most a tenth. Training rows are shuffled.
    """
    n = len(times)
    order = np.argsort(times, kind="stable")
    block = max(1, min(round(TEST_SHARE * n), n // (count + 1)))
    start = n - (count - number) * block
    if start < 2:
        raise BadInput(f"{n} rows are too few for {count} splits by time; ask for fewer")
    rng = seeds.generator(seed, "time split")
    return rng.permutation(order[:start]), order[start : start + block]


def discrete_step(y: Array) -> float:
    """Return the step d of a target whose values repeat on a grid of it, 0 for a continuous one.

    Discrete means: at most one distinct value per five rows, all whole multiples of the least gap.
    """
    values = np.unique(y)
    if len(values) < 2 or 5 * len(values) > len(y):
        return 0.0
    step = float(np.diff(values).min())
    multiples = (values - values[0]) / step
    return step if np.allclose(multiples, np.round(multiples), atol=1e-6) else 0.0


def checked(data: Dataset, name: str) -> Dataset:
    """Return the data set, or raise BadInput for one that no regression can be learnt from."""
    if len(data.y) < FEWEST_ROWS:
        raise BadInput(f"{name} has {len(data.y)} rows; at least {FEWEST_ROWS} are needed")
    if data.X.shape[1] == 0:
        raise BadInput(f"{name} has no feature columns beside the target {data.target!r}")
    for column, feature in enumerate(data.features):
        _require_finite(data.X[:, column], feature, name)
    _require_finite(data.y, data.target, name)
    if np.ptp(data.y) == 0:
        raise BadInput(f"the target {data.target!r} of {name} is constant: nothing can be learnt")
    return data


def _require_finite(values: Array, column: str, name: str) -> None:
    bad = int(np.sum(~np.isfinite(values)))
    if bad:
        raise BadInput(
            f"column {column!r} of {name} has {bad} missing or infinite values; "
            "remove those rows or fill them in before the run"
        )
