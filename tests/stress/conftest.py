from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(frozen=True)
class LeastSquares:
    """Least squares with an intercept, fitted on X (n, d) and y (n,)."""

    X: np.ndarray
    y: np.ndarray

    @property
    def weights(self):
        centred = self.X - self.X.mean(axis=0)
        return np.linalg.lstsq(centred, self.y - self.y.mean(), rcond=None)[0]

    def squared_errors(self, stressed):
        """Squared errors (v, n) at v variants of the n rows, one after the other."""
        variants = stressed.reshape(-1, *self.X.shape)
        predicted = self.y.mean() + (variants - self.X.mean(axis=0)) @ self.weights
        return (self.y - predicted) ** 2

    def growth(self, stressed):
        """What the stress adds to the squared errors (v, n)."""
        return self.squared_errors(stressed) - self.squared_errors(self.X)


@pytest.fixture
def line():
    """Correlated features on different scales, and a target that is not quite a line."""
    rng = np.random.default_rng(0)
    mix = np.array([[1.0, 0.8, -0.5], [0.0, 0.6, 0.4], [0.0, 0.0, 0.7]])
    X = rng.normal(size=(20_000, 3)) @ mix * [1, 10, 0.1] + [0, 100, 5]
    y = 2 * X[:, 0] + 0.3 * X[:, 1] - 9 * X[:, 2] + np.sin(X[:, 0]) + 0.2 * rng.normal(size=20_000)
    X.flags.writeable = y.flags.writeable = False
    return LeastSquares(X, y)


@pytest.fixture
def rows():
    """Two hundred rows, no two alike."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(200, 3)), rng.normal(3, 2, size=200)
    X.flags.writeable = y.flags.writeable = False
    return X, y
