"""The loop over epochs and mini-batches of one network, compiled."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from howrobust.compiled import part
from howrobust.methods.core.arithmetic.compilation import compiled, entry_point
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.engines.adam import adam
from howrobust.methods.core.losses.registry import LOSSES
from howrobust.methods.core.networks.dense import ORDER, Ints, f32, forward
from howrobust.methods.core.networks.workspace import CompiledNetwork, Workspace, workspace_of
from howrobust.methods.core.random_numbers.philox import fill_order, fill_words

Function = Callable[..., float]

COMPILED_LOSSES = [loss.compiled for loss in LOSSES.values()]


def _by_loss(functions: Sequence[Function], first: int = 0) -> Function:
    """Return a compiled function that calls the one of several at position ``net.loss``.

    Nested choices of two, because a compiled loop cannot index functions and still be stored.
    """
    this, *others = functions
    if not others:

        @part
        def last(net: CompiledNetwork, arguments: tuple[Any, ...]) -> float:
            return this(net, *arguments)

        return last
    rest = _by_loss(others, first + 1)

    @part
    def chosen(net: CompiledNetwork, arguments: tuple[Any, ...]) -> float:
        return this(net, *arguments) if net.loss == first else rest(net, arguments)

    return chosen


_gradient, _error, _validation = (
    _by_loss(functions) for functions in zip(*COMPILED_LOSSES, strict=True)
)


@entry_point
def train_network(
    net: CompiledNetwork,
    X: Floats,
    y: Floats,
    held_X: Floats,
    held_y: Floats,
    epochs: int,
    batch: int,
    rate: float,
    cosine: bool,
    patience: int,
    stream: Ints,
) -> tuple[float, int]:
    """Train ``net.flat`` in place on X (n, d), y (n,); return (last epoch's mean loss, epochs).

    With ``patience`` > 0 the loss on the held rows is taken after every epoch: the best vector is
    kept, and training ends after so many epochs without a better one.

    Parameters
    ----------
    net : CompiledNetwork
        Network, trained in place.
    X : ndarray of float32, shape (n, d)
        Standardised inputs.
    y : ndarray of float32, shape (n,)
        Standardised targets.
    held_X : ndarray of float32, shape (h, d)
        Validation inputs.
    held_y : ndarray of float32, shape (h,)
        Validation targets.
    epochs : int
        Most epochs.
    batch : int
        Rows of a batch.
    rate : float
        Step size of Adam.
    cosine : bool
        Whether the step size decays to 0 as a cosine.
    patience : int
        Epochs without a lower validation loss before training ends; 0: never.
    stream : ndarray of int64, shape (5,)
        Stream of the random numbers; its later words are overwritten.

    Returns
    -------
    tuple of float and int
        Mean loss over the last epoch, and epochs.
    """
    n = len(y)
    space = workspace_of(net, X.shape[1], (min(batch, n) + 3) // 4 * 4, n)
    flat = net.flat
    first, second = np.zeros_like(flat), np.zeros_like(flat)
    order = np.arange(n)
    steps = epochs * ((n + batch - 1) // batch)
    best, best_loss, best_epoch = flat.copy(), np.inf, 0
    step, loss, epoch = 0, 0.0, 0
    while epoch < epochs:
        if batch < n:
            stream[2], stream[3] = epoch, ORDER
            fill_words(space.words[: (n + 63) // 64 * 64], stream)
            fill_order(order, space.words)
        loss = 0.0
        for begin in range(0, n, batch):
            size = min(batch, n - begin)
            stream[2] = step
            rows = _gather(X, y, order, begin, size, f32(1.0 / size), space)
            value = _gradient(net, (space, rows, stream))
            now = 0.5 * rate * (1.0 + np.cos(np.pi * step / steps)) if cosine else rate
            step += 1
            adam(flat, space.gradient, first, second, net.decay, now, step)
            loss += value * (size / n)
        epoch += 1
        if patience > 0:
            held_loss = _validation_loss(net, space, held_X, held_y, stream)
            if held_loss < best_loss:
                best_loss, best_epoch = held_loss, epoch
                _copy(flat, best)
            elif epoch - best_epoch >= patience or not np.isfinite(held_loss):
                break
    if best_epoch > 0:
        _copy(best, flat)
    return loss, epoch


@compiled
def _gather(
    X: Floats, y: Floats, order: Ints, begin: int, size: int, share: np.float32, space: Workspace
) -> int:
    """Lay a batch in ``space`` and return its rows, a multiple of 4; those added have no share."""
    rows = (size + 3) // 4 * 4
    for r in range(rows):
        source = order[begin + r] if r < size else order[begin]
        space.target[r] = y[source]
        space.share[r] = share if r < size else f32(0)
        a, x = space.activity[0, r], X[source]
        for i in range(X.shape[1]):
            a[i] = x[i]
    return rows


@compiled
def _validation_loss(
    net: CompiledNetwork, space: Workspace, X: Floats, y: Floats, stream: Ints
) -> float:
    """Mean loss on rows that are not trained on: no mask, mean weights, no divergence."""
    n, most, none = len(y), len(space.target), 0 * len(y)
    order, loss = np.arange(n), 0.0
    for begin in range(0, n, most):
        rows = _gather(X, y, order, begin, min(most, n - begin), f32(1.0 / n), space)
        forward(
            net.flat, net.widths, space.activity, rows, space.outputs, space.words, none, stream
        )
        loss += _error(net, (space, rows))
    return _validation(net, (loss,))


@compiled
def _copy(source: Floats, target: Floats) -> None:
    """Write source over target."""
    for i in range(len(source)):
        target[i] = source[i]
