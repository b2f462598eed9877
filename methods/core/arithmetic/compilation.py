"""Compilation of the core's loops, which call each other across its packages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import howrobust.compiled

F = TypeVar("F", bound=Callable[..., Any])

CORE = Path(__file__).parents[1]


def compiled(function: F) -> F:
    """Compile a function of the core as a part of each entry point that calls it.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and named tuples of these.

    Returns
    -------
    callable
        The compiled function; ``function`` itself where numba cannot be imported.

    Notes
    -----
    It is not stored on disk: numba cannot inline what it loads from there, and inlining changes how
    sums are rounded. Bits would then depend on what was stored when a loop was compiled.
    """
    return howrobust.compiled.compiled(function, stored=False)


def entry_point(function: F) -> F:
    """Compile a function that Python calls, with all that it calls, and store it on disk.

    Parameters
    ----------
    function : callable
        A function of arrays, numbers and named tuples of these.

    Returns
    -------
    callable
        The compiled function; ``function`` itself where numba cannot be imported.

    Notes
    -----
    Machine code is stored under a hash of every source file of the core: an edit of any of them
    compiles every entry point again. No compiled function may call an entry point.
    """
    return howrobust.compiled.compiled(function, CORE)
