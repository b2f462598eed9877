"""Whose distribution a user's model is judged by, and the posterior of its own."""

from dataclasses import dataclass
from typing import Any

from howrobust.base.method import Posterior, Problem, Whose
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput
from howrobust.methods.wrappers.own_distribution.forms import predictive_of
from howrobust.methods.wrappers.own_distribution.ways import (
    require_a_point_or_distribution,
    stated,
    way_of,
)
from howrobust.methods.wrappers.torch_modules.trained_module import TrainedModule
from howrobust.methods.wrappers.torch_regressor import TorchRegressor
from howrobust.methods.wrappers.user_posteriors import StatedBy, own_posterior

NOISES = ("auto", "own", "residual", "cv_plus")


@dataclass(frozen=True)
class _StatedByUser:
    """The user's own function from a fitted model and X to its distribution."""

    function: Any

    def __call__(self, model: Any, X: Any, least_sd: float) -> Predictive:
        return predictive_of(self.function(model, X), len(X), least_sd)


def posterior_of_own(model: Any, problem: Problem, distribution: Any) -> Posterior:
    """Return the posterior of a fitted model that is judged by its own distribution.

    Parameters
    ----------
    model : object
        The fitted model.
    problem : Problem
        Rows that it learnt from.
    distribution : callable or None
        The user's function from the model and X to its distribution; None: the model is asked.

    Returns
    -------
    Posterior
        What it leaves behind.
    """
    if distribution is None and isinstance(model, TorchRegressor | TrainedModule):
        return model.posterior(problem)
    by: StatedBy = stated if distribution is None else _StatedByUser(distribution)
    return own_posterior(model, problem, by, differentiable=distribution is None)


def stated_by(model: Any, distribution: Any) -> str:
    """Return where a model's own distribution comes from.

    Parameters
    ----------
    model : object
        The model.
    distribution : callable or None
        The user's function, if any.

    Returns
    -------
    str
        "distribution=", or what is called, such as "predict(X, return_std=True)"; empty where the
        model states none.
    """
    way = way_of(model)
    return "distribution=" if distribution is not None else way.call if way else ""


def whose_distribution(noise: str, model: Any, distribution: Any) -> Whose:
    """Return whose distribution is forecast.

    Parameters
    ----------
    noise : {"auto", "own", "residual", "cv_plus"}
        What was asked for.
    model : object
        The model.
    distribution : callable or None
        The user's function from the fitted model and X to its distribution, if any.

    Returns
    -------
    {"own", "residual", "cv_plus"}
        Whose it is.

    Raises
    ------
    BadInput
        For another ``noise``, and for a model that has no distribution to judge.
    """
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
