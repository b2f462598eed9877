"""Reference methods from scikit-learn: is a network needed at all?

Both come through the third-party door, `SingleMethod`.
"""

import warnings
from math import inf
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import BayesianRidge as SklearnBayesianRidge
from sklearn.preprocessing import StandardScaler

from howrobust import seeds
from howrobust.method import Posterior, Problem, SingleMethod
from howrobust.predictive import Array, GaussianMixture, Predictive


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
        return _fitted(model, problem.X[rows], problem.y[rows])


class BayesianRidge(SingleMethod):
    """Bayesian linear regression with precisions by evidence (MacKay 1992)."""

    components = "one Gaussian"
    noise_model = "constant; by marginal likelihood"

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        return _fitted(SklearnBayesianRidge(), problem.X, problem.y)


def _fitted(model: Any, X: Array, y: Array) -> "StandardisedPosterior":
    scaler = StandardScaler().fit(X)
    y_mean, y_sd = float(y.mean()), float(y.std() or 1.0)
    with warnings.catch_warnings():
        # A hyperparameter at its bound is a valid, if dull, optimum; results are scored anyway.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaler.transform(X), (y - y_mean) / y_sd)
    return StandardisedPosterior(model, scaler, y_mean, y_sd)


class StandardisedPosterior(Posterior):
    """A fitted scikit-learn regressor whose ``predict`` returns (mean, sd), and its scalings."""

    def __init__(self, model: Any, scaler: StandardScaler, y_mean: float, y_sd: float) -> None:
        self.model = model
        self.scaler = scaler
        self.y_mean = y_mean
        self.y_sd = y_sd

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        mean, sd = self.model.predict(self.scaler.transform(X), return_std=True)
        sd = np.maximum(sd, 1e-9)
        return GaussianMixture(self.y_mean + self.y_sd * mean[None], self.y_sd * sd)
