"""Random numbers of named streams, with and without a compiler."""

import numpy as np
from numpy.typing import NDArray

from howrobust.compiled import available
from howrobust.methods.core.arithmetic.compilation import entry_point
from howrobust.methods.core.random_numbers.philox import (
    Stream,
    Words,
    chunks,
    fill_normals,
    fill_order,
    fill_words,
)

Floats = NDArray[np.float32]
LOW = np.uint64(0xFFFFFFFF)


@entry_point
def _stored_words(out: Words, stream: Stream) -> None:
    """`fill_words` for callers in Python."""
    fill_words(out, stream)


@entry_point
def _stored_normals(out: Floats, stream: Stream) -> None:
    """`fill_normals` for callers in Python."""
    fill_normals(out, stream)


@entry_point
def _stored_order(order: NDArray[np.int64], words: Words) -> None:
    """`fill_order` for callers in Python."""
    fill_order(order, words)


def threshold(dropout: float) -> int:
    """Least word that keeps a unit: dropout * 2^32, below 2^32.

    Parameters
    ----------
    dropout : float
        Probability that a unit is dropped.

    Returns
    -------
    int
        Least word that keeps a unit.
    """
    return min(round(dropout * 2**32), 2**32 - 1)


def uniform_words(stream: Stream, size: int) -> Words:
    """Return the first ``size`` uniform words of a stream.

    Parameters
    ----------
    stream : ndarray of int64, shape (5,)
        Stream to draw from.
    size : int
        Numbers needed.

    Returns
    -------
    ndarray of uint32, shape (size,)
        Random words.
    """
    if not available():
        return _plain_words(stream, size)
    numbers = np.empty(chunks(size), np.uint32)
    _stored_words(numbers, stream)
    return numbers[:size]


def normals(stream: Stream, size: int) -> Floats:
    """Return the first ``size`` standard normals of a stream.

    Parameters
    ----------
    stream : ndarray of int64, shape (5,)
        Stream to draw from.
    size : int
        Numbers needed.

    Returns
    -------
    ndarray of float32, shape (size,)
        Standard normals.
    """
    if not available():
        return _plain_normals(stream, size)
    numbers = np.empty(chunks(size), np.float32)
    _stored_normals(numbers, stream)
    return numbers[:size]


def order(stream: Stream, n: int) -> NDArray[np.int64]:
    """Return 0 .. n-1 shuffled by the words of a stream.

    Parameters
    ----------
    stream : ndarray of int64, shape (5,)
        Stream to draw from.
    n : int
        Length of the permutation.

    Returns
    -------
    ndarray of int64, shape (n,)
        A permutation of 0 .. n-1.
    """
    numbers = np.empty(n, np.int64)
    fill = _stored_order if available() else _plain_order
    fill(numbers, uniform_words(stream, n))
    return numbers


def _plain_words(stream: Stream, size: int) -> Words:
    """The same words without a compiler: Philox4x32-10 on whole arrays of counters."""
    counter = np.arange(chunks(size) // 4, dtype=np.uint64)
    c = [counter, *(np.full_like(counter, int(word)) for word in stream[2:])]
    k0, k1 = (np.uint64(int(half)) for half in stream[:2])
    for _ in range(10):
        p, q = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(q >> np.uint64(32)) ^ c[1] ^ k0, q & LOW, (p >> np.uint64(32)) ^ c[3] ^ k1, p & LOW]
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & LOW, (k1 + np.uint64(0xBB67AE85)) & LOW
    # (word, chunk, lane) -> (chunk, word, lane)
    laid = np.stack(c).reshape(4, -1, 16).transpose(1, 0, 2)
    return laid.reshape(-1)[:size].astype(np.uint32)


def _plain_normals(stream: Stream, size: int) -> Floats:
    """The same normals without a compiler, to the rounding of float32."""
    laid = _plain_words(stream, chunks(size)).astype(np.float64).reshape(-1, 2, 2, 16)
    radius = np.sqrt(-2 * np.log((laid[:, :, 0] + 0.5) / 2**32))
    angle = 2 * np.pi * laid[:, :, 1] / 2**32 - np.pi / 4
    numbers = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)
    return numbers.reshape(-1)[:size].astype(np.float32)


def _plain_order(numbers: NDArray[np.int64], drawn: Words) -> None:
    """The same order without a compiler."""
    rows = list(range(len(numbers)))
    for i in range(len(rows) - 1, 0, -1):
        j = int(drawn[i]) * (i + 1) >> 32
        rows[i], rows[j] = rows[j], rows[i]
    numbers[:] = rows
