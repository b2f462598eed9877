"""Rows in order of time that are split at random."""

import numpy as np

from howrobust.base.tables.column import Kind
from howrobust.datasets.tables.rows import RowSource
from howrobust.distributions.arrays import Array

MOST_ROWS = 20_000  # that are looked at, from the first
LEAST_CORRELATION = 0.2  # of a residual with that of the row before
LEAST_ERRORS = 4  # standard errors of that correlation
FEWEST_DATES = 5  # different ones
MOST_LEVELS = 50  # of a category whose means are taken out
ADVICE = (
    "if later rows are to be forecast from earlier ones, a random split makes methods look better "
    "than they are: use --time COLUMN, or --groups COLUMN for rows that belong together"
)


def ordered(source: RowSource) -> list[str]:
    """Return a warning where rows in order of time are split at random.

    Parameters
    ----------
    source : RowSource
        The rows, in the order of the file.

    Returns
    -------
    list of str
        One sentence at most; none where rows are split by groups or by time.

    Notes
    -----
    Rows are in order of time where a date never decreases, or never increases, from row to row.
    They may be where what a linear model leaves of the target is correlated with that of the row
    before, by more than 0.2 and four standard errors. A file that is sorted by a feature or by its
    target says nothing: neighbours are then alike in any case.
    """
    if source.family != "random":
        return []
    data = source.data
    X, y = data.X[:MOST_ROWS], data.y[:MOST_ROWS]
    kinds: tuple[Kind, ...] = (
        tuple("number" for _ in data.features)
        if source.frame is None
        else tuple(column.kind for column in source.frame.columns)
    )
    for j, kind in enumerate(kinds):
        if kind == "date" and _is_sorted(X[:, j]):
            return [f"the rows are in order of the date {data.features[j]}; {ADVICE}"]
    features = [j for j, kind in enumerate(kinds) if kind != "id"]
    if _is_sorted(y) or any(_is_sorted(X[:, j]) for j in features if kinds[j] != "date"):
        return []
    left = residuals(X[:, features], y, [kinds[j] for j in features])
    correlation = lag_correlation(left)
    if correlation < max(LEAST_CORRELATION, LEAST_ERRORS / np.sqrt(len(y))):
        return []
    return [
        f"neighbouring rows have like targets, beyond what a linear model explains (correlation "
        f"{correlation:.2f}); {ADVICE}"
    ]


def _is_sorted(values: Array) -> bool:
    known = values[~np.isnan(values)]
    steps = np.diff(known)
    one_way = bool(np.all(steps >= 0) or np.all(steps <= 0))
    return one_way and len(np.unique(known)) >= FEWEST_DATES


def residuals(X: Array, y: Array, kinds: list[Kind]) -> Array:
    """Return what a linear model leaves of the target.

    Parameters
    ----------
    X : array of shape (n, d)
        Numbers, days and codes of categories, NaN where a value is missing.
    y : array of shape (n,)
        Targets.
    kinds : list of str
        Kinds of the d columns.

    Returns
    -------
    array of shape (n,)
        Residuals of least squares on numbers, with means for missing ones, and on a column for each
        of up to 50 categories.
    """
    columns = [np.ones(len(y))]
    for codes, kind in zip(X.T, kinds, strict=True):
        if kind == "category":
            levels = np.unique(codes[~np.isnan(codes)])[:MOST_LEVELS]
            columns += [(codes == level).astype(np.float64) for level in levels]
            continue
        known = codes[~np.isnan(codes)]
        if len(known) and np.ptp(known) > 0:
            scaled = (codes - known.mean()) / np.abs(known - known.mean()).max()
            columns.append(np.where(np.isnan(scaled), 0.0, scaled))
    A = np.column_stack(columns)
    scaled_y = (y - y.mean()) / np.abs(y - y.mean()).max()
    solution = np.linalg.lstsq(A, scaled_y, rcond=None)[0]
    return np.asarray(scaled_y - A @ solution)


def lag_correlation(residual: Array) -> float:
    """Return the correlation of each value with the one before.

    Parameters
    ----------
    residual : array of shape (n,)
        Values of mean 0.

    Returns
    -------
    float
        sum r[k] r[k-1] / sum r[k]^2; 0 where all are 0.
    """
    power = float(residual @ residual)
    return float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
