"""Seeds derived by name.

Law 5: a seed is the hash of the parts that matter and is handed down as an argument; nothing reads
or sets a global generator. Seeds of the same name are equal everywhere, whatever ran before and
for any number of workers.
"""

import hashlib

import numpy as np


def derive(seed: int, *parts: str | int | float) -> int:
    """Return the seed named by ``parts`` under ``seed``.

    Parameters
    ----------
    seed : int
        The seed that it derives from.
    *parts : str, int or float
        The name. Parts are hashed with their types: ``derive(0, 1)`` is not ``derive(0, "1")``.

    Returns
    -------
    int
        A seed of 63 bits.

    Examples
    --------
    >>> derive(0, "fit", "quintic", 3) == derive(0, "fit", "quintic", 3)
    True
    >>> derive(0, "fit", "quintic", 3) == derive(0, "fit", "quintic", "3")
    False
    """
    name = repr((int(seed), *parts)).encode()
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "little") >> 1


def generator(seed: int, *parts: str | int | float) -> np.random.Generator:
    """Return a new NumPy generator on the seed named by ``parts``.

    Parameters
    ----------
    seed : int
        The seed that it derives from.
    *parts : str, int or float
        The name, as in `derive`.

    Returns
    -------
    numpy.random.Generator
        The generator.
    """
    return np.random.default_rng(derive(seed, *parts))
