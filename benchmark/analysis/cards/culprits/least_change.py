"""The smallest move of one feature that changes a prediction by more than its own uncertainty."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from howrobust.analysis.cards.entry import Item
from howrobust.analysis.measured import Measure, Measured, Result
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.split_values import distinct_rows
from howrobust.analysis.statistics import effective_n
from howrobust.base.facts import DataFacts
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array

SINGLE_FEATURE = "single_feature"
NAME = "least_change_"  # and the name of the feature


def least_moves(levels: Array, changes: Array, half_width: Array) -> Array:
    """Return the smallest move that changes a prediction by more than a half-width.

    Parameters
    ----------
    levels : array of shape (k,)
        Moves, ascending and greater than 0.
    changes : array of shape (k, n)
        Absolute change of n predictions at each move; a move of 0 changes nothing.
    half_width : array of shape (n,)
        What a change is compared with, in the same unit.

    Returns
    -------
    array of shape (n,)
        The first crossing, linear between moves; infinite where no move suffices.
    """
    x = np.concatenate([[0.0], levels])
    c = np.concatenate([np.zeros((1, changes.shape[1])), changes])
    beyond = c > half_width
    first, column = np.maximum(beyond.argmax(axis=0), 1), np.arange(changes.shape[1])
    below, above = c[first - 1, column], c[first, column]
    with np.errstate(invalid="ignore", divide="ignore"):  # where there is no crossing
        share = (half_width - below) / (above - below)
    crossing = x[first - 1] + share * (x[first] - x[first - 1])
    return np.asarray(np.where(beyond.any(axis=0), crossing, np.inf), dtype=np.float64)


def median_of_moves(moves: Array, most: float, n: float) -> Measured:
    """Return the median of moves, some of which are beyond the largest tested.

    Parameters
    ----------
    moves : array of shape (n,)
        Moves; infinite where none sufficed.
    most : float
        The largest move that was tested.
    n : float
        Effective number of rows.

    Returns
    -------
    Measured
        The median and its 95 % interval, censored at ``most``.

    Notes
    -----
    The limits are the quantiles of .5 -+ 1.96 * .5 / sqrt(n): those of the sign test.
    """
    half = 0.98 / np.sqrt(n)
    levels = [0.5, max(0.5 - half, 0.0), min(0.5 + half, 1.0)]
    # Without interpolation, which is NaN between a number and infinity.
    value, lower, upper = np.quantile(moves, levels, method="inverted_cdf")
    return Measured(
        float(min(value, most)),
        float(min(lower, most)),
        float(min(upper, most)),
        censored=bool(np.isinf(value)),
        lower_censored=bool(np.isinf(lower)),
        upper_censored=bool(np.isinf(upper)),
    )


@dataclass(frozen=True, eq=False)
class _Moves:
    """Smallest moves (d, k) of k test points pooled over splits, and their effective number."""

    of_feature: Array
    unmoved: NDArray[np.bool_]  # (d,): whether no move changes any prediction
    n: float


@dataclass(eq=False)
class _LeastChanges:
    """The moves of a data set by method; forecasts are read once for all its features."""

    scores: Scores
    data: DataFacts
    known: dict[str, _Moves | Undefined] = field(default_factory=dict)

    def of(self, method: str) -> _Moves | Undefined:
        if method not in self.known:
            self.known[method] = _moves(self.scores, self.data, method)
        return self.known[method]


def _moves(scores: Scores, data: DataFacts, method: str) -> _Moves | Undefined:
    levels = scores.stresses()[SINGLE_FEATURE]
    wanted = [(SINGLE_FEATURE, level) for level in levels]
    cells = [c for c in scores.finished(data.name, method) if c.held.keys() >= {*wanted}]
    if not cells:
        return Undefined("no split has a forecast of every move")
    d = len(data.turned(SINGLE_FEATURE))
    parts, unmoved = [], np.ones(d, dtype=np.bool_)
    for cell in cells:
        clean = scores.clean(cell)
        lower, upper = clean.interval(0.9)
        half_width = (upper - lower) / 2
        if not np.isfinite(half_width).all():
            return Undefined("the forecast states no 90 % interval")
        moved = scores.results.cell_forecasts(cell, wanted)
        # (k, 2, d, n): up and down, by feature.
        means = np.array([moved[level].mean.reshape(2, d, -1) for level in wanted])
        changes = np.abs(means - clean.mean)
        unmoved &= (changes == 0).all(axis=(0, 1, 3))
        ways = [
            [least_moves(np.array(levels), changes[:, way, j], half_width) for j in range(d)]
            for way in (0, 1)
        ]
        parts.append(np.minimum(*np.array(ways)))
    held = [scores.held_out(cell) for cell in cells]
    rows = distinct_rows(held)
    n = effective_n(np.bincount(np.concatenate(rows)))
    return _Moves(np.concatenate(parts, axis=1), unmoved, n)


def least_change_items(scores: Scores, data: DataFacts) -> list[Item]:
    """Return the measures of each feature's least change.

    Parameters
    ----------
    scores : Scores
        The run.
    data : DataFacts
        The data set.

    Returns
    -------
    list of Item
        One for each feature, ``least_change_<feature>``; none without the stress
        ``single_feature``.
    """
    if SINGLE_FEATURE not in scores.stresses():
        return []
    changes = _LeastChanges(scores, data)
    return [
        Item(
            "tolerance",
            f"{NAME}{feature}",
            _measure(changes, feature),
            "none",
            unranked="a feature that matters should change the prediction",
            feature=feature,
        )
        for feature in data.features
    ]


def _measure(changes: _LeastChanges, feature: str) -> Measure:
    def least_change(scores: Scores, dataset: str, method: str, stress: str) -> Result:
        """Smallest move of one feature that changes a prediction beyond its 90 % interval.

        In training sds, up or down, the other features as they are; the change of the mean is
        compared with half the width of the row's clean central 90 % interval, linear between the
        levels of single_feature. Median over test rows, with the interval of the sign test; more
        than the highest level where half the rows need more.
        """
        unmoved = Undefined(
            "no move changes a prediction (a categorical, constant or unused feature)"
        )
        moved = changes.data.turned(SINGLE_FEATURE)
        if feature not in moved:
            return unmoved
        moves, j = changes.of(method), moved.index(feature)
        if isinstance(moves, Undefined):
            return moves
        if moves.unmoved[j]:
            return unmoved
        most = scores.stresses()[SINGLE_FEATURE][-1]
        return median_of_moves(moves.of_feature[j], most, moves.n)

    return least_change
