import numpy as np
import pytest
import torch

from howrobust.base.method import Problem


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def problems():
    """Three problems of different sizes, features on different scales."""
    found = []
    for seed, n in enumerate((60, 47, 60)):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, 3)) * [1, 10, 0.1] + [0, 100, 5]
        y = 3 + 2 * X[:, 0] + np.sin(X[:, 1] / 10) + 0.2 * rng.normal(size=n)
        found.append(Problem(X, y, seed))
    return found
