"""Data sets and their sources, with what is known of the truth behind them."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.distributions.predictive import Array, Predictive
from howrobust.errors import BadInput

if TYPE_CHECKING:
    from howrobust.base.frames import Frame

Rows = NDArray[np.int64]
TEST_SHARE = 0.1
FEWEST_ROWS = 10
OWN_SPLITS = 20
Place = Literal["lower", "middle", "upper"]
PLACES: dict[str, tuple[Place, ...]] = {"gap": ("middle",), "tail": ("lower", "upper")}
THIRDS = (*PLACES, "third")  # families that hold out a third of the rows
RANDOM_THIRDS = 3
HASHED_ROWS = 65_536


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

    def join(self, other: "Dataset") -> "Dataset":
        """Return the data set of these rows and then those of ``other``, with the same columns."""
        X, y = np.concatenate([self.X, other.X]), np.concatenate([self.y, other.y])
        return Dataset(X, y, self.features, self.target, self.unit)

    @property
    def sha256(self) -> str:
        """Hash of the numbers: shapes, X and y as little-endian float64."""
        digest = hashlib.sha256(repr(self.X.shape).encode())
        for array in (self.X, self.y):
            for first in range(0, len(array), HASHED_ROWS):  # a block's copy alone is in memory
                digest.update(array[first : first + HASHED_ROWS].astype("<f8").tobytes())
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

    Law: a split called ``gap-j`` tests on the middle third of feature j, ``tail-k`` on an outer
    third of feature k // 2 (the lower for an even k, the upper for an odd one), and ``third-k`` on
    as many rows at random. A source need not have these families (`THIRDS`).
    """

    name: str
    provenance: Provenance
    truth: Truth | None = None
    frame: "Frame | None" = None  # how X stands for a table with mixed columns

    @abstractmethod
    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        """Return the names of the first ``count`` splits of a family, such as ``random-0``.

        None asks for the source's own number, or its own family. Raises BadInput where the source
        has fewer splits or no such family.
        """

    @abstractmethod
    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        """Return the training and the test set of a split.

        ``seed`` is that of the run and draws what is random about the split: its rows, their order,
        or the noise of a synthetic set. The rows of a published split do not depend on it, nor do
        those of a gap or a tail of fixed rows. Raises BadInput for an unknown split.
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


def known_family(family: str | None, known: Sequence[str], name: str) -> str:
    """Return the family of splits asked for, or the first known; BadInput for an unknown one."""
    if family is None:
        return known[0]
    if family not in known:
        raise BadInput(f"{name} has no {family!r} splits; ask for one of: {', '.join(known)}")
    return family


def thirds(d: int) -> dict[str, int]:
    """Return how many splits of each family of `THIRDS` there are on d features."""
    return dict(zip(THIRDS, (d, 2 * d, RANDOM_THIRDS), strict=True))


def table_splits(own: str, count: int | None, family: str | None, d: int, name: str) -> list[str]:
    """Return the names of splits of the family ``own``, without end, or of one of `THIRDS`."""
    family = known_family(family, (own, *THIRDS), name)
    most = thirds(d).get(family)
    return numbered(family, count, most or OWN_SPLITS, most, name)


def split_number(split: str, family: str, name: str) -> int:
    """Return k of ``family-k``; BadInput for another name."""
    head, _, tail = split.rpartition("-")
    if head != family or not tail.isdigit():
        raise BadInput(f"{name} has no split {split!r}; its splits are called {family}-0, ...")
    return int(tail)


def family_of(split: str) -> str:
    """Return the family in a split's name: ``gap`` of ``gap-3``; empty where it has none."""
    return split.rpartition("-")[0]


def random_split(n: int, seed: int) -> tuple[Rows, Rows]:
    """Return a random 90/10 partition of n rows as (train, test) indices."""
    order = seeds.generator(seed, "random split").permutation(n)
    n_test = max(1, round(TEST_SHARE * n))
    return order[n_test:], order[:n_test]


def hold_out_third(order: Rows, place: Place) -> tuple[Rows, Rows]:
    """Return n rows in this order as (train, test) indices: test is that third of them.

    With h = round(n / 6), half to even, and m = n // 2 the test rows are order[: 2 h],
    order[m - h : m + h] (the rule of the published gap splits, Foong et al. 2019) or
    order[n - 2 h :], so that all three are of one size.
    """
    n, h = len(order), round(len(order) / 6)
    start = {"lower": 0, "middle": n // 2 - h, "upper": n - 2 * h}[place]
    held = slice(start, start + 2 * h)
    return np.delete(order, held), order[held]


def held_feature(split: str) -> int | None:
    """Return j of ``gap-j`` and k // 2 of ``tail-k``: the feature held out; None for others."""
    family, number = family_of(split), split.rpartition("-")[2]
    if family not in PLACES or not number.isdigit():
        return None
    return int(number) // len(PLACES[family])


def third_split(split: str, X: Array, seed: int, name: str) -> tuple[Rows, Rows]:
    """Return (train, test) rows of X (n, d) for a split of one of `THIRDS`, named as in `Source`.

    A gap or a tail sorts the rows by its feature, equal values in the order given; ``third-k``
    holds out random rows. Training rows are shuffled. Raises BadInput for a split beyond the last.
    """
    family = family_of(split)
    number, most = split_number(split, family, name), thirds(X.shape[1])[family]
    if number >= most:
        raise BadInput(f"{name} has {most} {family} splits; there is no {split!r}")
    feature = held_feature(split)
    if feature is None:
        order = seeds.generator(seed, name, split, "rows").permutation(len(X))
        place: Place = "lower"
    else:
        order = np.argsort(X[:, feature], kind="stable")
        place = PLACES[family][number % len(PLACES[family])]
    train, test = hold_out_third(order, place)
    return seeds.generator(seed, name, split, "row order").permutation(train), test


def row_split(split: str, X: Array, seed: int, name: str) -> tuple[Rows, Rows]:
    """Return (train, test) rows of X (n, d) for ``random-k`` or for a split of one of `THIRDS`."""
    if family_of(split) in THIRDS:
        return third_split(split, X, seed, name)
    split_number(split, "random", name)
    return random_split(len(X), seeds.derive(seed, name, split))


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
