"""Compilation of the core's loops, which call each other across its packages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import howrobust.compiled

F = TypeVar("F", bound=Callable[..., Any])

CORE = Path(__file__).parents[1]


def compiled(function: F) -> F:
    """Compile a function of the core when it is first called.

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
    Machine code is stored on disk under a hash of every source file of the core: an edit of any of
    them compiles again all that may call it.
    """
    return howrobust.compiled.compiled(function, CORE)
