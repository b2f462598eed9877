"""The segment of the rows in which a model is worst: found on one half, measured on the other."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.analysis.cards.culprits.error_ratio import error_ratio
from howrobust.analysis.cards.entry import Item
from howrobust.analysis.measured import Result
from howrobust.analysis.run_scores import Scores
from howrobust.base.facts import DataFacts
from howrobust.base.metric import Undefined
from howrobust.base.tables.times import day_text
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast, NotStated

FEWEST_ROWS = 200  # distinct rows, half of which find a segment
FEWEST_FINDING = 20  # distinct rows of a segment among those that find it
FEWEST_MEASURING = 15  # inside it and outside it, among those that measure it
_SHARE = 0.1  # least share of the rows that a segment has

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Condition:
    """Rows on one side of a threshold; a missing value (NaN) is above every threshold.

    Parameters
    ----------
    feature : int
        Number of the feature, from 0.
    threshold : float
        The threshold, in units of the feature; infinite: only missing values are above it.
    above : bool
        Whether the rows are those above it, rather than those up to it.
    """

    feature: int
    threshold: float
    above: bool

    def holds(self, X: Array) -> Mask:
        """Return which rows are on its side.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows.

        Returns
        -------
        array of bool of shape (n,)
            Whether each row is on this side.
        """
        below = X[:, self.feature] <= self.threshold
        return ~below if self.above else below


Segment = tuple[Condition, ...]


def in_segment(segment: Segment, X: Array) -> Mask:
    """Return which rows are in a segment.

    Parameters
    ----------
    segment : tuple of Condition
        Conditions, all of which must hold.
    X : array of shape (n, d)
        Rows.

    Returns
    -------
    array of bool of shape (n,)
        Whether each row is in it.
    """
    inside = np.ones(len(X), dtype=np.bool_)
    for condition in segment:
        inside &= condition.holds(X)
    return inside


def best_split(X: Array, values: Array, fewest: int) -> tuple[int, float] | None:
    """Find the threshold that leaves the least squared deviation from the means of its sides.

    Parameters
    ----------
    X : array of shape (n, d)
        Rows.
    values : array of shape (n,)
        What differs between rows.
    fewest : int
        Least number of rows on each side.

    Returns
    -------
    tuple of (int, float) or None
        Number of the feature and the threshold, half-way between two neighbours, or infinite
        between the greatest value and missing ones, which are above it; None where no threshold
        leaves ``fewest`` rows on each side.

    Notes
    -----
    This is the split of a regression tree (Breiman et al. 1984, sec. 8.4).
    """
    n, best, split = len(X), -np.inf, None
    left = np.arange(1, n)
    for j, column in enumerate(X.T):
        order = np.argsort(column, kind="stable")
        x, sums = column[order], np.cumsum(values[order])
        rises = (x[1:] > x[:-1]) | (np.isnan(x[1:]) & ~np.isnan(x[:-1]))  # NaN are sorted last
        possible = rises & (left >= fewest) & (n - left >= fewest)
        gain = sums[:-1] ** 2 / left + (sums[-1] - sums[:-1]) ** 2 / (n - left)
        gain[~possible] = -np.inf
        k = int(np.argmax(gain)) if len(gain) else 0
        if possible.any() and gain[k] > best:
            threshold = np.inf if np.isnan(x[k + 1]) else float((x[k] + x[k + 1]) / 2)
            best, split = gain[k], (j, threshold)
    return split


def worst_leaf(X: Array, values: Array, fewest: int, depth: int = 2) -> Segment:
    """Find the leaf of a regression tree with the largest mean.

    Parameters
    ----------
    X : array of shape (n, d)
        Rows.
    values : array of shape (n,)
        What differs between rows.
    fewest : int
        Least number of rows in a leaf.
    depth : int, default=2
        Number of thresholds from the root to a leaf.

    Returns
    -------
    tuple of Condition
        Its conditions; none where the rows cannot be split.
    """
    leaves = _leaves(X, values, fewest, depth)
    return max(leaves, key=lambda leaf: leaf[1])[0]


def _leaves(X: Array, values: Array, fewest: int, depth: int) -> list[tuple[Segment, float]]:
    split = best_split(X, values, fewest) if depth else None
    if split is None:
        return [((), float(values.mean()))]
    leaves = []
    for above in (False, True):
        condition = Condition(*split, above)
        rows = condition.holds(X)
        leaves += [
            ((condition, *segment), mean)
            for segment, mean in _leaves(X[rows], values[rows], fewest, depth - 1)
        ]
    return leaves


def segment_text(
    segment: Segment,
    features: Sequence[str],
    categories: Mapping[str, Sequence[str]],
    gaps: Collection[str] = (),
    dates: Collection[str] = (),
) -> str:
    """Return a segment as text, such as "age > 54.2 and smoker = yes".

    Parameters
    ----------
    segment : tuple of Condition
        The segment.
    features : sequence of str
        Names of the features.
    categories : mapping of str to sequence of str
        By feature that has them, the categories in the order of their codes 0, 1, ...
    gaps : collection of str, default=()
        Features with missing values.
    dates : collection of str, default=()
        Features that hold days since 1970-01-01.

    Returns
    -------
    str
        Conditions by feature, thresholds with four digits.
    """
    texts = []
    for j in dict.fromkeys(condition.feature for condition in segment):
        name = features[j]
        above = [c.threshold for c in segment if c.feature == j and c.above]
        below = [c.threshold for c in segment if c.feature == j and not c.above]
        lower, upper = max(above, default=-np.inf), min(below, default=np.inf)
        number = day_text if name in dates else _four_digits
        text = _range_text(name, lower, upper, categories.get(name), number)
        may_be_missing = name in gaps and not below and lower < np.inf
        texts.append(f"{text} or missing" if may_be_missing else text)
    return " and ".join(texts)


def _four_digits(number: float) -> str:
    return f"{number:.4g}"


def _range_text(
    name: str,
    lower: float,
    upper: float,
    categories: Sequence[str] | None,
    text_of: Callable[[float], str],
) -> str:
    """The values of a feature above ``lower`` and up to ``upper``, as text."""
    if lower == np.inf:
        return f"{name} missing"
    if np.isinf(lower) and np.isinf(upper):
        return f"{name} not missing"
    if categories is not None:
        kept = [category for k, category in enumerate(categories) if lower < k <= upper]
        return f"{name} = {kept[0]}" if len(kept) == 1 else f"{name} in {{{', '.join(kept)}}}"
    if np.isinf(lower):
        return f"{name} <= {text_of(upper)}"
    if np.isinf(upper):
        return f"{name} > {text_of(lower)}"
    return f"{text_of(lower)} < {name} <= {text_of(upper)}"


def _weakest_segment(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Root mean square of (y - mean) / sd in the worst segment, over that of the other rows.

    A segment is a leaf of a regression tree of depth 2 on the squares, with a tenth of the rows at
    least. It is found on one half of the distinct held-out rows, drawn at random, and measured on
    the other half, with a 95 % interval clustered by row. It is shown where that interval is above
    1. Errors are in target units where no sd is stated.
    """
    if not scores.finished(dataset, method):
        return Undefined("no split was fitted")
    points = _points(scores, dataset, method)
    r = int(points.rows.max()) + 1
    if r < FEWEST_ROWS:
        return Undefined(f"there are {r} distinct held-out rows; a segment needs {FEWEST_ROWS}")
    seed = seeds.derive(int(scores.about.seed), "segment", dataset)
    finding = np.isin(points.rows, np.random.default_rng(seed).permutation(r)[: r // 2])
    fewest = max(FEWEST_FINDING, int(np.ceil(_SHARE * finding.sum())))
    data = next(data for data in scores.data if data.name == dataset)
    X = np.where(np.isin(data.features, data.ids), 0.0, points.X)  # a segment of names is none
    segment = worst_leaf(X[finding], points.squares[finding], fewest)
    if not segment:
        return Undefined("no threshold leaves enough rows on both sides")
    rest = ~finding
    inside = in_segment(segment, points.X[rest])
    sides = [len(np.unique(points.rows[rest][side])) for side in (inside, ~inside)]
    if min(sides) < FEWEST_MEASURING:
        fewer = min(sides)
        return Undefined(f"the segment leaves {fewer} rows on one side, too few to measure it")
    ratio = error_ratio(points.squares[rest], inside, points.rows[rest])
    if ratio.lower is None or not ratio.lower > 1:
        return Undefined("no segment is clearly worse than the other rows")
    gaps = np.array(data.features)[np.isnan(points.X).any(axis=0)].tolist()
    text = segment_text(segment, data.features, _categories(data, points.X), gaps, data.dates)
    covered = [100 * float(points.covered[rest][side].mean()) for side in (inside, ~inside)]
    note = f"{text}: {covered[0]:.0f} % inside their 90 % interval, {covered[1]:.0f} % elsewhere"
    return replace(ratio, segment=text, note=note)


@dataclass(frozen=True, eq=False)
class _Points:
    """Pooled test points: X (k, d), squared errors, whether covered, and the distinct row (k,)."""

    X: Array
    squares: Array
    covered: Mask
    rows: NDArray[np.int64]


def _points(scores: Scores, dataset: str, method: str) -> _Points:
    pooled, cells = scores.pooled(dataset, method), scores.finished(dataset, method)
    each = zip(pooled.targets, pooled.forecasts, strict=True)
    errors = np.concatenate([y - forecast.mean for y, forecast in each])
    sd = _stated_sd(pooled.forecasts)
    return _Points(
        X=np.concatenate([scores.held_out(cell).X for cell in cells]),
        squares=(errors if sd is None else errors / sd) ** 2,
        covered=pooled.inside(0.9),
        rows=pooled.rows,
    )


def _stated_sd(forecasts: Sequence[Forecast]) -> Array | None:
    """Return the sds of all points; None where some have none."""
    try:
        sd = np.concatenate([forecast.sd for forecast in forecasts])
    except NotStated:
        return None
    return sd if np.isfinite(sd).all() and (sd > 0).all() else None


def _categories(data: DataFacts, X: Array) -> dict[str, list[str]]:
    """Categories by feature; those of a feature that is 0 or 1 are these."""
    binary = ((X == 0) | (X == 1) | np.isnan(X)).all(axis=0)
    numbers = {name: ["0", "1"] for name, is_binary in zip(data.features, binary, strict=True)
               if is_binary}  # fmt: skip
    return {**numbers, **data.categories}


SEGMENT_ITEM = Item(
    "calibration",
    "weakest segment's error ratio",
    _weakest_segment,
    "none",
    unranked="it says where a method is weak, not which method is",
)
