"""Random numbers by counting: Philox4x32-10, and normals by Box and Muller.

Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". A number is a
function of a key and of where it stands, so any part of a stream can be drawn by itself, in any
order and by anyone: networks and draws do not depend on their neighbours.

A stream is a vector [low and high half of a seed, and three words]. It is laid out in
chunks of 64 numbers: word q of counter c of a chunk is its element 16 q + c, which compiles to
whole vectors. Buffers are multiples of `CHUNK`; a shorter stream is a prefix of a longer one.
"""

import math

import numpy as np
from numpy.typing import NDArray

from howrobust.compiled import part
from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.elementary import cosine, log, sine

CHUNK = 64
u32 = np.uint32
u64 = np.uint64
i32 = np.int32
f32 = np.float32

Words = NDArray[np.uint32]
Stream = NDArray[np.int64]


def chunks(size: int) -> int:
    """Return the least multiple of `CHUNK` that holds ``size`` numbers.

    Parameters
    ----------
    size : int
        Numbers needed.

    Returns
    -------
    int
        Length of the buffer.
    """
    return -(-size // CHUNK) * CHUNK


def stream_of(seed: int, *words: int) -> Stream:
    """Return the stream named by a seed below 2^64 and up to three words, the others being 0.

    Parameters
    ----------
    seed : int
        Seed below 2^64.
    *words : int
        Up to three words that name the stream.

    Returns
    -------
    ndarray of int64, shape (5,)
        The stream.
    """
    stream = np.zeros(5, np.int64)
    stream[:2] = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
    stream[2 : 2 + len(words)] = words
    return stream


@part
def block(c0: u32, c1: u32, c2: u32, c3: u32, k0: u32, k1: u32) -> tuple[u32, u32, u32, u32]:
    """Four random words for a counter and a key: ten rounds of the cipher.

    Parameters
    ----------
    c0 : uint32
        First word of the counter.
    c1 : uint32
        Second word of the counter.
    c2 : uint32
        Third word of the counter.
    c3 : uint32
        Fourth word of the counter.
    k0 : uint32
        First word of the key.
    k1 : uint32
        Second word of the key.

    Returns
    -------
    tuple of uint32
        Four random words.
    """
    for _ in range(10):
        p = u64(c0) * u64(0xD2511F53)
        q = u64(c2) * u64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            u32(u32(q >> u64(32)) ^ c1 ^ k0),
            u32(q),
            u32(u32(p >> u64(32)) ^ c3 ^ k1),
            u32(p),
        )
        k0 = u32(k0 + u32(0x9E3779B9))
        k1 = u32(k1 + u32(0xBB67AE85))
    return c0, c1, c2, c3


@part
def _pair(radius: u32, angle: u32) -> tuple[f32, f32]:
    """Two independent standard normals from two words: R (cos t, sin t).

    R^2 = -2 log u for u uniform in (0, 1] and t = 2 pi (angle / 2^32) - pi / 4 (Box & Muller 1958).
    """
    u = (f32(radius) + f32(0.5)) * f32(2.0**-32)
    r = np.sqrt(f32(-2.0) * log(u))
    t = (f32(i32(angle & u32(0x3FFFFFFF))) * f32(2.0**-30) - f32(0.5)) * f32(math.pi / 2)
    s, c = sine(t), cosine(t)
    odd = u32(angle >> u32(30)) & u32(1)
    r = -r if u32(angle >> u32(31)) else r
    return r * (-s if odd else c), r * (c if odd else s)


@compiled
def fill_words(out: Words, stream: Stream) -> None:
    """Fill ``out`` (a multiple of 64) with uniform words of a stream.

    Parameters
    ----------
    out : ndarray of uint32, shape (k,)
        Overwritten; k is a multiple of 64.
    stream : ndarray of int64, shape (5,)
        Stream to draw from.
    """
    k0, k1, w0, w1, w2 = (
        u32(stream[0]),
        u32(stream[1]),
        u32(stream[2]),
        u32(stream[3]),
        u32(stream[4]),
    )
    for start in range(0, len(out), 64):
        p, q = out[start : start + 16], out[start + 16 : start + 32]
        r, s = out[start + 32 : start + 48], out[start + 48 : start + 64]
        for c in range(len(p)):
            count = u32(start // 4 + c)
            p[c], q[c], r[c], s[c] = block(count, w0, w1, w2, k0, k1)


@compiled
def fill_normals(out: NDArray[np.float32], stream: Stream) -> None:
    """Fill ``out`` (a multiple of 64) with standard normals of a stream.

    Parameters
    ----------
    out : ndarray of float32, shape (k,)
        Overwritten; k is a multiple of 64.
    stream : ndarray of int64, shape (5,)
        Stream to draw from.
    """
    k0, k1, w0, w1, w2 = (
        u32(stream[0]),
        u32(stream[1]),
        u32(stream[2]),
        u32(stream[3]),
        u32(stream[4]),
    )
    for start in range(0, len(out), 64):
        p, q = out[start : start + 16], out[start + 16 : start + 32]
        r, s = out[start + 32 : start + 48], out[start + 48 : start + 64]
        for c in range(len(p)):
            count = u32(start // 4 + c)
            x0, x1, x2, x3 = block(count, w0, w1, w2, k0, k1)
            p[c], q[c] = _pair(x0, x1)
            r[c], s[c] = _pair(x2, x3)


@compiled
def fill_order(order: NDArray[np.int64], words: Words) -> None:
    """Shuffle 0 .. n-1 into ``order`` (n,) by at least n words (Fisher & Yates).

    A place is word * (i + 1) / 2^32, rounded down: its bias is below n / 2^32.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        Overwritten with a permutation.
    words : ndarray of uint32, shape (n or more,)
        Random words.
    """
    n = len(order)
    for i in range(n):
        order[i] = i
    for i in range(n - 1, 0, -1):
        j = np.int64((u64(words[i]) * u64(i + 1)) >> u64(32))
        order[i], order[j] = order[j], order[i]
