"""Compilation of loops over arrays by numba, and a warning where there is none."""

import hashlib
import inspect
import os
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from howrobust.errors import BadInput

F = TypeVar("F", bound=Callable[..., Any])

# Reordered sums and fused products allow vector instructions. NaN and infinity keep their meaning,
# since they show that a network has diverged.
FAST = {"reassoc", "contract", "arcp", "nsz"}


def part(function: F) -> F:
    """Inline a small function into every compiled loop that calls it.

    Parameters
    ----------
    function : callable
        A function of numbers.

    Returns
    -------
    callable
        The compiled function; the function itself without numba.
    """
    return _njit(function, inline="always")


def compiled(function: F, sources: Path | None = None, stored: bool = True) -> F:
    """Compile a function when it is first called, and cache it on disk.

    Parameters
    ----------
    function : callable
        A function of arrays and numbers.
    sources : Path, optional
        The folder of all functions that it calls; by default that of its own file.
    stored : bool, default True
        Whether it is cached; if not, it is compiled again in every process.

    Returns
    -------
    callable
        The compiled function, which releases the lock of the interpreter. Without numba it is the
        function itself, which should not be called: see `available`.
    """
    if not stored:
        return _njit(function, nogil=True)
    # numba checks the function's own file alone for changes.
    folder = sources or Path(inspect.getfile(function)).parent
    function.__qualname__ += f"-{_sources(folder)[:12]}"
    try:
        return _njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder for the cache can be written
        return _njit(function, nogil=True)


def _njit(function: F, **settings: Any) -> F:
    try:
        from numba import njit
    except (ImportError, OSError):
        return function
    return cast(F, njit(fastmath=FAST, error_model="numpy", **settings)(function))


def threads() -> int | None:
    """Return the number of threads that ``HOWROBUST_THREADS`` requests.

    Returns
    -------
    int or None
        Threads of a compiled loop; None where the variable is not set.

    Raises
    ------
    BadInput
        Where it is not a whole number from 1.
    """
    text = os.environ.get("HOWROBUST_THREADS", "")
    if text and (not text.isdecimal() or int(text) < 1):
        raise BadInput(
            f"HOWROBUST_THREADS must be a whole number from 1, not {text!r}; change or unset it"
        )
    return int(text) if text else None


@cache
def _sources(folder: Path) -> str:
    files = [
        Path(__file__),
        *sorted(folder.rglob("*.py")),
    ]  # the functions it calls, and the compiler's settings
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def available() -> bool:
    """Return whether loops are compiled here, and warn once where not.

    Returns
    -------
    bool
        False without numba and under ``NUMBA_DISABLE_JIT=1``; a RuntimeWarning gives the reason.
    """
    try:
        from numba import config
    except (ImportError, OSError) as error:
        reason = f"numba cannot be imported ({error})"
    else:
        if not vars(config)["DISABLE_JIT"]:
            return True
        reason = f"NUMBA_DISABLE_JIT is {os.environ.get('NUMBA_DISABLE_JIT', 'set')}"
    warnings.warn(
        f"{reason}: networks are trained and sampled by torch, several times slower",
        RuntimeWarning,
        stacklevel=2,
    )
    return False
