"""Splits of rows into training and test rows."""

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.base.split_names import (
    PLACES,
    THIRDS,
    Place,
    family_of,
    held_feature,
    split_number,
    thirds,
)
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

Rows = NDArray[np.int64]
_TEST_SHARE = 0.1
_FEWEST_KNOWN = 10  # rows with a value, of which a third is held out


def random_split(n: int, seed: int) -> tuple[Rows, Rows]:
    """Hold out a tenth of the rows at random.

    Parameters
    ----------
    n : int
        Number of rows.
    seed : int
        Seed of the split.

    Returns
    -------
    train, test : array of int of shape (m,)
        Numbers of the rows of each part, in random order.
    """
    order = seeds.generator(seed, "random split").permutation(n)
    n_test = max(1, round(_TEST_SHARE * n))
    return order[n_test:], order[:n_test]


def hold_out_third(order: Rows, place: Place) -> tuple[Rows, Rows]:
    """Hold out a third of ordered rows.

    Parameters
    ----------
    order : array of int of shape (n,)
        Numbers of the rows, in their order.
    place : {"lower", "middle", "upper"}
        The third that is held out.

    Returns
    -------
    train, test : array of int of shape (m,)
        Numbers of the rows of each part, in their order.

    Notes
    -----
    With h = round(n / 6), half to even, and m = n // 2 the test rows are order[: 2 h],
    order[m - h : m + h] (the rule of the published gap splits, Foong et al. 2019) or
    order[n - 2 h :], so that all three are of one size.
    """
    n, h = len(order), round(len(order) / 6)
    start = {"lower": 0, "middle": n // 2 - h, "upper": n - 2 * h}[place]
    held = slice(start, start + 2 * h)
    return np.delete(order, held), order[held]


def third_split(split: str, X: Array, seed: int, name: str) -> tuple[Rows, Rows]:
    """Hold out a third of the rows by a split of one of the families `THIRDS`.

    A gap or a tail sorts the rows by its feature, equal values in the order given, and holds out a
    third of those that have a value: rows without one stay among the training rows. ``third-k``
    holds out random rows.

    Parameters
    ----------
    split : str
        Name of the split, as `howrobust.base.data.Source` states it.
    X : array of shape (n, d)
        Features.
    seed : int
        Seed of the run.
    name : str
        Name of the data set.

    Returns
    -------
    train, test : array of int of shape (m,)
        Numbers of the rows of each part, the training rows in random order.

    Raises
    ------
    BadInput
        If there is no such split, or the feature has too few values to hold out a third.
    """
    family = family_of(split)
    number, most = split_number(split, family, name), thirds(X.shape[1])[family]
    if number >= most:
        raise BadInput(f"{name} has {most} {family} splits; there is no {split!r}")
    feature = held_feature(split)
    missing = np.empty(0, dtype=np.int64)
    if feature is None:
        order = seeds.generator(seed, name, split, "rows").permutation(len(X))
        place: Place = "lower"
    else:
        order = np.argsort(X[:, feature], kind="stable")
        gaps = np.isnan(X[order, feature])
        order, missing = order[~gaps], order[gaps]
        if len(order) < _FEWEST_KNOWN:
            raise BadInput(
                f"{name} has {len(order)} rows with a value of feature {feature}, too few to hold "
                f"out a third of them by {split}; leave out that split"
            )
        place = PLACES[family][number % len(PLACES[family])]
    train, test = hold_out_third(order, place)
    train = np.concatenate([train, missing])
    return seeds.generator(seed, name, split, "row order").permutation(train), test


def row_split(split: str, X: Array, seed: int, name: str) -> tuple[Rows, Rows]:
    """Split rows by ``random-k`` or a split of the families `THIRDS`.

    Parameters
    ----------
    split : str
        Name of the split.
    X : array of shape (n, d)
        Features.
    seed : int
        Seed of the run.
    name : str
        Name of the data set.

    Returns
    -------
    train, test : array of int of shape (m,)
        Numbers of the rows of each part, the training rows in random order.

    Raises
    ------
    BadInput
        If there is no such split.
    """
    if family_of(split) in THIRDS:
        return third_split(split, X, seed, name)
    split_number(split, "random", name)
    return random_split(len(X), seeds.derive(seed, name, split))


def group_split(groups: NDArray[np.generic], seed: int) -> tuple[Rows, Rows]:
    """Hold out whole groups, at random, until a tenth of the rows is reached.

    Parameters
    ----------
    groups : array of shape (n,)
        Label of each row.
    seed : int
        Seed of the split.

    Returns
    -------
    train, test : array of int of shape (m,)
        Numbers of the rows of each part, the training rows in random order.

    Raises
    ------
    BadInput
        If there are fewer than two groups.
    """
    labels, index = np.unique(groups, return_inverse=True)
    if len(labels) < 2:
        raise BadInput("a split by groups needs at least two groups in the column")
    rng = seeds.generator(seed, "group split")
    sizes = np.bincount(index)
    order = rng.permutation(len(labels))
    reached = np.cumsum(sizes[order]) >= _TEST_SHARE * len(groups)
    held = order[: min(int(np.argmax(reached)) + 1, len(labels) - 1)]
    test = np.isin(index, held)
    return rng.permutation(np.flatnonzero(~test)), np.flatnonzero(test)


def time_split(times: NDArray[np.generic], number: int, count: int, seed: int) -> tuple[Rows, Rows]:
    """Train on the past and test on the block of rows that follows.

    Parameters
    ----------
    times : array of shape (n,)
        Time of each row.
    number : int
        Number of the block, from 0: rows before it are training rows.
    count : int
        Number of blocks at the end; each has 1 / (count + 1) of the rows, at most a tenth.
    seed : int
        Seed of the order of the training rows.

    Returns
    -------
    train, test : array of int of shape (m,)
        Numbers of the rows of each part, the training rows in random order.

    Raises
    ------
    BadInput
        If there are too few rows for so many blocks.
    """
    n = len(times)
    order = np.argsort(times, kind="stable")
    block = max(1, min(round(_TEST_SHARE * n), n // (count + 1)))
    start = n - (count - number) * block
    if start < 2:
        raise BadInput(f"{n} rows are too few for {count} splits by time; ask for fewer")
    rng = seeds.generator(seed, "time split")
    return rng.permutation(order[:start]), order[start : start + block]
