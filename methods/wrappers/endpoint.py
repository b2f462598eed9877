"""A model behind a network: rows are handed over in batches, and a failed call is made again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from howrobust.errors import BadInput

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
# Errors of the code that makes the call, which another call cannot mend.
OF_CODE = (BadInput, TypeError, AttributeError, NameError, ImportError)


class EndpointFailed(RuntimeError):  # noqa: N818 (it reads as what happened)
    """A call has failed as often as it may."""


@dataclass(frozen=True)
class Endpoint:
    """A function of rows that is called for at most so many of them, and again where it fails.

    Parameters
    ----------
    function : callable
        Takes X, or a model and X, and returns an array of shape (n,) or (n, 1), or (mean, sd), both
        of shape (n,).
    batch_size : int, optional
        Most rows in a call; all of them if None.
    retries : int, default 0
        How often a call that raises is made again, after 1, 2, 4, ... seconds, at most 60. A
        `BadInput`, TypeError, AttributeError, NameError or ImportError comes of the code, not of
        the service, and is raised at once.
    wait : callable, default time.sleep
        Waits for so many seconds.

    Raises
    ------
    BadInput
        For a ``batch_size`` below 1 and ``retries`` below 0.
    """

    function: Callable[..., Any]
    batch_size: int | None = None
    retries: int = 0
    wait: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if self.batch_size is not None and self.batch_size < 1:
            raise BadInput(f"batch_size is {self.batch_size}; it must be at least 1")
        if self.retries < 0:
            raise BadInput(f"retries is {self.retries}; it must be at least 0")

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function answers for all rows.

        Parameters
        ----------
        *arguments : object
            Arguments of the function; the last is X, an array or DataFrame of shape (n, d).

        Returns
        -------
        array of shape (n,) or (n, 1), or tuple of two of shape (n,)
            The answers to all calls, joined.

        Raises
        ------
        EndpointFailed
            Where a call fails ``retries`` + 1 times.
        ValueError
            Where a call does not answer for each of its rows.
        """
        *model, X = arguments
        rows = getattr(X, "iloc", X)
        size = self.batch_size or max(len(X), 1)
        starts = range(0, max(len(X), 1), size)
        return _joined([self._answer(model, rows[a : a + size], a) for a in starts])

    def _answer(self, model: Sequence[Any], X: Any, first: int) -> Any:
        """Return the answer for one batch, whose first row is number ``first``."""
        rows = f"rows {first} to {first + len(X) - 1}"
        for attempt in range(self.retries + 1):
            if attempt:
                self.wait(min(FIRST_WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S))
            try:
                answer = self.function(*model, X)
                break
            except OF_CODE:
                raise
            except Exception as error:  # a service may fail in any way
                if attempt == self.retries:
                    times = "once" if attempt == 0 else f"{attempt + 1} times"
                    raise EndpointFailed(
                        f"the call for {rows} failed {times}, the last time with "
                        f"{type(error).__name__}: {error}"
                    ) from error
        for part in answer if isinstance(answer, tuple) else (answer,):
            if isinstance(part, np.ndarray | list) and len(part) != len(X):
                raise ValueError(f"the call for {rows} answered for {len(part)} rows")
        return answer


def _joined(answers: list[Any]) -> Any:
    """Return the answers to several calls as one."""
    if len(answers) == 1:
        return answers[0]
    if all(isinstance(answer, tuple) for answer in answers):
        return tuple(np.concatenate(part) for part in zip(*answers, strict=True))
    arrays = [np.asarray(answer) for answer in answers]
    if any(array.dtype == object or not array.ndim for array in arrays):
        raise BadInput(
            f"a call answered {type(answers[0]).__name__}; with batch_size it must return an array "
            "of one number for each row, or (mean, sd)"
        )
    return np.concatenate(arrays)
