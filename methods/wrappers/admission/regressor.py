"""What an estimator must be so that it can be fitted as a regressor."""

from inspect import Parameter, signature
from typing import Any

from sklearn.utils import get_tags

from howrobust.errors import BadInput


def require_regressor(model: Any) -> None:
    """Check that an estimator is a regressor that is fitted to X and y alone.

    Parameters
    ----------
    model : object
        An estimator with ``fit``.

    Raises
    ------
    BadInput
        For a classifier, a clusterer or a detector of outliers, and for a ``fit`` that takes no
        target, or that cannot do without further arguments.
    """
    name = type(model).__name__
    kind = kind_of(model)
    if kind not in (None, "regressor"):
        article = "an" if kind[0] in "aeiou" else "a"
        raise BadInput(
            f"{name} is {article} {kind.replace('_', ' ')}, not a regressor; give a regressor"
        )
    try:
        fit = getattr(model, "fit", None) or model.fit_conformalize
        parameters = [*signature(fit).parameters.values()]
    except (TypeError, ValueError):
        return  # a compiled fit does not state its arguments
    plain = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    positional = [p for p in parameters if p.kind in plain]
    if len(positional) < 2 and not any(p.kind is Parameter.VAR_POSITIONAL for p in parameters):
        raise BadInput(f"the fit of {name} takes no target; it must be fit(X, y)")
    keywords = [p for p in parameters if p.kind is Parameter.KEYWORD_ONLY]
    needed = [p.name for p in [*positional[2:], *keywords] if p.default is Parameter.empty]
    if needed:
        raise BadInput(
            f"the fit of {name} needs {', '.join(needed)}, which is not passed; give it a default, "
            "or wrap the model in a class whose fit(X, y) supplies it"
        )


def kind_of(model: Any) -> str | None:
    """Return what scikit-learn calls an estimator.

    Parameters
    ----------
    model : object
        An estimator, or anything else.

    Returns
    -------
    str or None
        "regressor", "classifier" and so on; None where it does not say.
    """
    if hasattr(model, "__sklearn_tags__"):
        kind = get_tags(model).estimator_type
    else:
        kind = getattr(model, "_estimator_type", None)
    return None if kind is None else str(kind)
