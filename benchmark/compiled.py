"""What compiles loops of arrays, and what is said once where nothing can."""

import hashlib
import inspect
import os
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

# Sums may be reordered and products fused, which is what makes them vectors; NaN and infinity keep
# their meaning, because that is how a diverged network is known.
FAST = {"reassoc", "contract", "arcp", "nsz"}


def part(function: F) -> F:
    """Write a small function into every loop that calls it, so that the loop becomes vectors."""
    try:
        from numba import njit
    except (ImportError, OSError):
        return function
    return cast(F, njit(fastmath=FAST, error_model="numpy", inline="always")(function))


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers when it is first called, and keep it on disk.

    It holds no lock of the interpreter while it runs. Without numba the function is returned as it
    is, and nobody should call it: see `available`.
    """
    try:
        from numba import njit
    except (ImportError, OSError):
        return function
    # numba looks for changes in the function's own file alone.
    folder = Path(inspect.getfile(function)).parent
    function.__qualname__ += f"-{_sources(folder)[:12]}"
    settings: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy"}
    try:
        return cast(F, njit(cache=True, **settings)(function))
    except RuntimeError:  # no folder to keep it in can be written
        return cast(F, njit(**settings)(function))


@cache
def _sources(folder: Path) -> str:
    files = [Path(__file__), *sorted(folder.glob("*.py"))]  # what it calls, and how it compiles
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
