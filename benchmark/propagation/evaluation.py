"""A function evaluated on many rows: in batches, in processes, and where it fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.propagation.calls import Call

ROWS_AT_ONCE = 4096
TASKS_PER_WORKER = 8  # so that no worker waits long for the last one
Count = Callable[[int, int], None]


@dataclass
class Failure:
    """Rows at which the function gave no number, for one reason.

    Parameters
    ----------
    count : int
        Number of rows.
    x : array of shape (d,)
        The first of them.
    detail : str
        What the function did there.
    """

    count: int
    x: Array
    detail: str


@dataclass
class Evaluation:
    """A function of rows that counts its rows and keeps where it failed.

    Parameters
    ----------
    call : Call
        The function of rows.
    batch_size : int or None
        Most rows in a call of a function that takes many.
    workers : int
        Number of processes.
    expected : int
        Number of rows that will be evaluated, for the progress.
    progress : callable or None
        Is called with the number of rows evaluated and the number expected.

    Attributes
    ----------
    rows : int
        Number of rows evaluated.
    failures : dict of str to Failure
        By reason: "NaN", "infinite", or the name of an exception.
    """

    call: Call
    batch_size: int | None
    workers: int
    expected: int
    progress: Count | None
    rows: int = field(default=0, init=False)
    failures: dict[str, Failure] = field(default_factory=dict, init=False)

    def __call__(self, X: Array) -> Array:
        """Return the output at each row.

        Parameters
        ----------
        X : array of shape (n, d)
            Rows.

        Returns
        -------
        array of shape (n,)
            Outputs, NaN where there is no finite number.

        Raises
        ------
        BadInput
            Where a process of a worker died.
        """
        parts = self._parts(X)
        values = []
        for part, (batch, raised) in zip(parts, self._evaluated(parts), strict=True):
            self._note(part, batch, raised)
            values.append(np.where(np.isfinite(batch), batch, np.nan))
            self.rows += len(part)
            if self.progress is not None:
                self.progress(self.rows, max(self.expected, self.rows))
        return np.concatenate(values)

    def _parts(self, X: Array) -> list[Array]:
        """Cut rows into the batches of a call."""
        if self.batch_size is not None:
            size = self.batch_size
        elif self.workers > 1:
            size = min(ROWS_AT_ONCE, -(-len(X) // (TASKS_PER_WORKER * self.workers)))
        else:
            size = ROWS_AT_ONCE if not self.call.by_row else 256
        return [X[start : start + size] for start in range(0, len(X), size)]

    def _evaluated(self, parts: list[Array]) -> "Iterator[tuple[Array, dict[int, str]]]":
        """Yield the outputs of each batch, in order, with what was raised at which rows."""
        if self.workers == 1 or len(parts) == 1:
            for part in parts:
                yield evaluate(self.call, part)
            return
        pool = Parallel(n_jobs=self.workers, return_as="generator")
        try:
            yield from pool(delayed(evaluate)(self.call, part) for part in parts)
        except TerminatedWorkerError:
            raise BadInput(
                "a process that ran the function crashed or ran out of memory; run it with one "
                "worker to see where"
            ) from None

    def _note(self, part: Array, values: Array, raised: dict[int, str]) -> None:
        """Count the rows without a finite number, by reason."""
        for i in np.flatnonzero(~np.isfinite(values)):
            detail = raised.get(int(i))
            if detail is not None:
                reason = detail.partition(":")[0]
            else:
                reason = "NaN" if np.isnan(values[i]) else "infinite"
                detail = f"the output is {values[i]:g}"
            first = self.failures.setdefault(reason, Failure(0, part[i].copy(), detail))
            first.count += 1


def evaluate(call: Call, X: Array) -> tuple[Array, dict[int, str]]:
    """Return the outputs of one batch; where a call raises, its rows are halved until it does not.

    Parameters
    ----------
    call : Call
        The function of rows.
    X : array of shape (n, d)
        Rows.

    Returns
    -------
    tuple of (array of shape (n,), dict of int to str)
        Outputs, NaN at rows where the function raises, and what it raises there.
    """
    values, raised = np.full(len(X), np.nan), {}
    rows = range(len(X))
    left = [rows[i : i + 1] for i in rows] if call.by_row else [rows]
    while left:
        part = left.pop()
        try:
            values[part.start : part.stop] = call(X[part.start : part.stop])
        except (Exception, SystemExit) as error:  # a user's function may raise anything
            if len(part) == 1:
                raised[part.start] = f"{type(error).__name__}: {error}".rstrip(": ")
            else:
                half = len(part) // 2
                left += [part[:half], part[half:]]
    return values, raised
