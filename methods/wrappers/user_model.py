"""A user's own regressor: judged by its own distribution, or by how far it was off."""

from functools import partial
from math import inf
from typing import Any

import numpy as np
from torch import nn

from howrobust import seeds
from howrobust.base.method import Posterior, Problem, SingleMethod, Whose
from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.methods.core.engines.training_job import Rows
from howrobust.methods.shuffled_cv import folds
from howrobust.methods.wrappers.admission.kept_state import (
    LEAST,
    MOST_NUMBERS,
    learns_nothing,
    numbers_held,
    require_new_weights,
    share_known,
)
from howrobust.methods.wrappers.out_of_fold import out_of_fold
from howrobust.methods.wrappers.own_distribution.judged import (
    posterior_of_own,
    stated_by,
    whose_distribution,
)
from howrobust.methods.wrappers.own_distribution.ways import Prediction
from howrobust.methods.wrappers.own_streams import own_streams
from howrobust.methods.wrappers.regressors import Conformal, CrossConformal, Regressor
from howrobust.methods.wrappers.seeding import pinned_names, seed_names, started
from howrobust.methods.wrappers.torch_regressor import TorchRegressor
from howrobust.methods.wrappers.user_posteriors import (
    FoldsPosterior,
    PointPosterior,
    answers,
    given,
    rows_of,
)

CALIBRATION_SHARE = 5  # one row in so many is for conformal calibration


