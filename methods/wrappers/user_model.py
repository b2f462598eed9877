"""A user's own regressor: judged by its own distribution, or by how far it was off."""

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from sklearn.base import clone

from howrobust import seeds
from howrobust.base.method import Posterior, Problem, SingleMethod, Whose
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput
from howrobust.methods.core.engines.training_job import Rows
from howrobust.methods.shuffled_cv import folds
from howrobust.methods.wrappers.own_streams import own_streams
from howrobust.methods.wrappers.regressors import (
    Conformal,
    CrossConformal,
    Parametrised,
    Regressor,
)
from howrobust.methods.wrappers.stated_distribution import (
    Prediction,
    require_a_point_or_distribution,
    stated,
    way_of,
)
from howrobust.methods.wrappers.stated_forms import predictive_of
from howrobust.methods.wrappers.torch_modules.trained_module import TrainedModule
from howrobust.methods.wrappers.torch_regressor import TorchRegressor
from howrobust.methods.wrappers.user_posteriors import (
    FoldsPosterior,
    Function,
    PointPosterior,
    StatedBy,
    answers,
    given,
    own_posterior,
)

NOISES = ("auto", "own", "residual", "cv_plus")
CALIBRATION_SHARE = 5  # one row in so many is for conformal calibration


class UserModel(SingleMethod):
    """Any regressor with ``fit(X, y)`` and ``predict(X)``, such as a scikit-learn pipeline.

    What is fitted is a clone (`sklearn.base.clone`; a deep copy of what has no ``get_params``), and
    ``estimator`` stays as it was given. Every setting of the clone whose name ends in
    ``random_state``, of nested estimators too, is set from the problem's seed, whatever it was, and
    what draws from the global generators of Python, NumPy and torch draws from streams of that seed
    (`own_streams`). A problem with a ``frame`` is handed over as its table, any other as an array
    (n, d). A conformal model with ``conformalize`` is fitted on four fifths of the rows and
    calibrated on the others, drawn from the problem's seed.

    ``noise="own"``: one fit on all rows, which forecasts by the distribution that it states:
    ``distribution(model, X)``, or else the first of
    `howrobust.methods.wrappers.stated_distribution.WAYS` that it has.
    ``noise="residual"``: the prediction is that of a fit on all rows, and its noise a constant
    Gaussian whose sd is the root mean square of out-of-fold residuals, over ``n_folds`` folds of
    one shuffle of the rows. ``noise="cv_plus"``: the models of those folds make `CVPlus` intervals,
    which have no density, and nothing is fitted on all rows; residuals under the noise floor count
    as the floor, which only widens an interval. ``noise="auto"``: own where the estimator states a
    distribution, residual where it states none.

    Raises what the estimator raises, and ValueError where its predictions are not one finite number
    per row, or there are more folds than rows; BadInput for an estimator that states one quantile
    alone, and for ``noise="own"`` where it states no distribution.

    Parameters
    ----------
    estimator : regressor
        Regressor with ``fit`` and ``predict``.
    n_folds : int, default 5
        Folds of the out-of-fold residuals.
    noise : {"auto", "own", "residual", "cv_plus"}, default "auto"
        Whose distribution is forecast.
    distribution : callable, optional
        Takes the fitted estimator and X, and returns (mean, sd), a `Predictive` or a frozen
        distribution of `scipy.stats`.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    components = "one prediction, one per fold (cv_plus), or as the model states them (own)"
    noise_model = (
        "as the model states it (own); constant, root mean square of out-of-fold residuals "
        "(residual); none (cv_plus)"
    )
    LIMITS = {"n_folds": (1, inf)}

    def __init__(
        self,
        estimator: Regressor,
        n_folds: int = 5,
        noise: str = "auto",
        distribution: Any = None,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_folds = n_folds
        self.noise = noise
        self.distribution = distribution
        self.random_state = random_state

    def whose_distribution(self) -> Whose:
        return _whose(self.noise, self.estimator, self.distribution)

    def stated_by(self) -> str:
        """Return where its own distribution comes from.

        Returns
        -------
        str
            "distribution=", or what is called, such as "predict(X, return_std=True)"; empty where
            the estimator states none.
        """
        return _stated_by(self.estimator, self.distribution)

    def infer(self, problem: Problem) -> Posterior:
        words, whose, n = self.settings(), self.whose_distribution(), len(problem.y)
        if whose == "own":
            whole = self._fitted(problem, np.arange(n))
            return _own(whole, problem, self.distribution)
        held = folds(n, words["n_folds"], 1, problem.seed)
        models = [self._fitted(problem, np.delete(np.arange(n), out)) for out in held]
        residuals, fold = np.empty(n), np.empty(n, dtype=np.int64)
        for k, (model, out) in enumerate(zip(models, held, strict=True)):
            predictions = answers(Prediction(model), problem.frame, problem.X[out], problem.seed)
            residuals[out], fold[out] = np.abs(problem.y[out] - predictions), k
        if whose == "cv_plus":
            return FoldsPosterior(models, problem, residuals, fold)
        whole = self._fitted(problem, np.arange(n))
        return PointPosterior(Prediction(whole), problem, residuals)

    def _fitted(self, problem: Problem, rows: Rows) -> Regressor:
        """Fit a clone on these rows, its random states from the problem's seed."""
        if isinstance(self.estimator, type):
            name = self.estimator.__name__
            raise BadInput(f"the estimator is the class {name}; give an instance of it, {name}()")
        model: Regressor = clone(self.estimator, safe=False)
        if isinstance(model, Parametrised):
            states = [name for name in model.get_params() if name.endswith("random_state")]
            # scikit-learn's seeds have 32 bits.
            drawn = {s: seeds.derive(problem.seed, "estimator", s) % 2**32 for s in states}
            model.set_params(**drawn)
        with own_streams(seeds.derive(problem.seed, "estimator")):
            _learn(model, problem, rows)
        return model


