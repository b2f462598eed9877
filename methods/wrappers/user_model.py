"""A user's own regressor: what it predicts, with a distribution from how far it was off."""

from collections.abc import Callable
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from sklearn.base import clone

from howrobust import seeds
from howrobust.base.frames import Frame
from howrobust.base.method import Posterior, Problem, SingleMethod
from howrobust.distributions.arrays import Array
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput
from howrobust.methods.core.engines.training_job import Rows
from howrobust.methods.core.sampling.noise import noise_floor
from howrobust.methods.shuffled_cv import folds
from howrobust.methods.wrappers.cv_plus import CVPlus
from howrobust.methods.wrappers.out_of_fold import out_of_fold
from howrobust.methods.wrappers.torch_regressor import own_streams

if TYPE_CHECKING:
    import pandas as pd

NOISES = ("residual", "cv_plus")
Function = Callable[["Array | pd.DataFrame"], Any]


class _Regressor(Protocol):
    """What scikit-learn's regressors and pipelines, and those of others, have in common."""

    def fit(self, X: Any, y: Any) -> Any:
        """Learn from n rows; what it returns is not used.

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
            Inputs.
        y : array, shape (n,)
            Target.

        Returns
        -------
        object
            Not used.
        """

    def predict(self, X: Any) -> Any:
        """Return a number for each row, (n,) or (n, 1).

        Parameters
        ----------
        X : array or DataFrame, shape (n, d)
            Inputs.

        Returns
        -------
        array, shape (n,) or (n, 1)
            Predictions.
        """


@runtime_checkable
class _Parametrised(Protocol):
    """An estimator whose settings can be read and set by name, as scikit-learn's can."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the settings, with ``deep`` those of nested estimators too.

        Parameters
        ----------
        deep : bool, default True
            Include those of nested estimators.

        Returns
        -------
        dict
            Settings by name.
        """

    def set_params(self, **params: Any) -> Any:
        """Set some of them.

        Parameters
        ----------
        **params : object
            Settings by name.

        Returns
        -------
        object
            Not used.
        """


class UserModel(SingleMethod):
    """Any regressor with ``fit(X, y)`` and ``predict(X)``, such as a scikit-learn pipeline.

    What is fitted is a clone (`sklearn.base.clone`; a deep copy of what has no ``get_params``), and
    ``estimator`` stays as it was given. Every setting of the clone whose name ends in
    ``random_state``, of nested estimators too, is set from the problem's seed, whatever it was, and
    what draws from the global generators of Python, NumPy and torch draws from streams of that seed
    (`own_streams`). A problem with a ``frame`` is handed over as its table, any other as an array
    (n, d).

    ``noise="residual"``: the prediction is that of a fit on all rows, and its noise a constant
    Gaussian whose sd is the root mean square of out-of-fold residuals, over ``n_folds`` folds of
    one shuffle of the rows. ``noise="cv_plus"``: the models of those folds make `CVPlus` intervals,
    which have no density, and nothing is fitted on all rows; residuals under the noise floor count
    as the floor, which only widens an interval. A distribution that the estimator itself may have
    is not asked for.

    Raises what the estimator raises, and ValueError where its predictions are not one finite number
    per row, or there are more folds than rows.

    Parameters
    ----------
    estimator : regressor
        _Regressor with ``fit`` and ``predict``.
    n_folds : int, default 5
        Folds of the out-of-fold residuals.
    noise : {"residual", "cv_plus"}, default "residual"
        Constant Gaussian noise, or CV+ intervals.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    components = "one prediction (residual) or one per fold (cv_plus)"
    noise_model = "constant; root mean square of out-of-fold residuals (residual) or none (cv_plus)"
    takes_tables = True
    LIMITS = {"n_folds": (1, inf)}

    def __init__(
        self,
        estimator: _Regressor,
        n_folds: int = 5,
        noise: str = "residual",
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_folds = n_folds
        self.noise = noise
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        words = self.settings()
        if words["noise"] not in NOISES:
            raise ValueError(f"noise must be one of {NOISES}, not {words['noise']!r}")
        n = len(problem.y)
        held = folds(n, words["n_folds"], 1, problem.seed)
        models = [self._fitted(problem, np.delete(np.arange(n), out)) for out in held]
        residuals, fold = np.full(n, np.nan), np.empty(n, dtype=np.int64)
        for k, (model, out) in enumerate(zip(models, held, strict=True)):
            forecast = partial(answers, model.predict, problem.frame, seed=problem.seed)
            rows, predictions = out_of_fold(forecast, problem, out)
            residuals[rows], fold[rows] = np.abs(problem.y[rows] - predictions), k
        known = np.isfinite(residuals)
        residuals, fold = residuals[known], fold[known]
        if words["noise"] == "cv_plus":
            return FoldsPosterior(models, problem, residuals, fold)
        whole = self._fitted(problem, np.arange(n))
        return PointPosterior(whole.predict, problem, residuals)

    def _fitted(self, problem: Problem, rows: Rows) -> _Regressor:
        """Fit a clone on these rows, its random states from the problem's seed."""
        if isinstance(self.estimator, type):
            name = self.estimator.__name__
            raise BadInput(f"the estimator is the class {name}; give an instance of it, {name}()")
        model: _Regressor = clone(self.estimator, safe=False)
        if isinstance(model, _Parametrised):
            states = [name for name in model.get_params() if name.endswith("random_state")]
            # scikit-learn's seeds have 32 bits.
            drawn = {s: seeds.derive(problem.seed, "estimator", s) % 2**32 for s in states}
            model.set_params(**drawn)
        with own_streams(seeds.derive(problem.seed, "estimator")):
            model.fit(given(problem.frame, problem.X[rows]), problem.y[rows])
        return model


