"""What fitting a user's model leaves behind, by whose distribution it forecasts."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from howrobust.base.method import DifferentiablePosterior, Posterior, Problem
from howrobust.base.tables.frame import Frame, Labels
from howrobust.distributions.arrays import Array
from howrobust.distributions.closed_form import Normal
from howrobust.distributions.predictive import Predictive
from howrobust.methods.core.engines.training_job import Rows
from howrobust.methods.core.sampling.noise import noise_floor
from howrobust.methods.wrappers.cv_plus import CVPlus
from howrobust.methods.wrappers.own_distribution.forms import SMALLEST_SD
from howrobust.methods.wrappers.own_distribution.ways import Prediction
from howrobust.methods.wrappers.own_streams import own_streams

if TYPE_CHECKING:
    import pandas as pd

Function = Callable[["Array | pd.DataFrame"], Any]
StatedBy = Callable[[Any, Any, float], Predictive]  # fitted model, X, least sd


def given(frame: Frame | None, X: Array, index: Labels = None) -> "Array | pd.DataFrame":
    """Return X (n, d) as a model takes it: the frame's table, or a copy that may be written to.

    Parameters
    ----------
    frame : Frame or None
        How X stands for a table; None: an array.
    X : ndarray or DataFrame, shape (n, d)
        Inputs; with a frame they may be the table that they are.
    index : Index or ndarray, shape (n,), optional
        Labels of the rows of the table; None: the numbers from 0.

    Returns
    -------
    ndarray or DataFrame, shape (n, d)
        Inputs as the model takes them.
    """
    return X.copy() if frame is None else frame.decode(X, index)


def rows_of(problem: Problem, rows: Rows) -> Problem:
    """Return the problem of some of the rows, which keep their labels.

    Parameters
    ----------
    problem : Problem
        All rows.
    rows : ndarray of int64, shape (m,)
        Numbers of the rows.

    Returns
    -------
    Problem
        Those rows.
    """
    labels = rows if problem.index is None else problem.index[rows]
    return replace(problem, X=problem.X[rows], y=problem.y[rows], index=labels)


def answers(
    predict: Function, frame: Frame | None, X: Array, seed: int, index: Labels = None
) -> Array:
    """Return predictions (n,) at X (n, d), float64; ValueError for another shape or bad numbers.

    A model that draws, as one with dropout left on, draws from streams of the seed.

    Parameters
    ----------
    predict : callable
        Function from inputs to predictions.
    frame : Frame or None
        How X stands for a table; None: an array.
    X : ndarray, shape (n, d)
        Inputs.
    seed : int
        Seed of the draws.
    index : Index or ndarray, shape (n,), optional
        As of `given`.

    Returns
    -------
    ndarray, shape (n,)
        Predictions.

    Raises
    ------
    ValueError
        For another shape, or values that are not finite.
    """
    n = len(X)
    with own_streams(seed):
        predictions = np.asarray(predict(given(frame, X, index)), dtype=np.float64)
    if predictions.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"predict returned shape {predictions.shape} for {n} rows; it must return ({n},)"
        )
    bad = int(np.sum(~np.isfinite(predictions)))
    if bad:
        raise ValueError(f"predict returned {bad} values of {n} that are not finite")
    return predictions.reshape(n)


@runtime_checkable
class _HasGradients(Protocol):
    """A fitted model that knows the gradients of its losses, as torch modules do."""

    def gradients(self, X: Array, y: Array) -> tuple[Array, Array]:
        """Return the gradients of (y - mean)^2 and of the nll of each row, both (n, d).

        Parameters
        ----------
        X : array of shape (n, d)
            Inputs.
        y : array of shape (n,)
            Target.

        Returns
        -------
        square, nll : array of shape (n, d)
            The gradients with respect to X.
        """


class OwnPosterior(Posterior):
    """A fitted model that forecasts by the distribution that it states itself.

    Parameters
    ----------
    model : object
        The fitted model.
    problem : Problem
        Rows that it learnt from.
    stated : callable
        Returns the `Predictive` of (model, X, least sd). An sd below 1e-9 of the target's is raised
        to that, since a stated sd of 0 has no density.
    """

    def __init__(self, model: Any, problem: Problem, stated: StatedBy) -> None:
        self.model = model
        self.frame = problem.frame
        self.stated = stated
        self.least_sd = SMALLEST_SD * float(problem.y.std() or 1.0)

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        with own_streams(seed):
            return self.stated(self.model, given(self.frame, X), self.least_sd)


class DifferentiableOwnPosterior(OwnPosterior, DifferentiablePosterior):
    """The same of a model with ``gradients(X, y)``, on rows that it takes as arrays.

    Parameters
    ----------
    model, problem, stated : object
        As of `OwnPosterior`.
    """

    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        square, nll = self.model.gradients(X, y)
        return square, nll


def own_posterior(
    model: Any, problem: Problem, stated: StatedBy, differentiable: bool
) -> OwnPosterior:
    """Return what a model that states its own distribution leaves behind.

    Parameters
    ----------
    model : object
        The fitted model.
    problem : Problem
        Rows that it learnt from.
    stated : callable
        Returns the `Predictive` of (model, X, least sd).
    differentiable : bool
        Whether gradients that the model may have are those of what it states here.

    Returns
    -------
    OwnPosterior
        With gradients where the model has them and takes arrays.
    """
    has_gradients = differentiable and problem.frame is None and isinstance(model, _HasGradients)
    kind = DifferentiableOwnPosterior if has_gradients else OwnPosterior
    return kind(model, problem, stated)


class PointPosterior(Posterior):
    """A prediction and a constant noise sd, the root mean square of residuals (n,) or the floor.

    Parameters
    ----------
    predict : callable
        Function from inputs to predictions.
    problem : Problem
        Rows to learn from.
    residuals : ndarray, shape (n,)
        Residuals, in target units.
    """

    def __init__(self, predict: Function, problem: Problem, residuals: Array) -> None:
        self.predict = predict
        self.frame = problem.frame
        self.noise_floor = noise_floor(problem.y)
        self.noise_sd = max(float(np.sqrt(np.mean(residuals**2))), self.noise_floor)

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        mean = answers(self.predict, self.frame, X, seed)
        return Normal(mean, np.full(len(mean), self.noise_sd))

    def facts(self) -> dict[str, float | list[float]]:
        return {"noise_sd": self.noise_sd, "noise_floor": self.noise_floor}


class FoldsPosterior(Posterior):
    """The models of K folds, with the absolute residual (n,) and the fold (n,) of every row.

    Parameters
    ----------
    models : list of regressor
        Model of each fold.
    problem : Problem
        Rows to learn from.
    residuals : ndarray, shape (n,)
        Absolute residual of each row.
    fold : ndarray of int64, shape (n,)
        Fold of each row.
    """

    def __init__(self, models: list[Any], problem: Problem, residuals: Array, fold: Rows) -> None:
        self.models = models
        self.frame = problem.frame
        self.noise_floor = noise_floor(problem.y)
        self.residuals = np.maximum(residuals, self.noise_floor)
        self.fold = fold

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        means = [answers(Prediction(model), self.frame, X, seed) for model in self.models]
        return CVPlus(means, self.residuals, self.fold)

    def facts(self) -> dict[str, float | list[float]]:
        sd = float(np.sqrt(np.mean(self.residuals**2)))
        return {"noise_sd": sd, "noise_floor": self.noise_floor}
