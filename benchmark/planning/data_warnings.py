"""Warnings about data that change how scores are to be read."""

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


def data_warnings(source: Source, splits: Sequence[str], seed: int) -> list[str]:
    """Return warnings about a data set and its splits.

    Parameters
    ----------
    source : Source
        The data set.
    splits : sequence of str
        Names of one or more of its splits.
    seed : int
        Seed of the run.

    Returns
    -------
    list of str
        A sentence on each of: test rows that are also training rows, constant features, a target
        that may be censored, and held-out regions without any value of their feature. Features and
        target are judged by all rows of the first split.
    """
    train, test = source.realise(splits[0], seed)
    of_all_rows = [*_constant(train, test), *_cut_off(train, test)]
    shares, covered = [], []
    for split in splits:
        train, test = source.realise(split, seed)
        shares.append(repeated_share(train, test))
        feature = held_feature(split)
        if feature is not None and np.isin(test.X[:, feature], train.X[:, feature]).all():
            covered.append(f"{split} ({test.features[feature]})")
    return [*_repeated(float(np.mean(shares))), *of_all_rows, *_covered(covered)]


def repeated_share(train: Dataset, test: Dataset) -> float:
    """Return the share of test rows that are also training rows, inputs and target alike.

    Parameters
    ----------
    train, test : Dataset
        The rows of a split.

    Returns
    -------
    float
        The share, from 0 to 1.
    """
    # Only rows with equal hashes, few in a large table, are compared in full.
    train_hashes, test_hashes = _hashes(train), _hashes(test)
    candidates = train.take(np.flatnonzero(np.isin(train_hashes, test_hashes)))
    training_rows = set(_rows(candidates))
    likely = test.take(np.flatnonzero(np.isin(test_hashes, train_hashes)))
    return sum(row in training_rows for row in _rows(likely)) / len(test.y)


def _hashes(data: Dataset) -> NDArray[np.uint64]:
    """Return a number for each row, equal for equal rows.

    It is the sum, modulo 2^64, of the bits of the row's numbers times odd multipliers.
    """
    sums = np.zeros(len(data.y), np.uint64)
    for k, column in enumerate([*data.X.T, data.y]):
        bits = (column + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
        sums += bits * np.uint64((2 * k + 1) * ODD % 2**64)
        sums ^= sums >> np.uint64(29)
    return sums


def _rows(data: Dataset) -> list[bytes]:
    """Return the bytes of each row; they are equal for equal numbers."""
    table = np.column_stack([data.X, data.y]) + 0.0
    text, width = table.tobytes(), table.shape[1] * table.itemsize
    return [text[k : k + width] for k in range(0, len(text), width)]


def _repeated(share: float) -> list[str]:
    if share <= REPEATED_SHARE:
        return []
    return [
        f"{100 * share:.1f} % of the test rows (mean over splits) are also training rows, inputs "
        "and target alike: a model that memorises them scores better than it will on new rows"
    ]


def _constant(train: Dataset, test: Dataset) -> list[str]:
    least = np.minimum(train.X.min(axis=0), test.X.min(axis=0))
    constant = least == np.maximum(train.X.max(axis=0), test.X.max(axis=0))
    names = [name for name, same in zip(train.features, constant, strict=True) if same]
    return [f"features with one value in all rows: {', '.join(names)}"] if names else []


def _cut_off(train: Dataset, test: Dataset) -> list[str]:
    """Warn of a continuous target with many rows at its smallest or largest value.

    Many are PILE_ROWS rows, PILE_SHARE of all rows and PILE_RATIO times the median number of rows
    per value: on a scale of few, uneven values every value is repeated.
    """
    y = np.concatenate([train.y, test.y])
    if discrete_step(y) > 0:
        return []
    values, counts = np.unique(y, return_counts=True)
    pile = max(PILE_ROWS, PILE_SHARE * len(y), PILE_RATIO * float(np.median(counts)))
    return [
        f"the target {train.target} is {values[end]:g}, its {which} value, in {counts[end]} of "
        f"{len(y)} rows: it may be censored there"
        for end, which in ((0, "smallest"), (-1, "largest"))
        if counts[end] >= pile
    ]


def _covered(splits: list[str]) -> list[str]:
    if not splits:
        return []
    return [
        f"nothing is held out by {', '.join(splits)}: every test value of the feature is also a "
        "training value"
    ]
