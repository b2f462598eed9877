"""Test rows that are also training rows."""

import numpy as np
from numpy.typing import NDArray

from howrobust.base.data import Dataset
from howrobust.base.tables.frame import Frame
from howrobust.distributions.arrays import Array

REPEATED_SHARE = 0.005  # of the test rows
ODD = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, by which Knuth multiplies to hash


def repeated_share(train: Dataset, test: Dataset, frame: Frame | None = None) -> float:
    """Return the share of test rows that are also training rows, inputs and target alike.

    Parameters
    ----------
    train, test : Dataset
        The rows of a split. Missing values are equal.
    frame : Frame, optional
        The table that they stand for: columns that name the rows are left out.

    Returns
    -------
    float
        The share, from 0 to 1.
    """
    # Only rows with equal hashes, few in a large table, are compared in full.
    columns = _columns(train, frame)
    train_hashes, test_hashes = _hashes(train, columns), _hashes(test, columns)
    candidates = train.take(np.flatnonzero(np.isin(train_hashes, test_hashes)))
    training_rows = set(_rows(candidates, columns))
    likely = test.take(np.flatnonzero(np.isin(test_hashes, train_hashes)))
    return sum(row in training_rows for row in _rows(likely, columns)) / len(test.y)


def repetition(share: float) -> list[str]:
    """Return a warning about repeated rows.

    Parameters
    ----------
    share : float
        Share of the test rows that are training rows, mean over splits.

    Returns
    -------
    list of str
        One sentence; none below `REPEATED_SHARE`.
    """
    if share <= REPEATED_SHARE:
        return []
    return [
        f"{100 * share:.1f} % of the test rows (mean over splits) are also training rows, inputs "
        "and target alike: a model that memorises them scores better than it will on new rows"
    ]


def _columns(data: Dataset, frame: Frame | None) -> list[int]:
    if frame is None:
        return list(range(data.X.shape[1]))
    return [j for j, column in enumerate(frame.columns) if column.kind != "id"]


def _hashes(data: Dataset, columns: list[int]) -> NDArray[np.uint64]:
    """Return a number for each row, equal for equal rows.

    It is the sum, modulo 2^64, of the bits of the row's numbers times odd multipliers.
    """
    sums = np.zeros(len(data.y), np.uint64)
    for k, column in enumerate([*(data.X[:, j] for j in columns), data.y]):
        bits = _comparable(column).view(np.uint64)
        sums += bits * np.uint64((2 * k + 1) * ODD % 2**64)
        sums ^= sums >> np.uint64(29)
    return sums


def _rows(data: Dataset, columns: list[int]) -> list[bytes]:
    """Return the bytes of each row; they are equal for equal numbers."""
    table = _comparable(np.column_stack([data.X[:, columns], data.y]))
    text, width = table.tobytes(), table.shape[1] * table.itemsize
    return [text[k : k + width] for k in range(0, len(text), width)]


def _comparable(values: Array) -> Array:
    """Return numbers that are equal where their bits are: one zero, one missing value."""
    same = values + 0.0  # -0.0 + 0.0 is 0.0
    same[np.isnan(same)] = np.nan
    return same
