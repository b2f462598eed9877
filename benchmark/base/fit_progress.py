"""The progress of a long fit, from the method to the worker that runs it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, int], None]
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Receive the progress that fits `announce` within a with-block.

    Parameters
    ----------
    listener : callable
        Called with the number of parts that are done and the number of all parts.

    Yields
    ------
    None
        Nothing.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def announce(done: int, total: int) -> None:
    """Report the progress of a long fit to the listener, if there is one.

    Parameters
    ----------
    done : int
        Number of parts of the fit that are done.
    total : int
        Number of all its parts.
    """
    listener = _listener.get()
    if listener is not None:
        listener(done, total)