def _learn(model: Any, problem: Problem, rows: Rows) -> None:
    """Fit a model on these rows; calibrate a conformal one on those that it did not learn."""
    X, y = problem.X[rows], problem.y[rows]
    if isinstance(model, CrossConformal):
        model.fit_conformalize(given(problem.frame, X), y)
    elif isinstance(model, Conformal):
        apart = folds(len(y), CALIBRATION_SHARE, 1, problem.seed)[0]
        learnt = np.delete(np.arange(len(y)), apart)
        model.fit(given(problem.frame, X[learnt]), y[learnt])
        model.conformalize(given(problem.frame, X[apart]), y[apart])
    else:
        model.fit(given(problem.frame, X), y)


class FittedModel(SingleMethod):
    """A model that is fitted already: a function of X (n, d), or an object with ``predict``.

    What it predicts is (n,) or (n, 1). Nothing is fitted but its noise, where it states no
    distribution: a constant Gaussian whose sd is the root mean square residual on the problem's
    rows. The model must never have seen those rows, nor the rows that are forecast: otherwise its
    sd and its scores are those of a memory. A problem with a ``frame`` is handed over as its table.

    Parameters
    ----------
    model : callable or object
        Function from X (n, d) to (n,) or (n, 1), or an object with ``predict``.
    noise : {"auto", "own", "residual"}, default "auto"
        Whose distribution is forecast, as in `UserModel`.
    distribution : callable, optional
        Takes the model and X, as in `UserModel`.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    components = "one prediction, or as the model states them (own)"
    noise_model = (
        "as the model states it (own); constant, root mean square of residuals on rows that it "
        "never saw (residual)"
    )
    refits = False

    def __init__(
        self,
        model: Any,
        noise: str = "auto",
        distribution: Any = None,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.noise = noise
        self.distribution = distribution
        self.random_state = random_state

    def whose_distribution(self) -> Whose:
        if self.noise == "cv_plus":
            raise BadInput('noise="cv_plus" refits a model on folds; a fitted model has "residual"')
        return _whose(self.noise, self.model, self.distribution)

    def stated_by(self) -> str:
        """Return where its own distribution comes from.

        Returns
        -------
        str
            As of `UserModel`.
        """
        return _stated_by(self.model, self.distribution)

    def infer(self, problem: Problem) -> Posterior:
        if self.whose_distribution() == "own":
            return _own(self.model, problem, self.distribution)
        predicts = callable(getattr(self.model, "predict", None))
        function: Function = Prediction(self.model) if predicts else self.model
        residuals = problem.y - answers(function, problem.frame, problem.X, problem.seed)
        return PointPosterior(function, problem, residuals)


@dataclass(frozen=True)
class _StatedByUser:
    """The user's own function from a fitted model and X to its distribution."""

    function: Any

    def __call__(self, model: Any, X: Any, least_sd: float) -> Predictive:
        return predictive_of(self.function(model, X), len(X), least_sd)


def _own(model: Any, problem: Problem, distribution: Any) -> Posterior:
    if distribution is None and isinstance(model, TorchRegressor | TrainedModule):
        return model.posterior(problem)
    by: StatedBy = stated if distribution is None else _StatedByUser(distribution)
    return own_posterior(model, problem, by, differentiable=distribution is None)


def _stated_by(model: Any, distribution: Any) -> str:
    way = way_of(model)
    return "distribution=" if distribution is not None else way.call if way else ""


def _whose(noise: str, model: Any, distribution: Any) -> Whose:
    """Whose distribution is forecast; BadInput for a model that has none to judge."""
    if noise not in NOISES:
        raise BadInput(f"noise must be one of {', '.join(NOISES)}, not {noise!r}")
    if distribution is not None:
        if not callable(distribution):
            raise BadInput(
                f"distribution must be a function of the fitted model and X, not {distribution!r}"
            )
        states = True
    else:
        require_a_point_or_distribution(model)
        states = way_of(model) is not None
    if noise == "own" and not states:
        raise BadInput(
            f"{type(model).__name__} states no distribution of its own; give one by distribution="
            'lambda model, X: (mean, sd), or leave out noise="own"'
        )
    if noise == "cv_plus":
        return "cv_plus"
    return "own" if states and noise != "residual" else "residual"
