"""Seeds of a user's estimator: which settings they are, and a clone that is started from one."""

import copy
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from sklearn.base import clone

from howrobust import seeds
from howrobust.methods.wrappers.regressors import Parametrised

# The last word of a setting of a nested estimator, as in ``ridge__random_state``, decides.
SEED = re.compile(r"(^|_)(random_state|seed)$")
PREFERRED = ("random_state", "random_seed", "seed")
LARGEST = 2**31  # seeds of scikit-learn have 32 bits, those of LightGBM 31


def seed_names(model: Any) -> tuple[str, ...]:
    """Return the names of an estimator's settings that are seeds.

    They are the settings, of nested estimators too, whose last word is ``random_state`` or ``seed``
    (``random_seed``, ``bagging_seed``) and whose value is None, an integer or a generator. Where an
    estimator states no seed, as CatBoost's do until one is given, it is the one that its
    constructor takes, the first of `PREFERRED`. An object without ``get_params`` has attributes for
    settings, and those of the estimators that it holds.

    Parameters
    ----------
    model : object
        An estimator.

    Returns
    -------
    tuple of str
        Names as ``set_params`` takes them, sorted.
    """
    return tuple(sorted(_names(model)))


def pinned_names(model: Any) -> tuple[str, ...]:
    """Return where an estimator's settings hold a seed that nothing sets: inside of a dict.

    Parameters
    ----------
    model : object
        An estimator.

    Returns
    -------
    tuple of str
        Places such as ``params['random_seed']``, sorted.
    """
    settings = model.get_params() if _parametrised(model) else _attributes(model)
    return tuple(
        sorted(
            f"{name}[{key!r}]"
            for name, value in settings.items()
            if isinstance(value, Mapping)
            for key, inner in value.items()
            if isinstance(key, str) and _is_seed(key, inner)
        )
    )


def started(estimator: Any, seed: int) -> Any:
    """Return a clone of an estimator whose seeds, by `seed_names`, are drawn from one seed.

    Parameters
    ----------
    estimator : object
        An estimator; it stays as it is.
    seed : int
        Seed of the fit.

    Returns
    -------
    object
        A clone (`sklearn.base.clone`), or a deep copy of what has no ``get_params`` or keeps copies
        of its settings, as CatBoost does of ``cat_features``.
    """
    model = _clone(estimator)
    for name in seed_names(model):
        _set(model, name, seeds.derive(seed, "estimator", name) % LARGEST)
    return model


def _clone(estimator: Any) -> Any:
    try:
        return clone(estimator, safe=False)
    except RuntimeError as error:  # a constructor that copies a setting, which clone refuses
        if not str(error).startswith("Cannot clone object"):
            raise
        return copy.deepcopy(estimator)


def _parametrised(thing: Any) -> bool:
    return isinstance(thing, Parametrised) and not isinstance(thing, type)


def _attributes(model: Any) -> dict[str, Any]:
    return dict(getattr(model, "__dict__", {}))


def _is_seed(name: str, value: Any) -> bool:
    """Whether a setting is a seed: a boolean ``use_seed`` or a list of seeds to try is none."""
    generators = (np.random.RandomState, np.random.Generator)
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return bool(SEED.search(name)) and (value is None or number or isinstance(value, generators))


def _names(model: Any) -> Iterator[str]:
    if not _parametrised(model):
        for name, value in _attributes(model).items():
            if _parametrised(value):
                yield from (f"{name}__{inner}" for inner in _names(value))
            elif _is_seed(name, value):
                yield name
        return
    nested = {f"{n}__": part for n, part in model.get_params().items() if _parametrised(part)}
    for prefix, part in {"": model, **nested}.items():
        stated = part.get_params(deep=False)
        known = [name for name in stated if SEED.search(name)]
        if known:
            yield from (prefix + name for name in known if _is_seed(name, stated[name]))
        else:
            parameters = inspect.signature(type(part)).parameters
            yield from [prefix + name for name in PREFERRED if name in parameters][:1]


def _set(model: Any, name: str, number: int) -> None:
    """Set a seed of that name: through ``set_params``, or as an attribute of what has none."""
    if _parametrised(model):
        model.set_params(**{name: _like(model.get_params().get(name), number)})
        return
    holder, separator, inner = name.partition("__")
    if separator:
        _set(getattr(model, holder), inner, number)
    else:
        setattr(model, name, _like(getattr(model, name), number))


def _like(value: Any, number: int) -> Any:
    """Return a seed as a generator where the setting held one, as NGBoost's does."""
    if isinstance(value, np.random.RandomState):
        return np.random.RandomState(number)
    return np.random.default_rng(number) if isinstance(value, np.random.Generator) else number
