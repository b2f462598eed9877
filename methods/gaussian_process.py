"""Gaussian process regression: a nonparametric reference method."""

from math import inf
from typing import Any

import numpy as np
from scipy.linalg import cho_solve
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from howrobust import seeds
from howrobust.base.method import Posterior, Problem, SingleMethod
from howrobust.distributions.arrays import Array
from howrobust.methods.wrappers.standardised import StandardisedPosterior, fit_standardised


class GaussianProcess(SingleMethod):
    """Gaussian process with an isotropic squared-exponential kernel and learned noise.

    Inputs and target are standardised by the training rows.

    Parameters
    ----------
    max_rows : int, default 1000
        Rows above which the model is that of a random subset of so many rows: the cost of a fit
        grows with their cube.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.

    Notes
    -----
    Hyperparameters maximise the marginal likelihood (Rasmussen & Williams 2006, eq. 5.8).
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
        return fit_standardised(ProcessPosterior, model, problem.X[rows], problem.y[rows])


class ProcessPosterior(StandardisedPosterior):
    """Posterior of a Gaussian process.

    Parameters
    ----------
    model : regressor
        A fitted regressor whose ``predict(Z, return_std=True)`` returns mean and sd.
    scaler : StandardScaler
        Scaler of the inputs.
    y_mean, y_sd : float
        Mean and sd of the training target.

    Notes
    -----
    The mean is k'a and the variance k(z, z) - k'K^-1 k, k being the kernel's values (m,) at the
    training rows (Rasmussen & Williams 2006, eq. 2.25, 2.26). A squared exponential has
    dk/dz = -(z - z_j) k / length^2, so the gradient of the variance is -2 sum_j (K^-1 k)_j dk_j/dz.
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
