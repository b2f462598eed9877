"""The lowest and the highest output in a box around each point."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm, qmc

from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.propagation.evaluation import Evaluation
from howrobust.propagation.noise import Noise
from howrobust.propagation.points import Points

SDS = 3  # of unbounded noise
MOST_CORNERS = 10  # inputs; the corners of more are too many
MOST_SPREAD = 1024  # points spread over a box
STARTS = 3  # local searches each for the lowest and the highest
MOST_STEPS = 50  # of a local search
STEP = 1e-6  # of its differences, in widths of the box


@dataclass(frozen=True)
class Extreme:
    """The lowest or the highest output that was found.

    Parameters
    ----------
    output : float
        The output.
    inputs : dict of str to object
        The inputs at which it is so.
    point : int
        Position of the point in whose box they are.
    """

    output: float
    inputs: dict[str, Any]
    point: int


@dataclass(frozen=True)
class WorstCase:
    """The lowest and the highest output in the box.

    Parameters
    ----------
    lowest, highest : Extreme
        The outputs. A search of a function that is only evaluated can miss a more extreme one.
    searched : str
        What was searched.
    """

    lowest: Extreme
    highest: Extreme
    searched: str


@dataclass(frozen=True)
class Box:
    """The box of the noisy inputs around each of n points.

    Parameters
    ----------
    points : Points
        The points.
    where : sequence of int
        Positions of the k noisy inputs.
    lower, upper : array of shape (n, k)
        Limits of the noisy inputs.
    text : str
        Where its limits come from.
    """

    points: Points
    where: Sequence[int]
    lower: Array
    upper: Array
    text: str

    def rows(self, point: int, unit: Array) -> Array:
        """Return rows of inputs.

        Parameters
        ----------
        point : int
            Position of the point.
        unit : array of shape (m, k)
            Places in its box, from 0 to 1.

        Returns
        -------
        array of shape (m, d)
            Rows.
        """
        X = np.repeat(self.points.X[point : point + 1], len(unit), axis=0)
        low, high = self.lower[point], self.upper[point]
        X[:, self.where] = low + unit * (high - low)
        return X


def box_of(points: Points, noise: Noise, box: Mapping[Hashable, tuple[float, float]] | None) -> Box:
    """Return the box that is searched.

    Parameters
    ----------
    points : Points
        The points.
    noise : Noise
        The noise.
    box : mapping of hashable to (float, float), optional
        Limits of noisy inputs, in their units. Any other input goes as far as its noise, or to the
        quantiles at which a Gaussian is 3 sd from its mean where the noise has no end.

    Returns
    -------
    Box
        The box.

    Raises
    ------
    BadInput
        For limits of an input without noise, and for limits that are none.
    """
    where = points.where(noise.columns)
    low, high = noise.quantile(float(norm.cdf(-SDS))), noise.quantile(float(norm.cdf(SDS)))
    for j, margin in enumerate(noise.margins):
        start, end = margin.distribution.support()
        low[j] = start if np.isfinite(start) else low[j]
        high[j] = end if np.isfinite(end) else high[j]
    lower, upper = points.X[:, where] + low, points.X[:, where] + high
    given = box or {}
    for column, limits in given.items():
        if column not in noise.columns:
            raise BadInput(f"box has limits of {column!r}, which has no noise; leave them out")
        ends = np.asarray(limits, dtype=np.float64)
        if ends.shape != (2,) or not np.isfinite(ends).all() or ends[0] >= ends[1]:
            raise BadInput(f"box limits {column!r} by {limits!r}; give (lower, upper)")
        lower[:, noise.columns.index(column)], upper[:, noise.columns.index(column)] = ends
    if len(given) == len(where):
        text = "the given box"
    elif all(np.isinf(margin.distribution.support()).all() for margin in noise.margins):
        text = f"a box of ±{SDS} sd"
    else:
        text = f"a box of ±{SDS} sd, or of the whole noise where it is bounded"
    return Box(points, where, lower, upper, f"{text} and the given limits" if given else text)


def worst_case(evaluation: Evaluation, box: Box, size: int, X: Array, y: Array) -> WorstCase:
    """Search the box around each point for the lowest and the highest output.

    Parameters
    ----------
    evaluation : Evaluation
        The function of rows.
    box : Box
        The box.
    size : int
        Number of points spread over a box, at most.
    X : array of shape (n, 2, d)
        The inputs at the lowest and the highest draw of each point that lie in its box.
    y : array of shape (n, 2)
        Their outputs, NaN where no draw is in the box.

    Returns
    -------
    WorstCase
        The best of the draws, the corners, points of a Sobol' sequence, and local searches by
        L-BFGS-B from the best three of all these.
    """
    k, n = len(box.where), len(box.points.X)
    corners = (
        np.array(list(product((0.0, 1.0), repeat=k))) if k <= MOST_CORNERS else np.empty((0, k))
    )
    power = int(np.log2(min(size, MOST_SPREAD)))
    unit = np.vstack(
        [np.full((1, k), 0.5), corners, qmc.Sobol(k, scramble=False).random_base2(power)]
    )
    rows = np.concatenate([box.rows(point, unit) for point in range(n)])
    outputs = evaluation(rows)
    rows = np.concatenate([rows, X.reshape(-1, X.shape[-1])])
    outputs = np.concatenate([outputs, y.ravel()])
    of_point = np.concatenate([np.repeat(np.arange(n), len(unit)), np.repeat(np.arange(n), 2)])
    extremes = []
    for sign in (1, -1):
        order = np.argsort(sign * outputs)  # NaN is last
        best = [i for i in order[:STARTS] if np.isfinite(outputs[i])]
        ends = [_descended(evaluation, box, int(of_point[i]), rows[i], sign) for i in best]
        ends += [(outputs[i], rows[i], int(of_point[i])) for i in best]
        output, x, point = min(ends, key=lambda end: sign * end[0])
        extremes.append(Extreme(float(output), box.points.inputs(x), point))
    places = f"{len(corners)} corners, {2**power} points of a Sobol' sequence"
    searched = f"{box.text}: {places}, the draws in it, and {2 * STARTS} local searches"
    return WorstCase(extremes[0], extremes[1], searched)


def _descended(
    evaluation: Evaluation, box: Box, point: int, start: Array, sign: int
) -> tuple[float, Array, int]:
    """Return the end of a local search for the lowest sign * output."""
    low, high = box.lower[point], box.upper[point]
    first = np.clip((start[list(box.where)] - low) / (high - low), 0, 1)

    def objective(unit: Array) -> float:
        value = sign * float(evaluation(box.rows(point, unit[None]))[0])
        return value if np.isfinite(value) else worst

    worst = np.inf
    base = objective(first)
    worst = base + abs(base) + 1.0  # where there is no output, the search turns back
    found = minimize(
        objective, first, method="L-BFGS-B", bounds=[(0.0, 1.0)] * len(first),
        options={"maxiter": MOST_STEPS, "eps": STEP},
    )  # fmt: skip
    end = found.x if found.fun < base else first
    return sign * float(min(found.fun, base)), box.rows(point, end[None])[0], point
