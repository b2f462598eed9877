"""Whatever a user brings, as a `Method`."""

from collections.abc import Callable
from functools import partial
from inspect import Parameter, signature
from typing import Any

from sklearn.base import clone
from torch import nn

from howrobust.base.method import Method
from howrobust.errors import BadInput
from howrobust.methods.wrappers.admission.regressor import kind_of, require_regressor
from howrobust.methods.wrappers.endpoint import Endpoint
from howrobust.methods.wrappers.fitted_model import FittedModel
from howrobust.methods.wrappers.options import UserModelOptions
from howrobust.methods.wrappers.own_distribution.ways import way_of
from howrobust.methods.wrappers.torch_modules.trained_module import TrainedModule
from howrobust.methods.wrappers.torch_regressor import TorchRegressor
from howrobust.methods.wrappers.user_model import UserModel

DEFAULTS = UserModelOptions()


def method_of(thing: Any, options: UserModelOptions = DEFAULTS) -> Method:
    """Return the `Method` of a model.

    ``thing`` is a `Method`; a regressor with ``fit`` and ``predict``, or its class; a torch module,
    its class, or a function from the number of features to one; a function without arguments that
    returns any of these; or, where it is ``fitted``, a model that has learnt already: a function
    from X to (n,), a torch module, or anything with ``predict``. Raises BadInput for anything
    else.

    Parameters
    ----------
    thing : Method, regressor, nn.Module, class or callable
        What the user brings.
    options : UserModelOptions, optional
        How it is judged and called; see `UserModel`, `TorchRegressor` for draws and `Endpoint` for
        batches.

    Returns
    -------
    Method
        The method, whose distribution is settled: what it would refuse is refused here.

    Raises
    ------
    BadInput
        For anything else.
    """
    is_called_in_batches = options.batch_size is not None or options.retries > 0
    if is_called_in_batches and (not options.fitted or isinstance(thing, Method)):
        raise BadInput(
            "batch_size and retries are for a function that calls a service, which is not fitted "
            "here; give it with fitted=True (--fitted)"
        )
    if isinstance(thing, Method):
        if options.fitted or options.distribution is not None or options.draws is not None:
            raise BadInput(
                f"{type(thing).__name__} is a Method, which states its distribution itself; leave "
                "out fitted, distribution and draws"
            )
        return thing
    if options.fitted:
        _require_a_fitted_model(thing)
        model, distribution = _fitted_with_draws(thing, options.draws), options.distribution
        if is_called_in_batches:
            model, distribution = _endpoints(model, options)
        return _settled(FittedModel(model, options.noise, distribution))
    if not _is_module(thing) and _makes_models(thing):
        if _needs(thing):
            raise BadInput(f"{thing.__name__} needs arguments; give an instance of it")
        return method_of(thing(), options)
    return _settled(
        UserModel(
            _estimator(thing, options.draws),
            n_folds=options.n_folds,
            noise=options.noise,
            distribution=options.distribution,
            deterministic=options.deterministic,
        )
    )


def _estimator(thing: Any, draws: int | None) -> Any:
    """Return what is fitted: a regressor, or one that trains a torch module."""
    is_module = _is_module(thing)
    if not is_module and _is_regressor(thing):
        if callable(getattr(thing, "fit", None)):
            require_regressor(thing)
        return _with_draws(thing, draws)
    if is_module or (callable(thing) and _needs(thing) == 1):
        return TorchRegressor(thing, draws=draws)
    raise BadInput(
        f"{thing!r} is not a regressor: it needs fit(X, y) and predict(X), or to be a torch module "
        "or a function that makes one; what predicts without a fit is assessed with fitted=True "
        "(--fitted)"
    )


def _endpoints(thing: Any, options: UserModelOptions) -> tuple[Endpoint, Any]:
    """Return a fitted model and its distribution= as endpoints."""
    stated = options.distribution
    if stated is None and options.noise != "residual" and way_of(thing) is not None:
        raise BadInput(
            f"batch_size and retries are for a function that calls a service, and "
            f"{type(thing).__name__} states a distribution itself; give distribution=, a function "
            'of it and X that returns (mean, sd), or noise="residual"'
        )
    batch_size, retries = options.batch_size, options.retries
    predict = Endpoint(getattr(thing, "predict", thing), batch_size, retries)
    if stated is None:
        return predict, None
    return predict, Endpoint(partial(_of_model, stated, thing), batch_size, retries)


def _of_model(distribution: Callable[..., Any], model: Any, _: Any, X: Any) -> Any:
    """What a user's distribution= says of the model that was given, not of its endpoint."""
    return distribution(model, X)


def _settled(method: Method) -> Method:
    """Return a method whose distribution is settled: what it would refuse is refused now."""
    method.whose_distribution()
    return method


def _fitted_with_draws(thing: Any, draws: int | None) -> Any:
    """A torch module as a model that predicts; any other fitted model has no draws."""
    if isinstance(thing, nn.Module) and not callable(getattr(thing, "predict", None)):
        return TrainedModule(thing, draws)
    return _without_draws(thing, draws)


def _with_draws(regressor: Any, draws: int | None) -> Any:
    """A copy of a torch regressor with so many draws; any other regressor has no draws."""
    if draws is not None and isinstance(regressor, TorchRegressor):
        return clone(regressor).set_params(draws=draws)
    return _without_draws(regressor, draws)


def _without_draws(thing: Any, draws: int | None) -> Any:
    if draws is not None:
        raise BadInput(f"draws is for a torch module that draws, not for {type(thing).__name__}")
    return thing


def _makes_models(thing: Any) -> bool:
    return isinstance(thing, type) or (callable(thing) and _needs(thing) == 0)


def _is_module(thing: Any) -> bool:
    return isinstance(thing, nn.Module) or (
        isinstance(thing, type) and issubclass(thing, nn.Module)
    )


def _is_regressor(thing: Any) -> bool:
    fits = any(callable(getattr(thing, name, None)) for name in ("fit", "fit_conformalize"))
    # A StackingRegressor, and what holds one, has predict only once it is fitted.
    later = callable(getattr(type(thing), "predict", None)) and kind_of(thing) == "regressor"
    return fits and (later or callable(getattr(thing, "predict", None)))


def _require_a_fitted_model(thing: Any) -> None:
    if isinstance(thing, type):
        raise BadInput(f"{thing.__name__} is a class; a fitted model is an object or a function")
    if not callable(getattr(thing, "predict", thing)):
        raise BadInput(f"{thing!r} has no predict and is not a function: it cannot forecast")


def _needs(function: Callable[..., Any]) -> int:
    """How many arguments a function cannot do without."""
    plain = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    given = signature(function).parameters.values()
    return sum(p.default is Parameter.empty and p.kind in plain for p in given)
