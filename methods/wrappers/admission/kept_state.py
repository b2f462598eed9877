"""Whether a model knows the target before it is fitted: state that outlives a clone.

A model is fitted twice to targets that hold nothing, t and -t, t a permutation of the targets of
half of some rows. What it learns of them is odd in t: exactly so for linear smoothers, for trees
and boosting on squares and for support vectors. What it brings along is even: the mean of the two
predictions of the other rows. If that explains their targets, the model knew them before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.parameter import UninitializedParameter

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.methods.wrappers.own_streams import own_streams
from howrobust.methods.wrappers.user_posteriors import rows_of

Rows = NDArray[np.int64]
Predict = Callable[[Problem, Problem], Array]
MOST_ROWS = 500
PAIRS = 5
LEAST = 0.5  # share of the variance that a model must explain on every pair to be refused
TAILS = (0.05, 0.95)
MOST_NUMBERS = 100  # that a function written down may hold, such as coefficients of a formula
HELD_WEIGHTS = 0.5  # share of a network's parameters that two seeds leave the same


def share_known(problem: Problem, fit_and_predict: Predict, pairs: int = PAIRS) -> float:
    """Return how much of the target a model knows that it was not fitted to.

    Parameters
    ----------
    problem : Problem
        Rows with their targets, of which 500 at random are used at most.
    fit_and_predict : callable
        Takes a `Problem` and another one of m rows, fits a new clone to the first and returns its
        predictions (m,) of the second.
    pairs : int, default 5
        Pairs of fits to the same rows, each to another permutation and from another seed; the
        first whose share is below `LEAST` is the last.

    Returns
    -------
    float
        The least share of all pairs; at most 1. About 0 for a model that starts afresh.

    Notes
    -----
    With m = (f_t + f_-t) / 2, both centred on the held-out rows, the share is
    1 - sum (y - m)^2 / sum y^2, y being cut off at its 5 % and 95 % quantiles, so that no outlier
    decides. A fit that takes no negative target gets the mirror image a + b - t of targets t that
    are spaced evenly between those quantiles a and b.

    Plain permutation does not tell: on ten rows a forest explains up to .92 of targets that it
    never saw, as chance slopes in few dimensions are either right or wrong.
    """
    rows = seeds.generator(problem.seed, "kept state").permutation(len(problem.y))[:MOST_ROWS]
    least = 1.0
    for pair in range(pairs):
        seed = seeds.derive(problem.seed, "kept state", pair)
        least = min(least, _share(problem, rows, fit_and_predict, seed))
        if least < LEAST:
            break
    return least


def _share(problem: Problem, rows: Rows, fit_and_predict: Predict, seed: int) -> float:
    """Share known from one pair of fits: the first half of the rows is fitted, the other held."""
    rng = seeds.generator(seed, "targets")
    fitted, held = np.split(rows, [len(rows) // 2])
    learnt, others = rows_of(problem, fitted), rows_of(problem, held)
    y = learnt.y

    def predicted(targets: Array) -> Array:
        return fit_and_predict(replace(learnt, y=targets, seed=seed), others)

    low, high = np.quantile(problem.y, TAILS)
    permuted = rng.permutation(y)
    try:
        even = (predicted(permuted) + predicted(-permuted)) / 2
    except Exception:  # such as that of a logarithm; if the next fit raises, that is told
        spaced = low + (high - low) * rng.permutation(len(y)) / max(1, len(y) - 1)
        even = (predicted(spaced) + predicted(low + high - spaced)) / 2
    target = np.clip(problem.y[held], low, high)
    target, even = target - target.mean(), even - even.mean()
    variation = float(np.sum(target**2))
    return 1 - float(np.sum((target - even) ** 2)) / variation if variation else 0.0


def require_new_weights(make: Callable[[int], nn.Module], features: int, name: str) -> None:
    """Check that a function that makes networks draws their parameters.

    Parameters
    ----------
    make : callable
        Takes the number of features and returns a module.
    features : int
        Number of features.
    name : str
        What the function is called, for the message.

    Raises
    ------
    BadInput
        Where half of the parameters or more are the same under two seeds, those left out that are
        constant, as biases and scales at their start may be.
    """
    made: list[Sequence[Array]] = []
    for seed in (0, 1):
        with own_streams(seeds.derive(seed, "new weights")):
            made.append(_parameters(make(features)))
    drawn = [(a, b) for a, b in zip(*made, strict=False) if np.ptp(a) > 0]
    total = sum(a.size for a, _ in drawn)
    same = sum(a.size for a, b in drawn if np.array_equal(a, b))
    if total and same >= HELD_WEIGHTS * total:
        raise BadInput(
            f"{name} already holds learnt weights: {100 * same / total:.0f} % of its parameters "
            "are the same under two seeds; make the network without loading weights and without "
            "torch.manual_seed, or say pretrained=True if they were learnt from other rows"
        )


def learns_nothing(problem: Problem, fit_and_predict: Predict) -> bool:
    """Return whether the predictions are the same bit for bit, whatever a model is fitted to.

    Parameters
    ----------
    problem : Problem
        Rows with their targets, of which 500 at random are used at most.
    fit_and_predict : callable
        As of `share_known`.

    Returns
    -------
    bool
        Whether fits to these targets and to others, from two seeds, predict the same.
    """
    rows = seeds.generator(problem.seed, "learns nothing").permutation(len(problem.y))[:MOST_ROWS]
    part = rows_of(problem, rows)
    first, second = (
        fit_and_predict(replace(part, y=targets, seed=seed), part)
        for targets, seed in ((part.y, problem.seed), (part.y[::-1].copy(), problem.seed + 1))
    )
    return bool(np.array_equal(first, second))


def numbers_held(thing: Any) -> int:
    """Return how many numbers a model holds in its attributes: what it could have learnt.

    Parameters
    ----------
    thing : object
        A model; what its attributes, their containers and the closures of functions hold counts.

    Returns
    -------
    int
        Number of elements of arrays and tensors, and of single numbers.
    """
    total, seen, waiting = 0, set(), [thing]
    while waiting:
        each = waiting.pop()
        if isinstance(each, int | float | complex | np.generic):
            total += 1
        elif isinstance(each, np.ndarray | torch.Tensor):
            total += int(np.prod(each.shape))
        elif id(each) not in seen and not isinstance(each, type | str | bytes):
            seen.add(id(each))
            waiting += _parts_of(each)
    return total


def _parts_of(thing: Any) -> list[Any]:
    """What an object holds: elements, attributes, cells of a closure."""
    if isinstance(thing, Mapping):
        return list(thing.values())
    if isinstance(thing, list | tuple | set | frozenset):
        return list(thing)
    parts = list(getattr(thing, "__dict__", {}).values())
    parts += [getattr(thing, name) for name in _slots(thing) if hasattr(thing, name)]
    for cell in getattr(thing, "__closure__", None) or ():
        parts.append(cell.cell_contents)
    return [*parts, getattr(thing, "__self__", None)]


def _slots(thing: Any) -> list[str]:
    return [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]


def _parameters(module: nn.Module) -> list[Array]:
    """Return the values of a module's parameters that are set already."""
    given = [p for p in module.parameters() if not isinstance(p, UninitializedParameter)]
    return [p.detach().to("cpu", torch.float64).numpy() for p in given if p.numel()]
