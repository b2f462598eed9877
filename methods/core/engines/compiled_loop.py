"""The loop over epochs and mini-batches of one network, compiled."""

from typing import NamedTuple

import numpy as np

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.elementary import exp
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.networks.dense import (
    ERROR_AND_MEAN_KL,
    EVIDENCE_BOUND,
    GAUSSIAN_HEADS,
    ORDER,
    Ints,
    adam,
    backward,
    f32,
    forward,
    gaussian_heads,
    squared_error,
)
from howrobust.methods.core.networks.local_reparameterisation import (
    add_divergence,
    backward_local,
    draw_weights,
    forward_local,
)
from howrobust.methods.core.random_numbers.philox import Words, fill_order, fill_words

LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


class Network(NamedTuple):
    """One network: its loss and shape, its vector, and what belongs to each number of it.

    ``kl_scale`` multiplies the divergence from priors of sd e^log_priors; ``threshold`` is the
    dropout rate times 2^32.
    """

    kind: int
    widths: Ints
    flat: Floats
    decay: Floats
    real: Floats
    log_priors: Floats
    kl_scale: float
    threshold: int


class Space(NamedTuple):
    """Buffers of one step, for a batch of so many rows."""

    activity: Floats
    ratio: Floats
    d_activity: Floats
    buffer: Floats
    turned: Floats
    noise: Floats
    words: Words
    outputs: Floats
    slopes: Floats
    target: Floats
    share: Floats
    drawn: Floats
    squares: Floats
    gradient: Floats


