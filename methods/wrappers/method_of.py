"""Whatever a user brings, as a `Method`."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from torch import nn

from howrobust.base.method import Method
from howrobust.errors import BadInput
from howrobust.methods.wrappers.admission.regressor import require_regressor
from howrobust.methods.wrappers.torch_regressor import TorchRegressor
from howrobust.methods.wrappers.user_model import FittedModel, UserModel


def method_of(
    thing: Any,
    fitted: bool = False,
    n_folds: int = 5,
    noise: str = "auto",
    distribution: Any = None,
    draws: int | None = None,
    deterministic: bool = False,
) -> Method:
    """Return the `Method` of a model.

    ``thing`` is a `Method`; a regressor with ``fit`` and ``predict``, or its class; a torch module,
    its class, or a function from the number of features to one; a function without arguments that
    returns any of these; or, where it is ``fitted``, a model that has learnt already: a function
    from X to (n,), or anything with ``predict``. ``n_folds``, ``noise`` and ``distribution``: see
    `UserModel`. Raises BadInput for anything else.

    Parameters
    ----------
    thing : Method, regressor, nn.Module, class or callable
        What the user brings.
    fitted : bool, default False
        Whether it is fitted already.
    n_folds : int, default 5
        Folds; see `UserModel`.
    noise : {"auto", "own", "residual", "cv_plus"}, default "auto"
        Whose distribution it is judged by; see `UserModel`.
    distribution : callable, optional
        The distribution that it states; see `UserModel`.
    draws : int, optional
        Draws of a torch module that draws at every call.
    deterministic : bool, default False
        Whether the model claims to be deterministic; see `UserModel`.

    Returns
    -------
    Method
        The method, whose distribution is settled: what it would refuse is refused here.

    Raises
    ------
    BadInput
        For anything else.
    """
    if isinstance(thing, Method):
        if fitted or deterministic or distribution is not None or draws is not None:
            raise BadInput(
                f"{type(thing).__name__} is a Method, which states its distribution itself; leave "
                "out fitted, distribution, draws and deterministic"
            )
        return thing
    module = _is_module(thing)
    if not fitted and not module and _makes_models(thing):
        if _needs(thing):
            raise BadInput(f"{thing.__name__} needs arguments; give an instance of it")
        return method_of(thing(), False, n_folds, noise, distribution, draws, deterministic)
    is_regressor = not module and _is_regressor(thing)
    if draws is not None and (fitted or is_regressor):
        raise BadInput(f"draws is for a torch module that draws, not for {type(thing).__name__}")
    if fitted:
        _require_a_fitted_model(thing)
        return _settled(FittedModel(thing, noise, distribution))
    if is_regressor:
        require_regressor(thing)
        return _settled(UserModel(thing, n_folds, noise, distribution, deterministic))
    if module or (callable(thing) and _needs(thing) == 1):
        regressor = TorchRegressor(thing)
        if draws is not None:
            regressor.set_params(draws=draws)
        return _settled(UserModel(regressor, n_folds, noise, distribution, deterministic))
    raise BadInput(
        f"{thing!r} is not a regressor: it needs fit(X, y) and predict(X), or to be a torch module "
        "or a function that makes one; what predicts without a fit is assessed with fitted=True "
        "(--fitted)"
    )


def _settled(method: Method) -> Method:
    """Return a method whose distribution is settled: what it would refuse is refused now."""
    method.whose_distribution()
    return method


def _makes_models(thing: Any) -> bool:
    return isinstance(thing, type) or (callable(thing) and _needs(thing) == 0)


def _is_module(thing: Any) -> bool:
    return isinstance(thing, nn.Module) or (
        isinstance(thing, type) and issubclass(thing, nn.Module)
    )


def _is_regressor(thing: Any) -> bool:
    fits = any(callable(getattr(thing, name, None)) for name in ("fit", "fit_conformalize"))
    return fits and callable(getattr(thing, "predict", None))


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
