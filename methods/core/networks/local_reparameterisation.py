"""Forward and backward passes of a network with normal weights, compiled.

Kingma, Salimans & Welling 2015, "Variational dropout and the local reparameterization trick".
"""

import numpy as np

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.products import (
    Floats,
    affine,
    affine_gradient,
    dot,
    times_transposed,
)
from howrobust.methods.core.networks.dense import NOISE, Ints, f32, gate, offset, rectify
from howrobust.methods.core.random_numbers.philox import fill_normals


@compiled
def forward_local(
    means: Floats,
    squares: Floats,
    widths: Ints,
    activity: Floats,
    rows: int,
    outputs: Floats,
    ratio: Floats,
    buffer: Floats,
    noise: Floats,
    stream: Ints,
) -> None:
    """Outputs (rows, 1) with normal pre-activations: local reparameterisation.

    Pre-activations are A W + sqrt(A^2 S^2) noise (Kingma, Salimans & Welling 2015, eq. 6);
    ``squares`` are the variances of the weights, ``ratio`` (layers, rows, width) becomes
    noise / (2 sd of the pre-activation), 0 where that sd is 0.

    Parameters
    ----------
    means : ndarray of float32, shape (P,)
        Means of the weights.
    squares : ndarray of float32, shape (P,)
        Variances of the weights.
    widths : ndarray of int64, shape (layers + 1,)
        Padded widths; see `Layout.widths`.
    activity : ndarray of float32, shape (layers, rows, width)
        Inputs of each layer.
    rows : int
        Rows of the batch, a multiple of 4.
    outputs : ndarray of float32, shape (rows, o)
        Overwritten with the outputs.
    ratio : ndarray of float32, shape (layers, rows, width)
        Noise over twice the sd of each pre-activation.
    buffer : ndarray of float32
        Buffer; overwritten.
    noise : ndarray of float32
        Buffer of standard normals.
    stream : ndarray of int64, shape (5,)
        Stream of the random numbers; its later words are overwritten.
    """
    start, fan_in, last = 0, widths[0], len(widths) - 2
    for k in range(last):
        m = widths[k + 1]
        W = means[start : start + fan_in * m].reshape(fan_in, m)
        b = means[start + fan_in * m : start + (fan_in + 1) * m]
        affine(activity[k], fan_in, W, b, rows, activity[k + 1])
        _square(activity[k], rows, fan_in, buffer)
        V = squares[start : start + fan_in * m].reshape(fan_in, m)
        v = squares[start + fan_in * m : start + (fan_in + 1) * m]
        affine(buffer, fan_in, V, v, rows, ratio[k])
        stream[3] = NOISE + k
        fill_normals(noise[: (rows * m + 63) // 64 * 64], stream)
        for r in range(rows):
            a, q, e = activity[k + 1, r], ratio[k, r], noise[r * m : (r + 1) * m]
            for j in range(m):
                sd = np.sqrt(q[j])
                a[j] += sd * e[j]
                q[j] = f32(0.5) * e[j] / sd if sd > 0 else f32(0)
        rectify(activity[k + 1], rows, m)
        start, fan_in = start + (fan_in + 1) * m, m
    w, v = means[start : start + fan_in], squares[start : start + fan_in]
    stream[3] = NOISE + last
    fill_normals(noise[: (rows + 63) // 64 * 64], stream)
    _square(activity[last], rows, fan_in, buffer)
    for r in range(rows):
        sd = np.sqrt(dot(buffer[r], v, fan_in) + squares[start + fan_in])
        outputs[r, 0] = dot(activity[last, r], w, fan_in) + means[start + fan_in] + sd * noise[r]
        ratio[last, r, 0] = f32(0.5) * noise[r] / sd


@compiled
def _square(Z: Floats, rows: int, m: int, out: Floats) -> None:
    """out = Z^2, elementwise."""
    for r in range(rows):
        z, o = Z[r], out[r]
        for j in range(m):
            o[j] = z[j] * z[j]


@compiled
def backward_local(
    means: Floats,
    squares: Floats,
    widths: Ints,
    activity: Floats,
    rows: int,
    slopes: Floats,
    ratio: Floats,
    buffer: Floats,
    d_activity: Floats,
    turned: Floats,
    d_means: Floats,
    d_squares: Floats,
) -> None:
    """Gradients in the means and in the variances of the weights, by the chain rule.

    ``d_activity`` (3, rows, width) and ``buffer`` (rows, width) are overwritten.

    Parameters
    ----------
    means : ndarray of float32, shape (P,)
        Means of the weights.
    squares : ndarray of float32, shape (P,)
        Variances of the weights.
    widths : ndarray of int64, shape (layers + 1,)
        Padded widths; see `Layout.widths`.
    activity : ndarray of float32, shape (layers, rows, width)
        Inputs of each layer.
    rows : int
        Rows of the batch, a multiple of 4.
    slopes : ndarray of float32, shape (rows, o)
        Derivatives of the loss with respect to the outputs.
    ratio : ndarray of float32, shape (layers, rows, width)
        Noise over twice the sd of each pre-activation.
    buffer : ndarray of float32
        Buffer; overwritten.
    d_activity : ndarray of float32, shape (3, rows, width)
        Buffer of gradients with respect to activities.
    turned : ndarray of float32
        Buffer of a transposed matrix.
    d_means : ndarray of float32, shape (P,)
        Overwritten with the gradient with respect to the means.
    d_squares : ndarray of float32, shape (P,)
        Overwritten with the gradient with respect to the variances.
    """
    last = len(widths) - 2
    m, start = widths[last], offset(widths, last)
    w, v = means[start : start + m], squares[start : start + m]
    gw, gv = d_means[start : start + m + 16], d_squares[start : start + m + 16]
    gw[:] = 0
    gv[:] = 0
    for r in range(rows):
        a, d = activity[last, r], d_activity[0, r]
        slope = slopes[r, 0]
        spread = slope * ratio[last, r, 0]
        for j in range(m):
            gw[j] += slope * a[j]
            gv[j] += spread * a[j] * a[j]
            d[j] = slope * w[j] + f32(2) * spread * a[j] * v[j]
        gw[m] += slope
        gv[m] += spread
    now = 0
    for k in range(last - 1, -1, -1):
        m, fan_in = widths[k + 1], widths[k]
        start = offset(widths, k)
        gate(activity[k + 1], d_activity[now], rows, m, f32(1))
        stop = start + fan_in * m
        gW, gb = d_means[start:stop].reshape(fan_in, m), d_means[stop : stop + m]
        gV, gc = d_squares[start:stop].reshape(fan_in, m), d_squares[stop : stop + m]
        affine_gradient(activity[k], fan_in, d_activity[now], rows, gW, gb)
        for r in range(rows):  # from here on ``ratio`` is the gradient in the variances
            q, d = ratio[k, r], d_activity[now, r]
            for j in range(m):
                q[j] *= d[j]
        _square(activity[k], rows, fan_in, buffer)
        affine_gradient(buffer, fan_in, ratio[k], rows, gV, gc)
        if k:
            W = means[start:stop].reshape(fan_in, m)
            V = squares[start:stop].reshape(fan_in, m)
            times_transposed(d_activity[now], W, turned, rows, d_activity[1 - now])
            times_transposed(ratio[k], V, turned, rows, d_activity[2])
            now = 1 - now
            for r in range(rows):
                d, e, a = d_activity[now, r], d_activity[2, r], activity[k, r]
                for j in range(fan_in):
                    d[j] += f32(2) * a[j] * e[j]