@compiled
def train_network(
    net: Network,
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
    """
    n = len(y)
    space = space_for(net, X.shape[1], (min(batch, n) + 3) // 4 * 4, n)
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
            rows = gather(X, y, order, begin, size, f32(1.0 / size), space)
            if net.kind == EVIDENCE_BOUND:
                value = evidence_bound(net, space, rows, stream)
            elif net.kind == ERROR_AND_MEAN_KL:
                value = error_and_mean_kl(net, space, rows, stream)
            else:
                value = plain(net, space, rows, stream)
            now = 0.5 * rate * (1.0 + np.cos(np.pi * step / steps)) if cosine else rate
            step += 1
            adam(flat, space.gradient, first, second, net.decay, now, step)
            loss += value * (size / n)
        epoch += 1
        if patience > 0:
            found = held_loss(net, space, held_X, held_y, stream)
            if found < best_loss:
                best_loss, best_epoch = found, epoch
                copy(flat, best)
            elif epoch - best_epoch >= patience or not np.isfinite(found):
                break
    if best_epoch > 0:
        copy(best, flat)
    return loss, epoch


@compiled
def space_for(net: Network, d: int, rows: int, n: int) -> Space:
    """Return the buffers of a step."""
    last, P = len(net.widths) - 2, len(net.real)
    wide = (d + 15) // 16 * 16
    for k in range(1, last + 1):
        wide = max(wide, net.widths[k])
    most = (max(rows * wide, n) + 63) // 64 * 64
    return Space(
        np.zeros((last + 1, rows, wide), np.float32),
        np.zeros((last + 1, rows, wide), np.float32),
        np.zeros((3, rows, wide), np.float32),
        np.zeros((rows, wide), np.float32),
        np.zeros(wide * (wide + 1), np.float32),
        np.zeros(max(most, P), np.float32),
        np.zeros(most, np.uint32),
        np.zeros((rows, 2), np.float32),
        np.zeros((rows, 2), np.float32),
        np.zeros(rows, np.float32),
        np.zeros(rows, np.float32),
        np.zeros(P, np.float32),
        np.zeros(P, np.float32),
        np.zeros_like(net.flat),
    )


@compiled
def gather(
    X: Floats, y: Floats, order: Ints, begin: int, size: int, share: np.float32, space: Space
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
def plain(net: Network, space: Space, rows: int, stream: Ints) -> float:
    """Loss and gradient of a deterministic network, with or without dropout."""
    threshold, outputs, slopes = net.threshold, space.outputs, space.slopes
    forward(net.flat, net.widths, space.activity, rows, outputs, space.words, threshold, stream)
    if net.kind == GAUSSIAN_HEADS:
        value = gaussian_heads(outputs, space.target, space.share, rows, slopes)
    else:
        value = squared_error(outputs, space.target, space.share, rows, slopes)
    kept = 1.0 / (1.0 - threshold / 4294967296.0)
    backward(
        net.flat, net.widths, space.activity, rows, slopes, kept, space.d_activity, space.turned,
        space.gradient,
    )  # fmt: skip
    return value


@compiled
def evidence_bound(net: Network, space: Space, rows: int, stream: Ints) -> float:
    """Loss and gradient of the negative evidence lower bound per row, by local draws."""
    P, squares = len(net.real), space.squares
    means, logs, log_noise = net.flat[:P], net.flat[P : 2 * P], net.flat[2 * P]
    d_means, d_logs = space.gradient[:P], space.gradient[P : 2 * P]
    for i in range(P):
        squares[i] = net.real[i] * exp(f32(2) * logs[i])
    forward_local(
        means, squares, net.widths, space.activity, rows, space.outputs, space.ratio,
        space.buffer, space.noise, stream,
    )  # fmt: skip
    precision = exp(f32(-2) * log_noise)
    value = squared_error(space.outputs, space.target, space.share, rows, space.slopes)
    for r in range(rows):
        space.slopes[r, 0] *= f32(0.5) * precision
    backward_local(
        means, squares, net.widths, space.activity, rows, space.slopes, space.ratio,
        space.buffer, space.d_activity, space.turned, d_means, space.drawn,
    )  # fmt: skip
    for i in range(P):
        d_logs[i] = f32(2) * space.drawn[i] * squares[i]
    space.gradient[2 * P] = f32(1.0 - value * precision)
    divergence = add_divergence(
        means, logs, net.log_priors, net.real, net.kl_scale, d_means, d_logs
    )
    return float(0.5 * value * precision + log_noise + LOG_SQRT_2PI + divergence)


@compiled
def error_and_mean_kl(net: Network, space: Space, rows: int, stream: Ints) -> float:
    """Loss and gradient of the squared error plus a divergence, by one draw of the weights."""
    P, weights = len(net.real), space.drawn
    means, logs, noise = net.flat[:P], net.flat[P : 2 * P], space.noise[:P]
    d_means, d_logs = space.gradient[:P], space.gradient[P : 2 * P]
    draw_weights(means, logs, net.real, noise, stream, weights)
    forward(weights, net.widths, space.activity, rows, space.outputs, space.words, 0 * P, stream)
    value = squared_error(space.outputs, space.target, space.share, rows, space.slopes)
    backward(
        weights, net.widths, space.activity, rows, space.slopes, 1.0, space.d_activity,
        space.turned, d_means,
    )  # fmt: skip
    for i in range(P):
        d_logs[i] = d_means[i] * noise[i]
    return value + add_divergence(
        means, logs, net.log_priors, net.real, net.kl_scale, d_means, d_logs
    )


@compiled
def held_loss(net: Network, space: Space, X: Floats, y: Floats, stream: Ints) -> float:
    """Mean loss on rows that are not trained on: no mask, mean weights, no divergence."""
    n, most, none = len(y), len(space.target), 0 * len(y)
    order, loss = np.arange(n), 0.0
    for begin in range(0, n, most):
        rows = gather(X, y, order, begin, min(most, n - begin), f32(1.0 / n), space)
        forward(
            net.flat, net.widths, space.activity, rows, space.outputs, space.words, none, stream
        )
        if net.kind == GAUSSIAN_HEADS:
            loss += gaussian_heads(space.outputs, space.target, space.share, rows, space.slopes)
        else:
            loss += squared_error(space.outputs, space.target, space.share, rows, space.slopes)
    if net.kind == EVIDENCE_BOUND:
        log_noise = np.float64(net.flat[len(net.flat) - 64])
        loss = 0.5 * loss * np.exp(-2.0 * log_noise) + log_noise
    return loss


@compiled
def copy(source: Floats, target: Floats) -> None:
    """Write source over target."""
    for i in range(len(source)):
        target[i] = source[i]
