"""A network evaluated under many draws of its weights, compiled: a draw never leaves the cache.

Draw s is a function of its stream and its number alone, and a point's outputs of that point alone,
so any part of the draws and any part of the points give the same bits: law 3. Arrays are all
float32 or all float64; the noise is that of float32 in both.
"""

import numpy as np

from howrobust.methods.core.arithmetic.compilation import compiled, entry_point
from howrobust.methods.core.arithmetic.products import Floats, columns
from howrobust.methods.core.networks.dense import Ints, rectify
from howrobust.methods.core.random_numbers.philox import Words, fill_normals, fill_words

WEIGHTS = 0  # second word of a draw's stream; its first is the number of the draw


@compiled
def _draw_normal(
    means: Floats, sds: Floats, paired: bool, number: int, stream: Ints, noise: Floats, flat: Floats
) -> None:
    """Weights of one draw: mean + sd noise. ``paired``: every odd draw has the noise of the even
    one before it, negated (antithetic variates)."""
    stream[2], stream[3] = (number // 2 if paired else number), WEIGHTS
    fill_normals(noise, stream)
    if paired and number % 2:
        for i in range(len(flat)):
            flat[i] = means[i] - sds[i] * noise[i]
    else:
        for i in range(len(flat)):
            flat[i] = means[i] + sds[i] * noise[i]


@compiled
def _draw_mask(
    network: Floats,
    widths: Ints,
    threshold: int,
    number: int,
    stream: Ints,
    words: Words,
    flat: Floats,
) -> None:
    """Weights of one draw: a mask on a layer's inputs is the same mask on its weights.

    Inputs are dropped with probability ``threshold`` / 2^32 and the others scaled to make up.
    """
    scale = 1.0 / (1.0 - threshold / 4294967296.0)
    start, last = 0, len(widths) - 2
    stream[2] = number
    for k in range(last + 1):
        fan_in = widths[k]
        across = (fan_in + 63) // 64 * 64
        stream[3] = WEIGHTS + k
        fill_words(words[:across], stream)
        m = widths[k + 1] if k < last else 1
        for i in range(fan_in):
            kept = scale if words[i] >= threshold else 0.0
            for j in range(start + i * m, start + (i + 1) * m):
                flat[j] = network[j] * kept
        start += fan_in * m
        for j in range(start, start + (m if k < last else 16)):
            flat[j] = network[j]
        start += m


@entry_point
def sample_normal(
    means: Floats,
    sds: Floats,
    paired: bool,
    widths: Ints,
    units: Ints,
    X: Floats,
    first: int,
    stream: Ints,
    spread: Floats,
    out: Floats,
    variance: Floats,
) -> None:
    """Outputs ``out`` (S, o, n) of draws first .. first + S - 1 at X (d, n), n a multiple of 16.

    ``spread`` holds variances of the last layer's weights, in its layout, or nothing: else
    ``variance`` (S, n) becomes the variance of the output given the hidden units.

    Parameters
    ----------
    means : ndarray, shape (P,)
        Means of the weights.
    sds : ndarray, shape (P,)
        Sds of the weights.
    paired : bool
        Whether draws come in pairs of opposite noise.
    widths : ndarray of int64, shape (layers + 1,)
        Padded widths; see `Layout.widths`.
    units : ndarray of int64, shape (layers + 1,)
        Widths without padding; see `Layout.units`.
    X : ndarray, shape (d, n)
        Standardised inputs, a column per point; n is a multiple of 16.
    first : int
        Number of the first draw.
    stream : ndarray of int64, shape (5,)
        Stream of the random numbers; its later words are overwritten.
    spread : ndarray, shape (m + 16,) or (0,)
        Variances of the last layer's weights.
    out : ndarray, shape (S, o, n)
        Overwritten with the outputs.
    variance : ndarray, shape (S, n) or (S, 0)
        Overwritten with variances given the hidden units.
    """
    noise, flat = np.zeros(len(means), np.float32), np.zeros_like(means)
    activity = _tile(units, X)
    for s in range(len(out)):
        _draw_normal(means, sds, paired, first + s, stream, noise, flat)
        _evaluate(flat, widths, units, X, activity, spread, out[s], variance[s])


@entry_point
def sample_masks(
    network: Floats,
    threshold: int,
    widths: Ints,
    units: Ints,
    X: Floats,
    first: int,
    stream: Ints,
    out: Floats,
) -> None:
    """Outputs ``out`` (S, o, n) of one network under masks first .. first + S - 1.

    Parameters
    ----------
    network : ndarray, shape (P,)
        Vector of the network.
    threshold : int
        Dropout rate times 2^32; 0 for none.
    widths : ndarray of int64, shape (layers + 1,)
        Padded widths; see `Layout.widths`.
    units : ndarray of int64, shape (layers + 1,)
        Widths without padding; see `Layout.units`.
    X : ndarray, shape (d, n)
        Standardised inputs, a column per point; n is a multiple of 16.
    first : int
        Number of the first draw.
    stream : ndarray of int64, shape (5,)
        Stream of the random numbers; its later words are overwritten.
    out : ndarray, shape (S, o, n)
        Overwritten with the outputs.
    """
    flat, none = np.zeros_like(network), network[:0]
    words = np.zeros((widths.max() + 63) // 64 * 64, np.uint32)
    activity = _tile(units, X)
    for s in range(len(out)):
        _draw_mask(network, widths, threshold, first + s, stream, words, flat)
        _evaluate(flat, widths, units, X, activity, none, out[s], none)


@entry_point
def sample_members(members: Floats, widths: Ints, units: Ints, X: Floats, out: Floats) -> None:
    """Outputs ``out`` (S, o, n) of S networks (S, P) at X (d, n).

    Parameters
    ----------
    members : ndarray, shape (S, P)
        Vectors of S networks.
    widths : ndarray of int64, shape (layers + 1,)
        Padded widths; see `Layout.widths`.
    units : ndarray of int64, shape (layers + 1,)
        Widths without padding; see `Layout.units`.
    X : ndarray, shape (d, n)
        Standardised inputs, a column per point; n is a multiple of 16.
    out : ndarray, shape (S, o, n)
        Overwritten with the outputs.
    """
    activity, none = _tile(units, X), members[0, :0]
    for s in range(len(out)):
        _evaluate(members[s], widths, units, X, activity, none, out[s], none)


@compiled
def _tile(units: Ints, X: Floats) -> Floats:
    """A buffer (layers, units, points): 512 KiB a layer in float32, at most 256 points."""
    wide = units[:-1].max()
    points = min(max(131072 // wide // 16 * 16, 16), min(X.shape[1], 256))
    return np.zeros((len(units) - 1, wide, points), X.dtype)


@compiled
def _evaluate(
    flat: Floats,
    widths: Ints,
    units: Ints,
    X: Floats,
    activity: Floats,
    spread: Floats,
    out: Floats,
    variance: Floats,
) -> None:
    """Outputs ``out`` (o, n) of one network at X (d, n), a tile of points at a time."""
    d, n = X.shape
    last, most = len(widths) - 2, activity.shape[2]
    if d == 1 and last == 1:
        _line(flat, widths[1], X[0], spread, out, variance)
        return
    for begin in range(0, n, most):
        points = min(most, n - begin)
        for i in range(d):
            a, x = activity[0, i], X[i, begin : begin + points]
            for p in range(points):
                a[p] = x[p]
        start = 0
        for k in range(last):
            if k:
                rectify(activity[k], units[k], points)
            fan_in, m = widths[k], widths[k + 1]
            W = flat[start : start + fan_in * m].reshape(fan_in, m)
            b = flat[start + fan_in * m : start + (fan_in + 1) * m]
            columns(activity[k], units[k], W, b, units[k + 1], points, activity[k + 1])
            start += (fan_in + 1) * m
        m, h = widths[last], units[last]
        for o in range(widths[last + 1]):
            w, bias = flat[start + o * m :], flat[start + widths[last + 1] * m + o]
            _combine(activity[last], w, bias, h, points, out[o, begin : begin + points])
        if len(spread):
            _square_rectified(activity[last], h, points)
            _combine(activity[last], spread, spread[m], h, points, variance[begin : begin + points])


@compiled
def _combine(A: Floats, w: Floats, bias: float, units: int, points: int, out: Floats) -> None:
    """out (points,) = w^T max(A, 0) + bias for A (units, points)."""
    zero, fives = A.dtype.type(0), units // 5 * 5
    for p in range(points):
        out[p] = bias
    for j in range(0, fives, 5):
        a0, a1, a2, a3, a4 = A[j], A[j + 1], A[j + 2], A[j + 3], A[j + 4]
        w0, w1, w2, w3, w4 = w[j], w[j + 1], w[j + 2], w[j + 3], w[j + 4]
        for p in range(points):
            low = w0 * max(a0[p], zero) + w1 * max(a1[p], zero)
            high = w2 * max(a2[p], zero) + w3 * max(a3[p], zero)
            out[p] += low + high + w4 * max(a4[p], zero)
    for j in range(fives, units):
        a0, w0 = A[j], w[j]
        for p in range(points):
            out[p] += w0 * max(a0[p], zero)


@compiled
def _square_rectified(A: Floats, units: int, points: int) -> None:
    """A = max(A, 0)^2, elementwise."""
    zero = A.dtype.type(0)
    for j in range(units):
        a = A[j]
        for p in range(points):
            h = max(a[p], zero)
            a[p] = h * h


@compiled
def _line(flat: Floats, m: int, x: Floats, spread: Floats, out: Floats, variance: Floats) -> None:
    """`_evaluate` for one feature and one hidden layer: no unit is ever written to memory.

    Four points share each load of a unit's weight, bias and outgoing weight.
    """
    w, b, zero = flat[:m], flat[m : 2 * m], flat.dtype.type(0)
    if len(spread):
        _line_and_spread(flat, m, x, spread, out[0], variance)
        return
    for o in range(len(out)):
        v, bias = flat[(2 + o) * m : (3 + o) * m], flat[(2 + len(out)) * m + o]
        for p in range(0, len(x), 4):
            x0, x1, x2, x3 = x[p], x[p + 1], x[p + 2], x[p + 3]
            t0, t1, t2, t3 = bias, bias, bias, bias
            for j in range(m):
                t0 += v[j] * max(b[j] + w[j] * x0, zero)
                t1 += v[j] * max(b[j] + w[j] * x1, zero)
                t2 += v[j] * max(b[j] + w[j] * x2, zero)
                t3 += v[j] * max(b[j] + w[j] * x3, zero)
            out[o, p], out[o, p + 1], out[o, p + 2], out[o, p + 3] = t0, t1, t2, t3


@compiled
def _line_and_spread(
    flat: Floats, m: int, x: Floats, spread: Floats, out: Floats, variance: Floats
) -> None:
    """`_line` for one output, with its variance given the hidden units."""
    w, b, v, q = flat[:m], flat[m : 2 * m], flat[2 * m : 3 * m], spread[:m]
    bias, zero = flat[3 * m], flat.dtype.type(0)
    for p in range(0, len(x), 4):
        x0, x1, x2, x3 = x[p], x[p + 1], x[p + 2], x[p + 3]
        t0, t1, t2, t3 = bias, bias, bias, bias
        s0, s1, s2, s3 = spread[m], spread[m], spread[m], spread[m]
        for j in range(m):
            h0, h1 = max(b[j] + w[j] * x0, zero), max(b[j] + w[j] * x1, zero)
            h2, h3 = max(b[j] + w[j] * x2, zero), max(b[j] + w[j] * x3, zero)
            t0 += v[j] * h0
            t1 += v[j] * h1
            t2 += v[j] * h2
            t3 += v[j] * h3
            s0 += q[j] * h0 * h0
            s1 += q[j] * h1 * h1
            s2 += q[j] * h2 * h2
            s3 += q[j] * h3 * h3
        out[p], out[p + 1], out[p + 2], out[p + 3] = t0, t1, t2, t3
        variance[p], variance[p + 1], variance[p + 2], variance[p + 3] = s0, s1, s2, s3
