"""The registry of losses: every module of this package that defines a concrete `Loss`.

A new loss is a new file of this package and nothing else.
"""

from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules

from howrobust.methods.core import losses as package
from howrobust.methods.core.losses.loss import Loss


def _registered() -> dict[str, type[Loss]]:
    """Map the name of each module of this package to the loss that it defines, if any."""
    losses: dict[str, type[Loss]] = {}
    names = {module.name for module in iter_modules(package.__path__)} - {__name__.split(".")[-1]}
    for name in sorted(names):
        module = import_module(f"{package.__name__}.{name}")
        for thing in vars(module).values():
            defined = isinstance(thing, type) and thing.__module__ == module.__name__
            if defined and issubclass(thing, Loss) and not isabstract(thing):
                if name in losses:
                    raise TypeError(f"{module.__name__} defines two losses; give each its own file")
                losses[name] = thing
    return losses


LOSSES = _registered()
