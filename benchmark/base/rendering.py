"""A register of renderers, so that a card or comparison can be shown by the reports above it."""

from collections.abc import Callable
from typing import Any

Renderer = Callable[[Any], str]
Artist = Callable[[Any, Any], Any]
_RENDERERS: dict[tuple[type, str], Renderer] = {}
_ARTISTS: dict[type, Artist] = {}


def register_renderer(kind: type, form: str, renderer: Renderer) -> None:
    """Register how objects of a class are rendered.

    Parameters
    ----------
    kind : type
        The class, exactly.
    form : {"text", "html", "page"}
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
    form : {"text", "html", "page"}
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


def register_artist(kind: type, artist: Artist) -> None:
    """Register how objects of a class are drawn.

    Parameters
    ----------
    kind : type
        The class, exactly.
    artist : callable
        Takes an object of the class, and axes of matplotlib or None for those of a new figure;
        draws the object, and returns the axes.
    """
    _ARTISTS[kind] = artist


def drawn(thing: object, ax: Any) -> Any:
    """Draw an object.

    Parameters
    ----------
    thing : object
        The object.
    ax : Axes or None
        Where to draw; a new figure if None.

    Returns
    -------
    Axes
        The axes.

    Raises
    ------
    LookupError
        If no artist is registered for its class.
    """
    artist = _ARTISTS.get(type(thing))
    if artist is None:
        raise LookupError(f"nothing draws a {type(thing).__name__}")
    return artist(thing, ax)
