"""What a reader of scores should know of the data beforehand, in sentences with numbers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from howrobust.base.data import Dataset, Source, discrete_step
from howrobust.base.split_names import held_feature

REPEATED_SHARE = 0.005  # of the test rows
PILE_SHARE = 0.005  # of all rows
PILE_ROWS = 5
PILE_RATIO = 5  # times the rows of a usual value
ODD = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, by which Knuth multiplies to hash


def cautions(source: Source, splits: Sequence[str], seed: int) -> list[str]:
    """Return a sentence on each thing to beware of in these splits (one or more) of a source.

    They are: test rows that are training rows too, features that are constant, a target that may
    be cut off, and gaps or tails that hold no value of their feature out. Features and target are
    judged by all rows of the first split. Empty where there is nothing to say.
    """
    train, test = source.realise(splits[0], seed)
    of_all = [*_constant(train, test), *_cut_off(train, test)]
    shares, covered = [], []
    for split in splits:
        train, test = source.realise(split, seed)
        shares.append(repeated_share(train, test))
        feature = held_feature(split)
        if feature is not None and np.isin(test.X[:, feature], train.X[:, feature]).all():
            covered.append(f"{split} ({test.features[feature]})")
    return [
        *_repeated(float(np.mean(shares))),
        *of_all,
        *_covered(covered),
    ]


def repeated_share(train: Dataset, test: Dataset) -> float:
    """Return the share of test rows whose whole row, X and y, is also a training row."""
    # Of a large table few rows are alike by their sums, and those are then compared in whole.
    sums, other = _sums(train), _sums(test)
    known = set(_rows(train.take(np.flatnonzero(np.isin(sums, other)))))
    likely = test.take(np.flatnonzero(np.isin(other, sums)))
    return sum(row in known for row in _rows(likely)) / len(test.y)


def _sums(data: Dataset) -> NDArray[np.uint64]:
    """A number for each row, equal for equal rows: the bits of its numbers times odd ones, summed
    modulo 2^64."""
    sums = np.zeros(len(data.y), np.uint64)
    for k, column in enumerate([*data.X.T, data.y]):
        bits = (column + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
        sums += bits * np.uint64((2 * k + 1) * ODD % 2**64)
        sums ^= sums >> np.uint64(29)
    return sums


def _rows(data: Dataset) -> list[bytes]:
    """The bytes of each row; equal bytes for equal numbers."""
    table = np.column_stack([data.X, data.y]) + 0.0
    text, width = table.tobytes(), table.shape[1] * table.itemsize
    return [text[k : k + width] for k in range(0, len(text), width)]


def _repeated(share: float) -> list[str]:
    if share <= REPEATED_SHARE:
        return []
    return [
        f"{100 * share:.1f} % of the test rows (mean over splits) are also training rows, inputs "
        "and target alike: a model that remembers them looks better than it is"
    ]


def _constant(train: Dataset, test: Dataset) -> list[str]:
    least = np.minimum(train.X.min(axis=0), test.X.min(axis=0))
    constant = least == np.maximum(train.X.max(axis=0), test.X.max(axis=0))
    names = [name for name, same in zip(train.features, constant, strict=True) if same]
    return [f"features with one value in all rows: {', '.join(names)}"] if names else []


def _cut_off(train: Dataset, test: Dataset) -> list[str]:
    """A continuous target with a pile of rows at its least or at its largest value.

    A pile has PILE_ROWS rows, PILE_SHARE of all rows and PILE_RATIO times the median number of rows
    per value: on a scale of few, uneven values each value repeats, and its ends are no piles.
    """
    y = np.concatenate([train.y, test.y])
    if discrete_step(y) > 0:
        return []
    values, counts = np.unique(y, return_counts=True)
    pile = max(PILE_ROWS, PILE_SHARE * len(y), PILE_RATIO * float(np.median(counts)))
    return [
        f"the target {train.target} is {values[end]:g}, its {which} value, in {counts[end]} of "
        f"{len(y)} rows: it may be cut off there"
        for end, which in ((0, "least"), (-1, "largest"))
        if counts[end] >= pile
    ]


def _covered(splits: list[str]) -> list[str]:
    if not splits:
        return []
    return [
        f"nothing is left out by {', '.join(splits)}: every test value of the feature is a "
        "training value too"
    ]