class FittedModel(SingleMethod):
    """A function of X (n, d) that returns (n,) or (n, 1): a model that is fitted already.

    Nothing is fitted but its noise: a constant Gaussian whose sd is the root mean square residual
    on the problem's rows. The model must never have seen those rows, nor the rows that are
    forecast: otherwise its sd and its scores are those of a memory. A problem with a ``frame`` is
    handed over as its table.

    Parameters
    ----------
    function : callable
        Function from X (n, d) to (n,) or (n, 1).
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    components = "one prediction"
    noise_model = "constant; root mean square of residuals on rows that it never saw"
    refits = False
    takes_tables = True

    def __init__(self, function: Function, random_state: Any = None) -> None:
        self.function = function
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        residuals = problem.y - answers(self.function, problem.frame, problem.X, problem.seed)
        return PointPosterior(self.function, problem, residuals)


def given(frame: Frame | None, X: Array) -> "Array | pd.DataFrame":
    """Return X (n, d) as a model takes it: the frame's table, or a copy that may be written to.

    Parameters
    ----------
    frame : Frame or None
        How X stands for a table; None: an array.
    X : ndarray, shape (n, d)
        Inputs.

    Returns
    -------
    ndarray or DataFrame, shape (n, d)
        Inputs as the model takes them.
    """
    return X.copy() if frame is None else frame.decode(X)


def answers(predict: Function, frame: Frame | None, X: Array, seed: int) -> Array:
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
        predictions = np.asarray(predict(given(frame, X)), dtype=np.float64)
    if predictions.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"predict returned shape {predictions.shape} for {n} rows; it must return ({n},)"
        )
    bad = int(np.sum(~np.isfinite(predictions)))
    if bad:
        raise ValueError(f"predict returned {bad} values of {n} that are not finite")
    return predictions.reshape(n)


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
        return GaussianMixture(answers(self.predict, self.frame, X, seed)[None], self.noise_sd)

    def facts(self) -> dict[str, float | list[float]]:
        return {"noise_sd": self.noise_sd, "noise_floor": self.noise_floor}


class FoldsPosterior(Posterior):
    """The models of K folds, with the absolute residual (n,) and the fold (n,) of every row.

    Parameters
    ----------
    models : list of _Regressor
        Model of each fold.
    problem : Problem
        Rows to learn from.
    residuals : ndarray, shape (n,)
        Absolute residual of each row.
    fold : ndarray of int64, shape (n,)
        Fold of each row.
    """

    def __init__(
        self, models: list[_Regressor], problem: Problem, residuals: Array, fold: Rows
    ) -> None:
        self.models = models
        self.frame = problem.frame
        self.noise_floor = noise_floor(problem.y)
        self.residuals = np.maximum(residuals, self.noise_floor)
        self.fold = fold

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        means = [answers(model.predict, self.frame, X, seed) for model in self.models]
        return CVPlus(means, self.residuals, self.fold)

    def facts(self) -> dict[str, float | list[float]]:
        sd = float(np.sqrt(np.mean(self.residuals**2)))
        return {"noise_sd": sd, "noise_floor": self.noise_floor}
