"""Problems laid side by side: one pool of rows, and the jobs that index it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array


@dataclass(frozen=True)
class ProblemPool:
    """The rows of several problems, one after the other; problem k starts at ``offsets[k]``.

    Parameters
    ----------
    X : ndarray, shape (N, d)
        Inputs of all problems.
    y : ndarray, shape (N,)
        Targets of all problems.
    offsets : ndarray of int64, shape (problems + 1,)
        First row of each problem, and the number of rows.
    """

    X: Array
    y: Array
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> "ProblemPool":
        """Lay problems with the same number of features side by side; ValueError for others.

        Parameters
        ----------
        problems : sequence of Problem
            Problems with equally many features.

        Returns
        -------
        ProblemPool
            The rows of all problems.

        Raises
        ------
        ValueError
            Where the numbers of features differ.
        """
        features = {problem.X.shape[1] for problem in problems}
        if len(features) != 1:
            raise ValueError(f"problems of one stack must share their features, not {features}")
        sizes = [len(problem.y) for problem in problems]
        return cls(
            np.concatenate([problem.X for problem in problems]),
            np.concatenate([problem.y for problem in problems]),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        )

    def rows(self, k: int) -> NDArray[np.int64]:
        """All rows of problem k, in their order.

        Parameters
        ----------
        k : int
            Number of the problem.

        Returns
        -------
        ndarray of int64, shape (n,)
            Rows of the problem, in their order.
        """
        return np.arange(self.offsets[k], self.offsets[k + 1])


def validation_start(n: int) -> int:
    """First row of the validation part: the last fifth of the rows as given, at least one.

    Parameters
    ----------
    n : int
        Rows of a problem.

    Returns
    -------
    int
        First row of the validation part.
    """
    return n - max(1, n // 5)
