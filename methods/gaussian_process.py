"""Reference methods from scikit-learn: is a network needed at all?

Both come through the third-party door, `SingleMethod`.
"""

import warnings
from abc import abstractmethod
from math import inf
from typing import Any

import numpy as np
from scipy.linalg import cho_solve
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import BayesianRidge as SklearnBayesianRidge
from sklearn.preprocessing import StandardScaler

from howrobust import seeds
from howrobust.base.method import DifferentiablePosterior, Posterior, Problem, SingleMethod
from howrobust.distributions.predictive import Array, GaussianMixture, Predictive


class GaussianProcess(SingleMethod):
    """Gaussian process with an isotropic squared-exponential kernel and learned noise.

    Inputs and target are standardised by the training rows. Above ``max_rows`` rows the model is
    that of a random subset of so many rows: its cost grows with their cube.
    """

    components = "one Gaussian"
    noise_model = "constant; by marginal likelihood"
    LIMITS = {"max_rows": (1, inf)}

    def __init__(self, max_rows: int = 1000, random_state: Any = None) -> None:
        self.max_rows = max_rows
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        order = seeds.generator(problem.seed, "rows").permutation(len(problem.y))
        rows = order[: self.max_rows]
        kernel = ConstantKernel(1.0, (1e-3, 1e4)) * RBF(1.0, (1e-2, 1e3)) + WhiteKernel(
            0.1, (1e-6, 1e1)
        )
        model = GaussianProcessRegressor(kernel, random_state=0)
        return _fitted(ProcessPosterior, model, problem.X[rows], problem.y[rows])


class BayesianRidge(SingleMethod):
    """Bayesian linear regression with precisions by evidence (MacKay 1992)."""

    components = "one Gaussian"
    noise_model = "constant; by marginal likelihood"

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        return _fitted(RidgePosterior, SklearnBayesianRidge(), problem.X, problem.y)


def _fitted(kind: "type[StandardisedPosterior]", model: Any, X: Array, y: Array) -> Posterior:
    scaler = StandardScaler().fit(X)
    y_mean, y_sd = float(y.mean()), float(y.std() or 1.0)
    with warnings.catch_warnings():
        # A hyperparameter at its bound is a valid, if dull, optimum; results are scored anyway.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaler.transform(X), (y - y_mean) / y_sd)
    return kind(model, scaler, y_mean, y_sd)


class StandardisedPosterior(DifferentiablePosterior):
    """A fitted scikit-learn regressor whose ``predict`` returns (mean, sd), and its scalings."""

    def __init__(self, model: Any, scaler: StandardScaler, y_mean: float, y_sd: float) -> None:
        self.model = model
        self.scaler = scaler
        self.y_mean = y_mean
        self.y_sd = y_sd

    @abstractmethod
    def slopes(self, Z: Array) -> tuple[Array, Array]:
        """Gradients (n, d) of the model's mean and of its variance at standardised Z (n, d)."""

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        mean, sd = self._moments(self.scaler.transform(X))
        return GaussianMixture(self.y_mean + self.y_sd * mean[None], self.y_sd * sd)

    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        Z = self.scaler.transform(X)
        mean, sd = self._moments(Z)
        of_mean, of_variance = np.stack(self.slopes(Z)) / self.scaler.scale_
        error, variance = ((y - self.y_mean) / self.y_sd - mean)[:, None], sd[:, None] ** 2
        square = -2 * self.y_sd**2 * error * of_mean
        nll = 0.5 * of_variance * (1 - error**2 / variance) / variance - error * of_mean / variance
        return square, nll

    def _moments(self, Z: Array) -> tuple[Array, Array]:
        mean, sd = self.model.predict(Z, return_std=True)
        return mean, np.maximum(sd, 1e-9)


class RidgePosterior(StandardisedPosterior):
    """Weights w ~ N(m, S) and noise: the mean z'm is linear, the variance z'Sz + noise quadratic.

    The training rows are standardised, so that scikit-learn's offset of z is 0.
    """

    def slopes(self, Z: Array) -> tuple[Array, Array]:
        return np.broadcast_to(self.model.coef_, Z.shape), 2 * Z @ self.model.sigma_


class ProcessPosterior(StandardisedPosterior):
    """Mean k'a and variance k(z, z) - k'K^-1 k, k being the kernel's values (m,) at training rows.

    A squared exponential has dk/dz = -(z - z_j) k / length^2, so that the variance has
    -2 sum_j (K^-1 k)_j dk_j/dz (Rasmussen & Williams 2006, eq. 2.25 and 2.26).
    """

    def slopes(self, Z: Array) -> tuple[Array, Array]:
        smooth, rows = self.model.kernel_.k1, self.model.X_train_
        k = smooth(Z, rows)

        def contracted(weights: Array) -> Array:
            """Sum over training rows of weights (n, m) | (m,) times dk/dz: (n, d)."""
            each = weights * k
            pulled = each @ rows - each.sum(axis=1)[:, None] * Z
            return np.asarray(pulled / smooth.k2.length_scale**2, np.float64)

        whitened = cho_solve((self.model.L_, True), k.T).T
        return contracted(self.model.alpha_), -2 * contracted(whitened)
