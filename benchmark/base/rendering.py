"""A register of renderers, so that a card or comparison can be shown by the reports above it."""

from collections.abc import Callable
from typing import Any

Renderer = Callable[[Any], str]
_RENDERERS: dict[tuple[type, str], Renderer] = {}


def register_renderer(kind: type, form: str, renderer: Renderer) -> None:
    """Register how objects of a class are rendered.

    Parameters
    ----------
    kind : type
        The class, exactly.
    form : {"text", "html"}
        The form.
    renderer : callable
        Takes an object of the class and returns its text.
    """
    _RENDERERS[kind, form] = renderer


def rendered(thing: object, form: str) -> str:
    """Return an object as text or HTML.

    Parameters
    ----------
    thing : object
        The object.
    form : {"text", "html"}
        The form.

    Returns
    -------
    str
        The rendered object.

    Raises
    ------
    LookupError
        If no renderer is registered for its class.
    """
    renderer = _RENDERERS.get((type(thing), form))
    if renderer is None:
        raise LookupError(f"nothing renders a {type(thing).__name__} as {form}")
    return renderer(thing)
