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
    noise: str = "residual",
    deterministic: bool = False,
) -> Method:
    """Return the `Method` of a model.

    ``thing`` is a `Method`; a regressor with ``fit`` and ``predict``, or its class; a torch module,
    its class, or a function from the number of features to one; a function without arguments that
    returns any of these; or, where it is ``fitted``, a model that has learnt already: a function
    from X to (n,), or anything with ``predict``. ``n_folds`` and ``noise``: see `UserModel`. Raises
    BadInput for anything else.

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
    deterministic : bool, default False
        Whether the model claims to be deterministic; see `UserModel`.

    Returns
    -------
    Method
        The method.

    Raises
    ------
    BadInput
        For anything else.
    """
    if isinstance(thing, Method):
        return thing
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
            return method_of(thing(), False, n_folds, noise, deterministic)
        if callable(getattr(thing, "fit", None)) and callable(getattr(thing, "predict", None)):
            require_regressor(thing)
            return UserModel(thing, n_folds, noise, deterministic)
        if not (callable(thing) and _needs(thing) == 1):
            raise BadInput(
                f"{thing!r} is not a regressor: it needs fit(X, y) and predict(X), or to be a "
                "torch module or a function that makes one; a function that predicts is assessed "
                "with fitted=True"
            )
    return UserModel(TorchRegressor(thing), n_folds, noise, deterministic)


def _needs(function: Callable[..., Any]) -> int:
    """How many arguments a function cannot do without."""
    plain = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    given = signature(function).parameters.values()
    return sum(p.default is Parameter.empty and p.kind in plain for p in given)
