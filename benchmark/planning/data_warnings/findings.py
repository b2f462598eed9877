"""Warnings about data that change how scores are to be read."""

from collections.abc import Sequence

import numpy as np

from howrobust.base.data import Dataset, Source
from howrobust.base.split_names import held_feature
from howrobust.datasets.tables.rows import RowSource
from howrobust.datasets.tables.treatment import treatment_of
from howrobust.distributions.arrays import Array
from howrobust.planning.data_warnings.giveaways import giveaways
from howrobust.planning.data_warnings.order import ordered
from howrobust.planning.data_warnings.repeated import repeated_share, repetition
from howrobust.planning.data_warnings.targets import about_target, cut_off


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
        A sentence on each of: test rows that are also training rows, features of one value in a
        data set that is no table, a target that may be censored, and held-out regions without any
        value of their feature. On rows of a user's own also: rows without a target, features that
        give the target away, rows in order of time that are split at random, fewer rows than
        columns, and a target that is discrete, skewed or positive. Features and target are judged
        by all rows of the first split.
    """
    train, test = source.realise(splits[0], seed)
    of_all_rows = [] if source.frame else _constant(train, test)
    of_all_rows += cut_off(train, test)
    if isinstance(source, RowSource) and source.is_own:
        of_all_rows += _own(source, train, test)
    shares, covered = [], []
    for split in splits:
        if split != splits[0]:
            del train, test  # of a large table, one split is held at a time
            train, test = source.realise(split, seed)
        shares.append(repeated_share(train, test, source.frame))
        feature = held_feature(split)
        if feature is not None and _is_covered(train.X[:, feature], test.X[:, feature]):
            covered.append(f"{split} ({test.features[feature]})")
    return [*repetition(float(np.mean(shares))), *of_all_rows, *_covered(covered)]


def _own(source: RowSource, train: Dataset, test: Dataset) -> list[str]:
    """Return warnings that only rows of a user's own get: published data are known."""
    return [
        *source.warnings,
        *giveaways(source.frame, train, test),
        *ordered(source),
        *_few_rows(source, train),
        *about_target(source),
    ]


def _few_rows(source: RowSource, train: Dataset) -> list[str]:
    n, d = train.X.shape
    if source.frame is not None:
        columns = zip(source.frame.columns, train.X.T, strict=True)
        d = sum(len(treatment_of(column, codes).names(column)) for column, codes in columns)
    if n >= d:
        return []
    return [
        f"there are fewer training rows ({n}) than columns of numbers ({d}) that methods are "
        "given: leave columns out, or expect wide intervals"
    ]


def _constant(train: Dataset, test: Dataset) -> list[str]:
    least = np.minimum(train.X.min(axis=0), test.X.min(axis=0))
    constant = least == np.maximum(train.X.max(axis=0), test.X.max(axis=0))  # not where NaN is
    names = [name for name, same in zip(train.features, constant, strict=True) if same]
    return [f"features with one value in all rows: {', '.join(names)}"] if names else []


def _is_covered(train: Array, test: Array) -> bool:
    """Return whether every test value that is not missing is a training value too."""
    return bool((np.isin(test, train) | np.isnan(test)).all())


def _covered(splits: list[str]) -> list[str]:
    if not splits:
        return []
    return [
        f"nothing is held out by {', '.join(splits)}: every test value of the feature is also a "
        "training value"
    ]
