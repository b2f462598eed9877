"""Seeds derived by name.

Law 5: a seed is the hash of the parts that matter and is handed down as an argument; nothing reads
or sets a global generator. Two seeds that share a name are the same everywhere, whatever ran
before and on however many workers.
"""

import hashlib

import numpy as np


def derive(seed: int, *parts: str | int | float) -> int:
    """Return the 63-bit seed named by ``parts`` under ``seed``.

    The parts are hashed with their types, so that ``derive(0, 1)`` and ``derive(0, "1")`` differ.

    >>> derive(0, "fit", "quintic", 3) == derive(0, "fit", "quintic", 3)
    True
    >>> derive(0, "fit", "quintic", 3) == derive(0, "fit", "quintic", "3")
    False
    """
    name = repr((int(seed), *parts)).encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "little") >> 1


def generator(seed: int, *parts: str | int | float) -> np.random.Generator:
    """Return a fresh NumPy generator on the seed named by ``parts``."""
    return np.random.default_rng(derive(seed, *parts))
