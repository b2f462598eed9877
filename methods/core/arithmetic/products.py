"""Products of small matrices, four rows by four columns at a time.

Rows come in multiples of 4, columns of weights in multiples of 16: whole vectors. A row's result
does not depend on the other rows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howrobust.methods.core.arithmetic.compilation import compiled

Floats = NDArray[np.floating[Any]]


@compiled
def affine(A: Floats, d: int, W: Floats, b: Floats, rows: int, Z: Floats) -> None:
    """Z[:rows, :m] = A[:rows, :d] W + b, for W (d, m) and b (m,).

    Parameters
    ----------
    A : ndarray of float32, shape (rows, d)
        Left factor.
    d : int
        Columns of A.
    W : ndarray of float32, shape (d, m)
        Right factor.
    b : ndarray of float32, shape (m,)
        Added to each row.
    rows : int
        Rows of the batch, a multiple of 4.
    Z : ndarray of float32, shape (rows, m)
        Overwritten with the product.
    """
    m = W.shape[1]
    whole = d // 4 * 4
    for r in range(0, rows, 4):
        z0, z1, z2, z3 = Z[r], Z[r + 1], Z[r + 2], Z[r + 3]
        a0, a1, a2, a3 = A[r], A[r + 1], A[r + 2], A[r + 3]
        for j in range(m):
            z0[j] = b[j]
            z1[j] = b[j]
            z2[j] = b[j]
            z3[j] = b[j]
        for i in range(0, whole, 4):
            w0, w1, w2, w3 = W[i], W[i + 1], W[i + 2], W[i + 3]
            a00, a01, a02, a03 = a0[i], a0[i + 1], a0[i + 2], a0[i + 3]
            a10, a11, a12, a13 = a1[i], a1[i + 1], a1[i + 2], a1[i + 3]
            a20, a21, a22, a23 = a2[i], a2[i + 1], a2[i + 2], a2[i + 3]
            a30, a31, a32, a33 = a3[i], a3[i + 1], a3[i + 2], a3[i + 3]
            for j in range(m):
                p0, p1, p2, p3 = w0[j], w1[j], w2[j], w3[j]
                z0[j] += a00 * p0 + a01 * p1 + a02 * p2 + a03 * p3
                z1[j] += a10 * p0 + a11 * p1 + a12 * p2 + a13 * p3
                z2[j] += a20 * p0 + a21 * p1 + a22 * p2 + a23 * p3
                z3[j] += a30 * p0 + a31 * p1 + a32 * p2 + a33 * p3
        for i in range(whole, d):
            w0 = W[i]
            a00, a10, a20, a30 = a0[i], a1[i], a2[i], a3[i]
            for j in range(m):
                p0 = w0[j]
                z0[j] += a00 * p0
                z1[j] += a10 * p0
                z2[j] += a20 * p0
                z3[j] += a30 * p0


@compiled
def affine_gradient(A: Floats, d: int, dZ: Floats, rows: int, dW: Floats, db: Floats) -> None:
    """dW = A[:rows, :d]^T dZ[:rows, :m] and db = column sums of dZ, for dW (d, m).

    Parameters
    ----------
    A : ndarray of float32, shape (rows, d)
        Left factor.
    d : int
        Columns of A.
    dZ : ndarray of float32, shape (rows, m)
        Gradient with respect to Z.
    rows : int
        Rows of the batch, a multiple of 4.
    dW : ndarray of float32, shape (d, m)
        Overwritten with the gradient with respect to W.
    db : ndarray of float32, shape (m,)
        Overwritten with the gradient with respect to b.
    """
    m = dW.shape[1]
    whole = d // 4 * 4
    dW[:] = 0
    db[:] = 0
    for i in range(0, whole, 4):
        w0, w1, w2, w3 = dW[i], dW[i + 1], dW[i + 2], dW[i + 3]
        for r in range(0, rows, 4):
            z0, z1, z2, z3 = dZ[r], dZ[r + 1], dZ[r + 2], dZ[r + 3]
            a0, a1, a2, a3 = A[r], A[r + 1], A[r + 2], A[r + 3]
            a00, a01, a02, a03 = a0[i], a0[i + 1], a0[i + 2], a0[i + 3]
            a10, a11, a12, a13 = a1[i], a1[i + 1], a1[i + 2], a1[i + 3]
            a20, a21, a22, a23 = a2[i], a2[i + 1], a2[i + 2], a2[i + 3]
            a30, a31, a32, a33 = a3[i], a3[i + 1], a3[i + 2], a3[i + 3]
            for j in range(m):
                p0, p1, p2, p3 = z0[j], z1[j], z2[j], z3[j]
                w0[j] += a00 * p0 + a10 * p1 + a20 * p2 + a30 * p3
                w1[j] += a01 * p0 + a11 * p1 + a21 * p2 + a31 * p3
                w2[j] += a02 * p0 + a12 * p1 + a22 * p2 + a32 * p3
                w3[j] += a03 * p0 + a13 * p1 + a23 * p2 + a33 * p3
    for r in range(0, rows, 4):
        z0, z1, z2, z3 = dZ[r], dZ[r + 1], dZ[r + 2], dZ[r + 3]
        for j in range(m):
            db[j] += z0[j] + z1[j] + z2[j] + z3[j]
    for i in range(whole, d):
        w0 = dW[i]
        for r in range(0, rows, 4):
            z0, z1, z2, z3 = dZ[r], dZ[r + 1], dZ[r + 2], dZ[r + 3]
            a00, a10, a20, a30 = A[r, i], A[r + 1, i], A[r + 2, i], A[r + 3, i]
            for j in range(m):
                w0[j] += a00 * z0[j] + a10 * z1[j] + a20 * z2[j] + a30 * z3[j]


@compiled
def times_transposed(dZ: Floats, W: Floats, buffer: Floats, rows: int, dA: Floats) -> None:
    """dA[:rows, :d] = dZ[:rows, :m] W^T for W (d, m); ``buffer`` holds d (m + 1) numbers.

    Parameters
    ----------
    dZ : ndarray of float32, shape (rows, m)
        Gradient with respect to Z.
    W : ndarray of float32, shape (d, m)
        Right factor.
    buffer : ndarray of float32
        Buffer; overwritten.
    rows : int
        Rows of the batch, a multiple of 4.
    dA : ndarray of float32, shape (rows, d)
        Overwritten with the gradient with respect to A.
    """
    d, m = W.shape
    turned, zeros = buffer[: d * m].reshape(m, d), buffer[d * m : d * (m + 1)]
    zeros[:] = 0
    for i in range(d):
        for j in range(m):
            turned[j, i] = W[i, j]
    affine(dZ, m, turned, zeros, rows, dA)


@compiled
def dot(a: Floats, b: Floats, m: int) -> np.float32:
    """Sum of the products of the first m elements.

    Parameters
    ----------
    a : ndarray, shape (k,)
        Left factor.
    b : ndarray, shape (k,)
        Right factor.
    m : int
        Elements that count.

    Returns
    -------
    float32
        Sum of a_j b_j over the first m elements.
    """
    total = np.float32(0)
    for j in range(m):
        total += a[j] * b[j]
    return total


@compiled
def columns(A: Floats, d: int, W: Floats, b: Floats, units: int, points: int, Z: Floats) -> None:
    """Z (units, points) = W^T A + b for A (d, points).

    Five units by four inputs at a time: twenty multiply-adds for four loads and five sums.

    Parameters
    ----------
    A : ndarray, shape (d, points)
        Inputs.
    d : int
        Rows of A that count.
    W : ndarray, shape (d, m)
        Weights.
    b : ndarray, shape (m,)
        Biases.
    units : int
        Columns of W that count.
    points : int
        Columns of A.
    Z : ndarray, shape (units, points)
        Overwritten with the product.
    """
    inputs, fives = d // 4 * 4, units // 5 * 5
    for j in range(0, fives, 5):
        z0, z1, z2, z3, z4 = Z[j], Z[j + 1], Z[j + 2], Z[j + 3], Z[j + 4]
        b0, b1, b2, b3, b4 = b[j], b[j + 1], b[j + 2], b[j + 3], b[j + 4]
        if inputs == 0:
            for p in range(points):
                z0[p], z1[p], z2[p], z3[p], z4[p] = b0, b1, b2, b3, b4
        for i in range(0, inputs, 4):
            a0, a1, a2, a3 = A[i], A[i + 1], A[i + 2], A[i + 3]
            u0, u1, u2, u3 = W[i], W[i + 1], W[i + 2], W[i + 3]
            w00, w01, w02, w03, w04 = u0[j], u0[j + 1], u0[j + 2], u0[j + 3], u0[j + 4]
            w10, w11, w12, w13, w14 = u1[j], u1[j + 1], u1[j + 2], u1[j + 3], u1[j + 4]
            w20, w21, w22, w23, w24 = u2[j], u2[j + 1], u2[j + 2], u2[j + 3], u2[j + 4]
            w30, w31, w32, w33, w34 = u3[j], u3[j + 1], u3[j + 2], u3[j + 3], u3[j + 4]
            if i == 0:  # the sums begin here: nothing is loaded
                for p in range(points):
                    v0, v1, v2, v3 = a0[p], a1[p], a2[p], a3[p]
                    z0[p] = b0 + w00 * v0 + w10 * v1 + w20 * v2 + w30 * v3
                    z1[p] = b1 + w01 * v0 + w11 * v1 + w21 * v2 + w31 * v3
                    z2[p] = b2 + w02 * v0 + w12 * v1 + w22 * v2 + w32 * v3
                    z3[p] = b3 + w03 * v0 + w13 * v1 + w23 * v2 + w33 * v3
                    z4[p] = b4 + w04 * v0 + w14 * v1 + w24 * v2 + w34 * v3
            else:
                for p in range(points):
                    v0, v1, v2, v3 = a0[p], a1[p], a2[p], a3[p]
                    z0[p] += w00 * v0 + w10 * v1 + w20 * v2 + w30 * v3
                    z1[p] += w01 * v0 + w11 * v1 + w21 * v2 + w31 * v3
                    z2[p] += w02 * v0 + w12 * v1 + w22 * v2 + w32 * v3
                    z3[p] += w03 * v0 + w13 * v1 + w23 * v2 + w33 * v3
                    z4[p] += w04 * v0 + w14 * v1 + w24 * v2 + w34 * v3
        for i in range(inputs, d):
            a0, u0 = A[i], W[i]
            w00, w01, w02, w03, w04 = u0[j], u0[j + 1], u0[j + 2], u0[j + 3], u0[j + 4]
            for p in range(points):
                v0 = a0[p]
                z0[p] += w00 * v0
                z1[p] += w01 * v0
                z2[p] += w02 * v0
                z3[p] += w03 * v0
                z4[p] += w04 * v0
    for j in range(fives, units):
        z0, b0 = Z[j], b[j]
        for p in range(points):
            z0[p] = b0
        for i in range(d):
            a0, w00 = A[i], W[i, j]
            for p in range(points):
                z0[p] += w00 * a0[p]
