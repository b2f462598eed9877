"""Features that state the target by themselves."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import rankdata

from howrobust.base.data import Dataset
from howrobust.base.tables.column import Kind
from howrobust.base.tables.frame import Frame
from howrobust.distributions.arrays import Array

LINEAR_ERROR = 0.01  # of the target's sd: residual of a line through all rows
RANK_GAP = 1e-4  # 1 minus the rank correlation
FEWEST_RANKED = 50  # rows: fewer are in one order by chance, where noise is small
FEWEST_VALUES = 10  # distinct ones of a feature that is ranked
FEWEST_REPEATS = 20  # rows beyond the first of each category
MOST_ROWS = 20_000  # that are looked at


def giveaways(frame: Frame | None, train: Dataset, test: Dataset) -> list[str]:
    """Return a warning for each feature that gives the target away.

    Parameters
    ----------
    frame : Frame or None
        The table that the rows stand for.
    train, test : Dataset
        The rows of a split.

    Returns
    -------
    list of str
        Sentences.

    Notes
    -----
    Rows in which the feature is missing are left out; it gives nothing away where they are more
    than half. A number or a date gives the target away where a line through all rows misses it by
    less than 1 % of its standard deviation (root mean square), or where there are at least 50 rows
    and Spearman's rank correlation is at least 0.9999 in absolute value, in the training rows and
    in the test rows. A feature that is honest has noise: with a noise of 5 % of the target's
    standard deviation both are passed by far.

    A category gives the target away where the targets of its rows are within 1 % of the target's
    standard deviation around the mean of the category, over at least 20 rows beyond the first of
    each.
    """
    kinds: tuple[Kind, ...] = (
        tuple("number" for _ in train.features)
        if frame is None
        else tuple(column.kind for column in frame.columns)
    )
    return list(_found(kinds, train, test))


def _found(kinds: tuple[Kind, ...], train: Dataset, test: Dataset) -> Iterator[str]:
    parts = [(data.X[:MOST_ROWS], data.y[:MOST_ROWS]) for data in (train, test)]
    for j, (name, kind) in enumerate(zip(train.features, kinds, strict=True)):
        if kind == "id":
            continue
        (x, y), (x_test, y_test) = (_present(X[:, j], y) for X, y in parts)
        if 2 * len(x) < len(parts[0][1]) or np.ptp(x) == 0 or np.ptp(y) == 0:
            continue
        how = _by_category(x, y) if kind == "category" else _by_number(x, y, x_test, y_test)
        if how:
            yield (
                f"the feature {name} gives the target {train.target} away: {how}; leave it out if "
                "it is not known before the target is"
            )


def _present(x: Array, y: Array) -> tuple[Array, Array]:
    known = ~np.isnan(x)
    return x[known], y[known]


def _by_number(x: Array, y: Array, x_test: Array, y_test: Array) -> str:
    all_x, all_y = np.concatenate([x, x_test]), np.concatenate([y, y_test])
    u, v = all_x - all_x.mean(), all_y - all_y.mean()
    u = u / np.abs(u).max()  # squares of large numbers overflow
    v = v / np.abs(v).max()
    slope = (u @ v) / (u @ u)
    error = float(np.sqrt(np.mean((v - slope * u) ** 2)) / v.std())
    if error < LINEAR_ERROR and len(np.unique(x)) > 2:
        return f"a line through it misses the target by {100 * error:.2g} % of its sd"
    if len(x) < FEWEST_RANKED or len(np.unique(x)) < FEWEST_VALUES:
        return ""
    in_training = rank_correlation(x, y)
    if 1 - abs(in_training) > RANK_GAP:
        return ""
    # Of few test rows, as of all, the order must be the same, up to ties.
    if len(x_test) > 1 and 1 - abs(rank_correlation(x_test, y_test)) > max(RANK_GAP, 1e-2):
        return ""
    return "its order is that of the target"


def rank_correlation(x: Array, y: Array) -> float:
    """Return Spearman's rank correlation.

    Parameters
    ----------
    x, y : array of shape (n,)
        Two columns, ties at their mean rank.

    Returns
    -------
    float
        From -1 to 1; 0 where one is constant.
    """
    u, v = rankdata(x), rankdata(y)
    u, v = u - u.mean(), v - v.mean()
    scale = float(np.sqrt((u @ u) * (v @ v)))
    return float(u @ v) / scale if scale else 0.0


def _by_category(codes: Array, y: Array) -> str:
    _, index, counts = np.unique(codes, return_inverse=True, return_counts=True)
    repeats = len(y) - len(counts)
    if repeats < FEWEST_REPEATS:
        return ""
    means = np.bincount(index, y) / counts
    within = float(np.sum((y - means[index]) ** 2)) / repeats
    if within > (LINEAR_ERROR * float(y.std())) ** 2:
        return ""
    return "every category has one value of it"