class UserModel(SingleMethod):
    """Any regressor with ``fit(X, y)`` and ``predict(X)``, such as a scikit-learn pipeline.

    What is fitted is a clone (`sklearn.base.clone`; a deep copy of what has no ``get_params``), and
    ``estimator`` stays as it was given. Every setting of the clone that is a seed, of nested
    estimators too, is set from the problem's seed, whatever it was
    (`howrobust.methods.wrappers.seeding.seed_names`), and what draws from the global generators of
    Python, NumPy and torch draws from streams of that seed (`own_streams`). A problem with a
    ``frame`` is handed over as its table, any other as an array (n, d). A conformal model with
    ``conformalize`` is fitted on four fifths of the rows and calibrated on the others, drawn from
    the problem's seed.

    ``noise="own"``: one fit on all rows, which forecasts by the distribution that it states:
    ``distribution(model, X)``, or else the first of
    `howrobust.methods.wrappers.own_distribution.ways.WAYS` that it has.
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
    deterministic : bool, default False
        Whether the estimator claims that a fit depends on its rows and settings alone.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    keeps_target = True
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
        deterministic: bool = False,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.n_folds = n_folds
        self.noise = noise
        self.distribution = distribution
        self.deterministic = deterministic
        self.random_state = random_state

    @property
    def takes_tables(self) -> bool:
        """Whether it is given tables: all but a torch module alone, which takes numbers."""
        return not isinstance(self.estimator, TorchRegressor)

    def whose_distribution(self) -> Whose:
        return whose_distribution(self.noise, self.estimator, self.distribution)

    def stated_by(self) -> str:
        """Return where its own distribution comes from.

        Returns
        -------
        str
            "distribution=", or what is called, such as "predict(X, return_std=True)"; empty where
            the estimator states none.
        """
        return stated_by(self.estimator, self.distribution)

    def restarts(self) -> str:
        if self.deterministic:
            return super().restarts()
        named, pinned = seed_names(self.estimator), pinned_names(self.estimator)
        why = "no seed was reachable (no setting is called random_state, seed or *_seed)"
        if named:
            why = f"its seeds ({', '.join(named)}) were set, and change nothing"
        if pinned:
            why += f"; {', '.join(pinned)} is pinned"
        return f"{why}; if the model is deterministic, say so with deterministic=True"

    def infer(self, problem: Problem) -> Posterior:
        words, whose, n = self.settings(), self.whose_distribution(), len(problem.y)
        if whose == "own":
            whole = self._fitted(problem, np.arange(n))
            return posterior_of_own(whole, problem, self.distribution)
        held = folds(n, words["n_folds"], 1, problem.seed)
        models = [self._fitted(problem, np.delete(np.arange(n), out)) for out in held]
        residuals, fold = np.full(n, np.nan), np.empty(n, dtype=np.int64)
        for k, (model, out) in enumerate(zip(models, held, strict=True)):
            forecast = partial(_predicted, model, problem)
            rows, predictions = out_of_fold(forecast, problem, out)
            residuals[rows], fold[rows] = np.abs(problem.y[rows] - predictions), k
        known = np.isfinite(residuals)
        residuals, fold = residuals[known], fold[known]
        if whose == "cv_plus":
            return FoldsPosterior(models, problem, residuals, fold)
        whole = self._fitted(problem, np.arange(n))
        return PointPosterior(Prediction(whole), problem, residuals)

    def require_fresh_start(self, problem: Problem) -> str:
        """Check that the estimator has learnt nothing of the target before it is fitted.

        A function that is written down, such as a formula, may know it: its ``fit`` learns nothing,
        and it holds no more than `MOST_NUMBERS` numbers.

        Parameters
        ----------
        problem : Problem
            Rows to be fitted.

        Returns
        -------
        str
            What is known of a function that is written down; empty for any other estimator.

        Raises
        ------
        BadInput
            For an estimator with state that outlives a clone; the message names it.
        Exception
            What the estimator raises.
        """
        name = type(self.estimator).__name__
        if isinstance(self.estimator, TorchRegressor):
            make = self.estimator.module
            if not isinstance(make, nn.Module):
                name = getattr(make, "__name__", repr(make))
                require_new_weights(make, problem.X.shape[1], f"{name}()")

        def fit_and_predict(part: Problem, others: Problem) -> Array:
            model = self._fitted(part, np.arange(len(part.y)))
            return answers(Prediction(model), part.frame, others.X, part.seed, others.index)

        share = share_known(problem, fit_and_predict)
        if share < LEAST:
            return ""
        known = (
            f"{name} knows the target before it is fitted: fitted to targets that hold nothing, it "
            f"explains {100 * share:.0f} % of the variance of rows that it was not given"
        )
        if numbers_held(self.estimator) > MOST_NUMBERS or not learns_nothing(
            problem, fit_and_predict
        ):
            raise BadInput(
                f"{known}; let fit start afresh (no learnt weights, no cache, no warm start), or "
                "say pretrained=True if it learnt that elsewhere, or fitted=True if it is not to "
                "be fitted"
            )
        return f"{known}; its fit learns nothing, so that only a formula can be judged so"

    def _fitted(self, problem: Problem, rows: Rows) -> Regressor:
        """Fit a clone on these rows, its random states from the problem's seed."""
        if isinstance(self.estimator, type):
            name = self.estimator.__name__
            raise BadInput(f"the estimator is the class {name}; give an instance of it, {name}()")
        model: Regressor = started(self.estimator, problem.seed)
        with own_streams(seeds.derive(problem.seed, "estimator")):
            _learn(model, problem, rows)
        return model


def _learn(model: Any, problem: Problem, rows: Rows) -> None:
    """Fit a model on these rows; calibrate a conformal one on those that it did not learn."""
    part = rows_of(problem, rows)
    if isinstance(model, CrossConformal):
        model.fit_conformalize(*_table_and_target(part))
    elif isinstance(model, Conformal):
        apart = folds(len(part.y), CALIBRATION_SHARE, 1, problem.seed)[0]
        learnt = np.delete(np.arange(len(part.y)), apart)
        model.fit(*_table_and_target(rows_of(part, learnt)))
        model.conformalize(*_table_and_target(rows_of(part, apart)))
    else:
        model.fit(*_table_and_target(part))


def _predicted(model: Any, problem: Problem, rows: Rows) -> Array:
    """Return a model's predictions (m,) of some rows of a problem."""
    part = rows_of(problem, rows)
    return answers(Prediction(model), part.frame, part.X, part.seed, part.index)


def _table_and_target(part: Problem) -> tuple[Any, Array]:
    return given(part.frame, part.X, part.index), part.y
