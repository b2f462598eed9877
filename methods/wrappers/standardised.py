"""Regressors of scikit-learn that state a mean and an sd, on standardised rows."""

import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from howrobust.base.method import DifferentiablePosterior
from howrobust.distributions.arrays import Array
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.predictive import Predictive


class StandardisedPosterior(DifferentiablePosterior):
    """Posterior of a fitted scikit-learn regressor that predicts a mean and an sd.

    Parameters
    ----------
    model : regressor
        A fitted regressor whose ``predict(Z, return_std=True)`` returns mean and sd.
    scaler : StandardScaler
        Scaler of the inputs.
    y_mean, y_sd : float
        Mean and sd of the training target.
    """

    def __init__(self, model: Any, scaler: StandardScaler, y_mean: float, y_sd: float) -> None:
        self.model = model
        self.scaler = scaler
        self.y_mean = y_mean
        self.y_sd = y_sd

    @abstractmethod
    def slopes(self, Z: Array) -> tuple[Array, Array]:
        """Compute the gradients of the model's mean and of its variance.

        Parameters
        ----------
        Z : ndarray, shape (n, d)
            Standardised inputs.

        Returns
        -------
        tuple of ndarray, shape (n, d)
            Gradients of the mean and of the variance with respect to Z, standardised.
        """

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


def fit_standardised(
    kind: type[StandardisedPosterior], model: Any, X: Array, y: Array
) -> StandardisedPosterior:
    """Fit a scikit-learn regressor on standardised rows.

    Parameters
    ----------
    kind : type of StandardisedPosterior
        What the fitted regressor becomes.
    model : regressor
        A regressor whose ``predict`` returns mean and sd; it is fitted in place.
    X : ndarray, shape (n, d)
        Inputs.
    y : ndarray, shape (n,)
        Target.

    Returns
    -------
    StandardisedPosterior
        The posterior, in target units.
    """
    scaler = StandardScaler().fit(X)
    y_mean, y_sd = float(y.mean()), float(y.std() or 1.0)
    with warnings.catch_warnings():
        # A hyperparameter at its bound is a valid optimum.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaler.transform(X), (y - y_mean) / y_sd)
    return kind(model, scaler, y_mean, y_sd)
