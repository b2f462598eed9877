"""The published splits of the UCI sets, which follow exact rules, and hashes of them."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from howrobust.distributions.arrays import Array

RowNumbers = NDArray[np.uint16]
INDICES = ("random_train", "random_test", "gap_train", "gap_test")


def random_splits(n: int, count: int) -> tuple[RowNumbers, RowNumbers]:
    """Return the published random splits of a number of rows.

    Parameters
    ----------
    n : int
        Number of rows.
    count : int
        Number of splits.

    Returns
    -------
    train : array of int of shape (count, n_train)
        Numbers of the training rows of each split.
    test : array of int of shape (count, n_test)
        Numbers of the test rows of each split.

    Notes
    -----
    One `RandomState(1)` draws a permutation per split; its first round(0.9 n) rows are training
    rows (verified against the files of Hernandez-Lobato & Adams 2015).
    """
    generator = np.random.RandomState(1)
    orders = np.array([generator.permutation(n) for _ in range(count)], np.uint16)
    n_train = round(0.9 * n)
    return orders[:, :n_train], orders[:, n_train:]


def gap_splits(X: Array) -> tuple[RowNumbers, RowNumbers]:
    """Return the published gap splits, one per feature.

    Parameters
    ----------
    X : array of shape (n, d)
        Features.

    Returns
    -------
    train : array of int of shape (d, n_train)
        Numbers of the training rows of each split.
    test : array of int of shape (d, n_test)
        Numbers of the test rows of each split.

    Notes
    -----
    Split j holds out the ranks m - h .. m + h - 1 of feature j, m = n // 2 and h = round(n / 6).
    Row numbers ascend; the published files list the same rows in an unknown random order.

    Ties are ranked as published only by NumPy's introsort. Of float64, NumPy sorts indices by AVX2
    or AVX-512 instructions where the processor has them, which order ties otherwise; of long double
    it has only the introsort, on every processor (tested with NumPy 1.26, 2.0, 2.2 and 2.4).
    """
    n = len(X)
    middle, half = n // 2, round(n / 6)
    train, test = [], []
    for x in X.T:
        order = np.argsort(x.astype(np.longdouble))
        below, gap, above = np.split(order, [middle - half, middle + half])
        train.append(np.sort(np.concatenate([below, above])))
        test.append(np.sort(gap))
    return np.array(train, np.uint16), np.array(test, np.uint16)


def array_sha256(table: Array) -> str:
    """Return the hash of a table as a C-ordered little-endian float64 array.

    Parameters
    ----------
    table : array of shape (n, m)
        The table.

    Returns
    -------
    str
        Its sha256.
    """
    return hashlib.sha256(np.ascontiguousarray(table, "<f8").tobytes()).hexdigest()


def rows_sha256(indices: dict[str, RowNumbers]) -> str:
    """Return the hash of the row numbers of all splits.

    They are hashed as little-endian uint16.

    Parameters
    ----------
    indices : dict of str to array of int of shape (splits, m)
        Row numbers by `INDICES`.

    Returns
    -------
    str
        Their sha256.
    """
    digest = hashlib.sha256()
    for key in INDICES:
        digest.update(np.ascontiguousarray(indices[key], "<u2").tobytes())
    return digest.hexdigest()
