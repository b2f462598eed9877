"""Streams of random numbers for code that draws from global generators."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def own_streams(seed: int) -> Iterator[None]:
    """Give what draws from the global generators of Python, NumPy and torch streams of its own.

    Users' modules draw their start and their masks from torch's, and some of scikit-learn's
    estimators, such as `sklearn.svm.SVR`, draw from NumPy's without a setting: they take no other.
    This is the one place that seeds them; torch has one thread within. All are as they were
    afterwards, those of graphics cards that are in use too.

    Parameters
    ----------
    seed : int
        Seed of the streams.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - to be put back
    threads = torch.get_num_threads()
    in_use: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    cards = range(torch.cuda.device_count() if in_use else 0)
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=cards):
            torch.default_generator.manual_seed(seed)
            if cards:
                torch.cuda.manual_seed_all(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002 - NumPy's seeds have 32 bits
            random.seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_num_threads(threads)
