"""The distribution that a model states itself: how it is asked for it, in a fixed order.

No package of those models is imported: a model is asked by its attributes and signatures. The order
is that of `WAYS`: ``predict_distribution(X)`` (howrobust), ``pred_dist(X)`` (NGBoost),
``predict_proba(X)`` beside ``predict_quantiles`` (skpro), ``predict(X, return_std=True)``
(scikit-learn), ``predict(X, quantiles=...)`` (quantile-forest), ``predict_quantiles(X, levels)``,
``predict_interval(X)`` (MAPIE), and predictions of several columns: mean and variance (CatBoost
with RMSEWithUncertainty) or quantiles (XGBoost and CatBoost with several levels).
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput
from howrobust.methods.wrappers import stated_forms as forms

Ask = Callable[[Any, Any, float], Predictive]  # model, X, least sd


@dataclass(frozen=True)
class Way:
    """How a model is asked for its distribution.

    Parameters
    ----------
    call : str
        What is called, as sentences name it.
    applies : callable
        Whether a model can be asked so; it need not be fitted.
    ask : callable
        From a fitted model, X and the least sd to a `Predictive`.
    in_columns : bool, default False
        Whether ``predict`` itself returns several columns.
    """

    call: str
    applies: Callable[[Any], bool]
    ask: Ask
    in_columns: bool = False


def way_of(model: Any) -> Way | None:
    """Return how a model is asked for its distribution.

    Parameters
    ----------
    model : regressor
        A model, fitted or not. A pipeline is asked as its last step, a search as its estimator, a
        `TransformedTargetRegressor` as its regressor.

    Returns
    -------
    Way or None
        The first of `WAYS` that applies; None for a model that states none.
    """
    core = _core(model)
    return next((way for way in WAYS if way.applies(core)), None)


def stated(model: Any, X: Any, least_sd: float) -> Predictive:
    """Ask a fitted model for its distribution.

    Parameters
    ----------
    model : regressor
        A fitted model for which `way_of` is not None.
    X : array or DataFrame of shape (n, d)
        Inputs.
    least_sd : float
        What a smaller stated sd is raised to, in target units.

    Returns
    -------
    Predictive
        p(y | x), as the model states it.

    Raises
    ------
    ValueError
        For an answer that is no distribution at n rows.
    """
    if _is_pipeline(model):
        for _, step in model.steps[:-1]:
            X = X if step in (None, "passthrough") else step.transform(X)
        return stated(model.steps[-1][1], X, least_sd)
    if _is_search(model):
        return stated(model.best_estimator_, X, least_sd)
    if _is_of_transformed_target(model):
        transformer = model.transformer_
        scale = _scale(transformer)
        inner = stated(model.regressor_, X, least_sd / scale)
        return forms.moved(
            inner, lambda t: transformer.inverse_transform(t.reshape(-1, 1)).reshape(t.shape)
        )
    way = way_of(model)
    if way is None:
        raise ValueError(f"{type(model).__name__} states no distribution")
    return way.ask(model, X, least_sd)


@dataclass(frozen=True)
class Prediction:
    """The point prediction of a fitted model, as a function of X.

    Parameters
    ----------
    model : regressor
        A fitted model. Where its ``predict`` returns several columns, such as mean and variance,
        the prediction is the mean of the distribution that they state.
    """

    model: Any

    def __call__(self, X: Any) -> Any:
        """Return the predictions.

        Parameters
        ----------
        X : array or DataFrame of shape (n, d)
            Inputs.

        Returns
        -------
        array of shape (n,) or (n, 1)
            Predictions.
        """
        way = way_of(self.model)
        if way is not None and way.in_columns:
            return stated(self.model, X, np.finfo(float).tiny).mean()
        return self.model.predict(X)


def require_a_point_or_distribution(model: Any) -> None:
    """Raise BadInput for a model that states one quantile, which is no prediction of y.

    The median passes: it is a point forecast.

    Parameters
    ----------
    model : regressor
        A model, fitted or not.

    Raises
    ------
    BadInput
        With what to do.
    """
    core = _core(model)
    levels = _quantile_levels(core)
    if len(levels) == 1 and levels[0] != 0.5:
        raise BadInput(
            f"{type(core).__name__} states the {levels[0]:g} quantile alone, which is neither a "
            "prediction of the target nor a distribution; fit it at several levels in one model "
            "with predict_quantiles(X, levels), or state the quantiles by distribution=lambda "
            "model, X: QuantileForecast(levels, values)"
        )


def _core(model: Any) -> Any:
    """The regressor inside a pipeline, a search or a regressor of a transformed target."""
    if _is_pipeline(model):
        return _core(model.steps[-1][1])
    if _is_search(model):
        return _core(model.estimator)
    if _is_of_transformed_target(model):
        return model if model.regressor is None else _core(model.regressor)
    return model


def _is_pipeline(model: Any) -> bool:
    return isinstance(getattr(model, "steps", None), list) and hasattr(model, "named_steps")


def _is_search(model: Any) -> bool:
    return bool(getattr(model, "refit", False)) and _has(model, "estimator", "cv", "scoring")


def _is_of_transformed_target(model: Any) -> bool:
    return _has(model, "regressor", "transformer", "check_inverse")


def _scale(transformer: Any) -> float:
    """How much a step of 1 in the transformed target is in the target, about its middle."""
    ends = np.asarray(transformer.inverse_transform(np.array([[-0.5], [0.5]])), dtype=np.float64)
    return abs(float(ends[1, 0] - ends[0, 0])) or 1.0


def _has(model: Any, *names: str) -> bool:
    return all(hasattr(model, name) for name in names)


def _takes(model: Any, method: str, argument: str) -> bool:
    """Whether a method names an argument: ``**params`` promises nothing."""
    function = getattr(model, method, None)
    if not callable(function):
        return False
    try:
        return argument in signature(function).parameters
    except (TypeError, ValueError):  # compiled, without a signature
        return False


def _params(model: Any) -> dict[str, Any]:
    """The settings of a model that has any; those of xgboost and catboost may be words."""
    get = getattr(model, "get_params", None)
    try:
        return dict(get(deep=False)) if callable(get) else {}
    except TypeError:  # a get_params of another kind
        return {}


def _quantile_levels(model: Any) -> list[float]:
    """Which quantiles a fit by the quantile loss states; none for any other fit."""
    params = _params(model)
    kind = str(params.get("loss") or params.get("objective") or params.get("loss_function") or "")
    name, _, rest = kind.partition(":")
    levels: Any = None
    if kind == "quantile":  # scikit-learn, lightgbm
        levels = params.get("quantile") or params.get("alpha") or 0.9
    elif kind == "reg:quantileerror":  # xgboost
        levels = params.get("quantile_alpha")
    elif name in ("Quantile", "MultiQuantile"):  # catboost
        stated_levels = rest.partition("alpha=")[2].partition(";")[0]
        levels = [float(level) for level in stated_levels.split(",") if level] or 0.5
    elif not kind and isinstance(params.get("quantile"), float):  # scikit-learn's linear one
        levels = params["quantile"]
    return [] if levels is None else [float(level) for level in np.atleast_1d(levels)]


def _states_distribution(model: Any) -> bool:
    states = getattr(model, "states_distribution", None)
    return hasattr(model, "predict_distribution") and (not callable(states) or bool(states()))


def _by_predict_distribution(model: Any, X: Any, least_sd: float) -> Predictive:
    return forms.predictive_of(model.predict_distribution(X), len(X), least_sd)


def _by_pred_dist(model: Any, X: Any, least_sd: float) -> Predictive:
    answer = model.pred_dist(X)
    inner = getattr(answer, "dist", None)
    # A frozen distribution of scipy has a dist, too, which is not frozen and has none.
    return forms.predictive_of(inner if hasattr(inner, "dist") else answer, len(X), least_sd)


def _by_predict_proba(model: Any, X: Any, least_sd: float) -> Predictive:
    return forms.predictive_of(model.predict_proba(X), len(X), least_sd)


def _by_return_std(model: Any, X: Any, least_sd: float) -> Predictive:
    mean, sd = model.predict(X, return_std=True)
    return forms.gaussian(mean, sd, len(X), least_sd)


def _by_quantiles(model: Any, X: Any, least_sd: float) -> Predictive:
    values = model.predict(X, quantiles=forms.LEVELS.tolist())
    # Its plain predict may be the median; only this word promises the mean.
    return forms.quantiles(forms.LEVELS, values, len(X))


def _by_predict_quantiles(model: Any, X: Any, least_sd: float) -> Predictive:
    values = model.predict_quantiles(X, forms.LEVELS.tolist())
    return forms.quantiles(forms.LEVELS, values, len(X))


def _by_predict_interval(model: Any, X: Any, least_sd: float) -> Predictive:
    answer = model.predict_interval(X)
    points, ends = answer if isinstance(answer, tuple) else (None, answer)
    return forms.intervals(_confidence(model), ends, len(X), points)


def _confidence(model: Any) -> Any:
    """The level of a model's intervals; ValueError where it does not say it."""
    level = getattr(model, "confidence_level", None)
    if level is not None:
        return level
    for name in ("_alphas", "_alpha"):  # MAPIE 1.x keeps one less its confidence_level
        if hasattr(model, name):
            return 1 - np.atleast_1d(np.asarray(getattr(model, name), dtype=np.float64))
    raise ValueError(
        f"predict_interval of {type(model).__name__} does not say the level of its intervals; "
        "state it by distribution=lambda model, X: IntervalForecast(lower, upper, level)"
    )


