"""Whatever a user brings, as a `Method`."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

from sklearn.base import clone
from torch import nn

from howrobust.base.method import Method
from howrobust.errors import BadInput
from howrobust.methods.wrappers.torch_modules.trained_module import TrainedModule
from howrobust.methods.wrappers.torch_regressor import TorchRegressor
from howrobust.methods.wrappers.user_model import FittedModel, UserModel


def method_of(
    thing: Any,
    fitted: bool = False,
    n_folds: int = 5,
    noise: str = "residual",
    draws: int | None = None,
) -> Method:
    """Return the `Method` of a model.

    ``thing`` is a `Method`; a regressor with ``fit`` and ``predict``, or its class; a torch module,
    its class, or a function from the number of features to one; a function without arguments that
    returns any of these; or, where it is ``fitted``, a model that has learnt already: a function
    from X to (n,), a torch module, or anything with ``predict``. ``n_folds`` and ``noise``: see
    `UserModel`; ``draws``: see `TorchRegressor`. Raises BadInput for anything else.

    Parameters
    ----------
    thing : Method, regressor, nn.Module, class or callable
        What the user brings.
    fitted : bool, default False
        Whether it is fitted already.
    n_folds : int, default 5
        Folds; see `UserModel`.
    noise : {"residual", "cv_plus"}, default "residual"
        Distribution; see `UserModel`.
    draws : int, optional
        Draws of a forecast of a torch module; see `TorchRegressor`.

    Returns
    -------
    Method
        The method.

    Raises
    ------
    BadInput
        For anything else.
    """
    if draws is not None and (isinstance(thing, Method) or (fitted and not _is_module(thing))):
        raise BadInput(f"draws={draws} is for torch modules; {thing!r} is none")
    if isinstance(thing, Method):
        return thing
    if fitted and _is_module(thing):
        return TrainedModule(thing, draws)
    if fitted:
        function = getattr(thing, "predict", thing)
        if not callable(function):
            raise BadInput(f"{thing!r} has no predict and is not a function: it cannot forecast")
        return FittedModel(function)
    module = isinstance(thing, nn.Module) or (
        isinstance(thing, type) and issubclass(thing, nn.Module)
    )
    if not module:
        if isinstance(thing, type) or (callable(thing) and _needs(thing) == 0):
            if _needs(thing):
                raise BadInput(f"{thing.__name__} needs arguments; give an instance of it")
            return method_of(thing(), False, n_folds, noise, draws)
        if callable(getattr(thing, "fit", None)) and callable(getattr(thing, "predict", None)):
            return UserModel(_with_draws(thing, draws), n_folds=n_folds, noise=noise)
        if not (callable(thing) and _needs(thing) == 1):
            raise BadInput(
                f"{thing!r} is not a regressor: it needs fit(X, y) and predict(X), or to be a "
                "torch module or a function that makes one; a function that predicts is assessed "
                "with fitted=True"
            )
    return UserModel(TorchRegressor(thing, draws=draws), n_folds=n_folds, noise=noise)


def _is_module(thing: Any) -> bool:
    """Whether it is a torch module that has no ``predict`` of its own."""
    return isinstance(thing, nn.Module) and not callable(getattr(thing, "predict", None))


def _with_draws(regressor: Any, draws: int | None) -> Any:
    """A copy of a torch regressor with so many draws; any other regressor has no draws."""
    if draws is None:
        return regressor
    if not isinstance(regressor, TorchRegressor):
        raise BadInput(f"draws={draws} is for torch modules; {regressor!r} is none")
    return clone(regressor).set_params(draws=draws)


def _needs(function: Callable[..., Any]) -> int:
    """How many arguments a function cannot do without."""
    plain = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    given = signature(function).parameters.values()
    return sum(p.default is Parameter.empty and p.kind in plain for p in given)
