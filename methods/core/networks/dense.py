"""Forward and backward passes of one network as a flat vector, compiled.

A network is a flat vector (see `layout.Layout`). Activities are (rows, width) buffers; ``activity``
holds the inputs of every layer, so ``activity[0]`` is the batch and ``activity[k]`` what layer k
takes. Random numbers are those of `philox`, counted by step: a network needs nothing but its seed.
"""

import numpy as np
from numpy.typing import NDArray

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.products import (
    Floats,
    affine,
    affine_gradient,
    dot,
    times_transposed,
)
from howrobust.methods.core.random_numbers.philox import Words, fill_words

Ints = NDArray[np.int64]
f32 = np.float32

# A stream's words: an epoch and ORDER, or a step and NOISE + layer.
ORDER, NOISE = 0, 1


@compiled
def forward(
    flat: Floats,
    widths: Ints,
    activity: Floats,
    rows: int,
    outputs: Floats,
    words: Words,
    threshold: int,
    stream: Ints,
) -> None:
    """Outputs (rows, o) of a network from ``activity[0]``, with the masks of one step.

    Parameters
    ----------
    flat : ndarray of float32, shape (P,)
        Vector of the network; see `Layout`.
    widths : ndarray of int64, shape (layers + 1,)
        Padded widths; see `Layout.widths`.
    activity : ndarray of float32, shape (layers, rows, width)
        Inputs of each layer.
    rows : int
        Rows of the batch, a multiple of 4.
    outputs : ndarray of float32, shape (rows, o)
        Overwritten with the outputs.
    words : ndarray of uint32
        Buffer of random words.
    threshold : int
        Dropout rate times 2^32; 0 for none.
    stream : ndarray of int64, shape (5,)
        Stream of the random numbers; its later words are overwritten.
    """
    start, fan_in, last = 0, widths[0], len(widths) - 2
    for k in range(last):
        _drop(activity[k], rows, fan_in, words, threshold, stream, k)
        m = widths[k + 1]
        W = flat[start : start + fan_in * m].reshape(fan_in, m)
        b = flat[start + fan_in * m : start + (fan_in + 1) * m]
        affine(activity[k], fan_in, W, b, rows, activity[k + 1])
        rectify(activity[k + 1], rows, m)
        start, fan_in = start + (fan_in + 1) * m, m
    _drop(activity[last], rows, fan_in, words, threshold, stream, last)
    n_out = widths[last + 1]
    for o in range(n_out):
        w = flat[start + o * fan_in : start + (o + 1) * fan_in]
        bias = flat[start + n_out * fan_in + o]
        for r in range(rows):
            outputs[r, o] = dot(activity[last, r], w, fan_in) + bias


@compiled
def rectify(Z: Floats, rows: int, m: int) -> None:
    """Z = max(Z, 0).

    Parameters
    ----------
    Z : ndarray, shape (rows, width)
        Changed in place.
    rows : int
        Rows of the batch, a multiple of 4.
    m : int
        Columns that count.
    """
    for r in range(rows):
        z = Z[r]
        for j in range(m):
            z[j] = max(z[j], f32(0))


@compiled
def _drop(
    Z: Floats, rows: int, m: int, words: Words, threshold: int, stream: Ints, layer: int
) -> None:
    """Scale each input of a layer that is kept by 1 / (1 - p) and set the others to 0.

    ``threshold`` is p 2^32; 0 leaves Z as it is. ``words`` is a buffer, of which a row is as wide
    as a padded layer.
    """
    if threshold == 0:
        return
    across = (m + 15) // 16 * 16
    stream[3] = NOISE + layer
    fill_words(words[: (rows * across + 63) // 64 * 64], stream)
    scale = f32(1.0 / (1.0 - threshold / 4294967296.0))
    for r in range(rows):
        z, word = Z[r], words[r * across : (r + 1) * across]
        for j in range(m):
            z[j] = z[j] * scale if word[j] >= threshold else f32(0)


@compiled
def backward(
    flat: Floats,
    widths: Ints,
    activity: Floats,
    rows: int,
    slopes: Floats,
    kept: float,
    d_activity: Floats,
    turned: Floats,
    gradient: Floats,
) -> None:
    """Gradient of the loss from its ``slopes`` (rows, o) in the outputs, by the chain rule.

    ``kept`` is 1, or 1 / (1 - p) where activities were dropped.

    Parameters
    ----------
    flat : ndarray of float32, shape (P,)
        Vector of the network; see `Layout`.
    widths : ndarray of int64, shape (layers + 1,)
        Padded widths; see `Layout.widths`.
    activity : ndarray of float32, shape (layers, rows, width)
        Inputs of each layer.
    rows : int
        Rows of the batch, a multiple of 4.
    slopes : ndarray of float32, shape (rows, o)
        Derivatives of the loss with respect to the outputs.
    kept : float
        1, or 1 / (1 - p) under dropout.
    d_activity : ndarray of float32, shape (3, rows, width)
        Buffer of gradients with respect to activities.
    turned : ndarray of float32
        Buffer of a transposed matrix.
    gradient : ndarray of float32, shape (P,)
        Gradient with respect to the parameters.
    """
    last = len(widths) - 2
    n_out, m = widths[last + 1], widths[last]
    start = offset(widths, last)
    g = gradient[start : start + n_out * m + 16]
    g[:] = 0
    for r in range(rows):
        a, d = activity[last, r], d_activity[0, r]
        d[:m] = 0
        for o in range(n_out):
            slope = slopes[r, o]
            w, gw = flat[start + o * m : start + (o + 1) * m], g[o * m : (o + 1) * m]
            for j in range(m):
                gw[j] += slope * a[j]
                d[j] += slope * w[j]
            g[n_out * m + o] += slope
    now = 0  # which half of d_activity holds the gradient in the activities
    for k in range(last - 1, -1, -1):
        m, fan_in = widths[k + 1], widths[k]
        gate(activity[k + 1], d_activity[now], rows, m, f32(kept))
        start = offset(widths, k)
        gW = gradient[start : start + fan_in * m].reshape(fan_in, m)
        gb = gradient[start + fan_in * m : start + (fan_in + 1) * m]
        affine_gradient(activity[k], fan_in, d_activity[now], rows, gW, gb)
        if k:
            W = flat[start : start + fan_in * m].reshape(fan_in, m)
            times_transposed(d_activity[now], W, turned, rows, d_activity[1 - now])
            now = 1 - now


@compiled
def gate(activity: Floats, d_activity: Floats, rows: int, m: int, scale: np.float32) -> None:
    """d_activity = scale d_activity where the unit was active, and 0 elsewhere.

    Parameters
    ----------
    activity : ndarray of float32, shape (rows, width)
        Rectified activities.
    d_activity : ndarray of float32, shape (rows, width)
        Gradient, changed in place.
    rows : int
        Rows of the batch, a multiple of 4.
    m : int
        Columns that count.
    scale : float32
        Factor.
    """
    for r in range(rows):
        a, d = activity[r], d_activity[r]
        for j in range(m):
            d[j] = d[j] * scale if a[j] > 0 else f32(0)


@compiled
def offset(widths: Ints, layer: int) -> int:
    """Where a layer begins in the flat vector.

    Parameters
    ----------
    widths : ndarray of int64, shape (layers + 1,)
        Padded widths; see `Layout.widths`.
    layer : int
        Number of the layer, from 0.

    Returns
    -------
    int
        Position of the layer's first weight.
    """
    start = 0
    for k in range(layer):
        start += (widths[k] + 1) * widths[k + 1]
    return start
