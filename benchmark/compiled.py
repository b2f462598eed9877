"""What compiles loops of arrays, and what is said once where nothing can."""

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

# Sums may be reordered and products fused, which is what makes them vectors; NaN and infinity keep
# their meaning, because that is how a diverged network is known.
FAST = {"reassoc", "contract", "arcp", "nsz"}


def part(function: F) -> F:
    """Write a small function into every loop that calls it, so that the loop becomes vectors."""
    return _njit(function, inline="always")


def compiled(function: F, sources: Path | None = None) -> F:
    """Compile a function of arrays and numbers when it is first called, and keep it on disk.

    It holds no lock of the interpreter while it runs. Without numba the function is returned as it
    is, and nobody should call it: see `available`. ``sources`` is the folder of all that it calls;
    None: the folder of its own file.
    """
    # numba looks for changes in the function's own file alone.
    folder = sources or Path(inspect.getfile(function)).parent
    function.__qualname__ += f"-{_sources(folder)[:12]}"
    try:
        return _njit(function, nogil=True, cache=True)
    except RuntimeError:  # no folder to keep it in can be written
        return _njit(function, nogil=True)


def _njit(function: F, **settings: Any) -> F:
    try:
        from numba import njit
    except (ImportError, OSError):
        return function
    return cast(F, njit(fastmath=FAST, error_model="numpy", **settings)(function))


def threads() -> int | None:
    """Threads of a compiled loop by ``HOWROBUST_THREADS``; None where it is not set.

    Raises BadInput for anything but a whole number from 1.
    """
    text = os.environ.get("HOWROBUST_THREADS", "")
    if text and (not text.isdecimal() or int(text) < 1):
        raise BadInput(f"HOWROBUST_THREADS must be a whole number from 1, not {text!r}")
    return int(text) if text else None


@cache
def _sources(folder: Path) -> str:
    files = [Path(__file__), *sorted(folder.rglob("*.py"))]  # what it calls, and how it compiles
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def available() -> bool:
    """Say whether loops are compiled here; where not, say so once as a RuntimeWarning.

    ``NUMBA_DISABLE_JIT=1`` counts as no compiler.
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
