"""Where a function breaks: rows without a finite output, and jumps along each input."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from howrobust.distributions.arrays import Array
from howrobust.propagation.evaluation import Evaluation
from howrobust.propagation.worst_case import Box

MOST_STEPS = 200  # along an input
MOST_POINTS = 20  # whose lines are searched
STEEP = 10.0  # times the median step of a line: a step that may be a jump
OF_SD = 0.01  # the least jump, in standard deviations of the output
HALVINGS = 20  # of an interval with a possible jump, to a millionth of a step
MOST_JUMPS = 20  # of a line that are confirmed, the largest


@dataclass(frozen=True)
class Break:
    """A place where the function is not a finite, continuous function of its inputs.

    Parameters
    ----------
    reason : str
        "NaN", "infinite", the name of an exception, or "jump".
    count : int
        Number of rows without an output, or of jumps along an input.
    inputs : dict of str to object
        The inputs at the first such row, or at the largest jump.
    detail : str
        What happens there.
    """

    reason: str
    count: int
    inputs: dict[str, Any]
    detail: str


def failures(evaluation: Evaluation) -> Iterator[Break]:
    """Return where the function gave no finite number, wherever it was evaluated.

    Parameters
    ----------
    evaluation : Evaluation
        The function after all of its evaluations.

    Yields
    ------
    Break
        One for each reason.
    """
    for reason, failure in evaluation.failures.items():
        inputs = evaluation.call.points.inputs(failure.x)
        yield Break(reason, failure.count, inputs, failure.detail)


@dataclass(frozen=True)
class _Steps:
    """Intervals of lines along one input that may hold a jump."""

    point: list[int]
    column: list[int]
    low: Array
    high: Array
    y_low: Array
    y_high: Array


def jumps(evaluation: Evaluation, box: Box, sd: float, steps: int) -> list[Break]:
    """Search lines through the points, along each noisy input, for discontinuities.

    A step of a line may hold a jump if it changes the output by more than a hundredth of its sd and
    ten times as much as the median step. It is one if an interval that is halved to a millionth of
    the step still changes it by that hundredth: the change of a continuous function goes to zero.

    Parameters
    ----------
    evaluation : Evaluation
        The function of rows.
    box : Box
        The box that the lines cross.
    sd : float
        Standard deviation of the output, greater than 0.
    steps : int
        Number of steps along a line.

    Returns
    -------
    list of Break
        One for each input with jumps.
    """
    k, grid = len(box.where), np.linspace(0, 1, steps + 1)
    points = searched_points(len(box.points.X))
    lines = np.concatenate([_line(box, p, j, grid) for p in points for j in range(k)])
    outputs = evaluation(lines).reshape(len(points), k, steps + 1)
    found = _suspected(box, points, grid, outputs, sd)
    for _ in range(HALVINGS if found.point else 0):
        found = _halved(evaluation, box, found)
    after = np.nan_to_num(np.abs(found.y_high - found.y_low))
    real = after >= OF_SD * sd
    breaks = []
    for j, name in enumerate(box.points.names[i] for i in box.where):
        here = [i for i in np.flatnonzero(real) if found.column[i] == j]
        if here:
            largest = max(here, key=lambda i: after[i])
            row = _line(box, found.point[largest], j, found.high[largest : largest + 1])[0]
            detail = (
                f"along {name} the output jumps from {found.y_low[largest]:.6g} to "
                f"{found.y_high[largest]:.6g} at {name} = {row[box.where[j]]:.6g}"
            )
            breaks.append(Break("jump", len(here), box.points.inputs(row), detail))
    return breaks


def searched_points(n: int) -> list[int]:
    """Return the positions of the points whose lines are searched.

    Parameters
    ----------
    n : int
        Number of points.

    Returns
    -------
    list of int
        All of them, or twenty from the first to the last.
    """
    return [int(p) for p in np.unique(np.linspace(0, n - 1, min(n, MOST_POINTS)).astype(int))]


def _line(box: Box, point: int, column: int, places: Array) -> Array:
    """Return rows along one noisy input through a point; places (m,) go from 0 to 1."""
    X = np.repeat(box.points.X[point : point + 1], len(places), axis=0)
    low, high = box.lower[point, column], box.upper[point, column]
    X[:, box.where[column]] = low + places * (high - low)
    return X


def _suspected(box: Box, points: list[int], grid: Array, outputs: Array, sd: float) -> _Steps:
    """Return the steps of lines, outputs (points, k, steps + 1), that may hold a jump."""
    which: list[tuple[int, int, int]] = []
    for a, j in np.ndindex(*outputs.shape[:2]):
        change = np.nan_to_num(np.abs(np.diff(outputs[a, j])))
        large = np.flatnonzero(change > max(STEEP * float(np.median(change)), OF_SD * sd))
        largest = large[np.argsort(-change[large], kind="stable")[:MOST_JUMPS]]
        which += [(a, j, int(i)) for i in largest]
    a, j, i = np.array(which, dtype=int).reshape(-1, 3).T
    return _Steps(
        [points[index] for index in a], j.tolist(), grid[i], grid[i + 1],
        outputs[a, j, i], outputs[a, j, i + 1],
    )  # fmt: skip


def _halved(evaluation: Evaluation, box: Box, steps: _Steps) -> _Steps:
    """Return the half of each interval over which the output changes more."""
    middle = (steps.low + steps.high) / 2
    y = evaluation(np.concatenate([
        _line(box, point, column, middle[i : i + 1])
        for i, (point, column) in enumerate(zip(steps.point, steps.column, strict=True))
    ]))  # fmt: skip
    left = np.nan_to_num(np.abs(y - steps.y_low)) >= np.nan_to_num(np.abs(steps.y_high - y))
    return _Steps(
        steps.point, steps.column,
        np.where(left, steps.low, middle), np.where(left, middle, steps.high),
        np.where(left, steps.y_low, y), np.where(left, y, steps.y_high),
    )  # fmt: skip
