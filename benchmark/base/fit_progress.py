"""The progress of a long fit, from the method to the worker that runs it, and what it keeps."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from numpy.typing import NDArray

Listener = Callable[[int, int], None]
Arrays = Mapping[str, NDArray[Any]]


class Keeper(ABC):
    """Keeps finished parts of a long fit, so that the next attempt at it continues from them.

    ``every_s`` is the time, s, after which finished parts are worth keeping.
    """

    every_s: float

    @abstractmethod
    def read(self) -> Iterable[Arrays]:
        """Return what earlier attempts have kept.

        Returns
        -------
        iterable of mapping of str to array
            The arrays of each call of `write`; nothing that is damaged.
        """

    @abstractmethod
    def write(self, arrays: Arrays, count: int) -> None:
        """Keep some finished parts; failing to has no effect on the fit.

        Parameters
        ----------
        arrays : mapping of str to array of any shape
            Arrays by name.
        count : int
            Number of parts in them.
        """


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)
_keeper: ContextVar[Keeper | None] = ContextVar("keeper", default=None)


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


@contextmanager
def keeping(keeper: Keeper) -> Iterator[None]:
    """Offer fits within a with-block to keep their finished parts.

    Parameters
    ----------
    keeper : Keeper
        Where they are kept.

    Yields
    ------
    None
        Nothing.
    """
    token = _keeper.set(keeper)
    try:
        yield
    finally:
        _keeper.reset(token)


def keeper() -> Keeper | None:
    """Return where finished parts of a fit can be kept.

    Returns
    -------
    Keeper or None
        That of the innermost `keeping`; None outside of any.
    """
    return _keeper.get()
