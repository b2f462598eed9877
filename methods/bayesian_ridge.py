"""Bayesian ridge regression: a linear reference method."""

from typing import Any

import numpy as np
from sklearn.linear_model import BayesianRidge as LinearModel

from howrobust.base.method import Posterior, Problem, SingleMethod
from howrobust.distributions.arrays import Array
from howrobust.methods.wrappers.standardised import StandardisedPosterior, fit_standardised


class BayesianRidge(SingleMethod):
    """Bayesian linear regression with precisions by maximum evidence.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default None
        Not used: the fit is deterministic.

    Notes
    -----
    MacKay 1992, "Bayesian interpolation".
    """

    components = "one Gaussian"
    noise_model = "constant; by marginal likelihood"
    deterministic = True

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        return fit_standardised(RidgePosterior, LinearModel(), problem.X, problem.y)


class RidgePosterior(StandardisedPosterior):
    """Posterior of Bayesian ridge regression.

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
    For weights w ~ N(m, S) the mean z'm is linear and the variance z'Sz + noise quadratic. Training
    rows are standardised, so that scikit-learn's offset of z is 0.
    """

    def slopes(self, Z: Array) -> tuple[Array, Array]:
        return np.broadcast_to(self.model.coef_, Z.shape), 2 * Z @ self.model.sigma_
