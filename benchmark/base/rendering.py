"""How objects of the lower rooms are shown: the room of reports registers who renders what."""

from collections.abc import Callable
from typing import Any

Renderer = Callable[[Any], str]
_RENDERERS: dict[tuple[type, str], Renderer] = {}


def register_renderer(kind: type, form: str, renderer: Renderer) -> None:
    """Say how objects of a class are rendered.

    Parameters
    ----------
    kind : type
        The class, exactly.
    form : {"text", "html"}
        What is asked for.
    renderer : callable
        Takes an object of the class and returns its text.
    """
    _RENDERERS[kind, form] = renderer


def rendered(thing: object, form: str) -> str:
    """Return an object as text or HTML.

    Parameters
    ----------
    thing : object
        What is to be shown.
    form : {"text", "html"}
        How.

    Returns
    -------
    str
        What the registered renderer makes of it.

    Raises
    ------
    LookupError
        Where nothing renders its class.
    """
    renderer = _RENDERERS.get((type(thing), form))
    if renderer is None:
        raise LookupError(f"nothing renders a {type(thing).__name__} as {form}")
    return renderer(thing)