def _has_uncertainty(model: Any) -> bool:
    return str(_params(model).get("loss_function", "")).startswith("RMSEWithUncertainty")


def _by_two_columns(model: Any, X: Any, least_sd: float) -> Predictive:
    if _params(model).get("posterior_sampling"):
        each = np.asarray(model.virtual_ensembles_predict(X, prediction_type="VirtEnsembles"))
        return forms.members(each[:, :, 0].T, each[:, :, 1].T, least_sd)
    columns = np.asarray(model.predict(X), dtype=np.float64)
    return forms.gaussian(columns[:, 0], np.sqrt(columns[:, 1]), len(X), least_sd)


def _by_columns(model: Any, X: Any, least_sd: float) -> Predictive:
    return forms.quantiles(_quantile_levels(model), model.predict(X), len(X))


WAYS = (
    Way("predict_distribution(X)", _states_distribution, _by_predict_distribution),
    Way("pred_dist(X)", lambda m: hasattr(m, "pred_dist"), _by_pred_dist),
    Way(
        "predict_proba(X)",
        lambda m: _has(m, "predict_proba", "predict_quantiles"),
        _by_predict_proba,
    ),
    Way(
        "predict(X, return_std=True)", lambda m: _takes(m, "predict", "return_std"), _by_return_std
    ),
    Way("predict(X, quantiles=...)", lambda m: _takes(m, "predict", "quantiles"), _by_quantiles),
    Way("predict_quantiles(X)", lambda m: hasattr(m, "predict_quantiles"), _by_predict_quantiles),
    Way("predict_interval(X)", lambda m: hasattr(m, "predict_interval"), _by_predict_interval),
    Way("predict(X): mean and variance", _has_uncertainty, _by_two_columns, True),
    Way("predict(X): quantiles", lambda m: len(_quantile_levels(m)) > 1, _by_columns, True),
)
