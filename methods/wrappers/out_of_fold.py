"""Forecasts of the rows of a fold by a model that has learnt the others."""

from collections.abc import Callable

import numpy as np

from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array
from howrobust.methods.core.engines.training_job import Rows


def out_of_fold(
    forecast: Callable[[Rows], Array], problem: Problem, out: Rows
) -> tuple[Rows, Array]:
    """Return predictions of the rows of a fold.

    Parameters
    ----------
    forecast : callable
        Function from numbers of rows (m,) to predictions (m,), of a model that has learnt the
        other rows.
    problem : Problem
        All rows.
    out : ndarray of int, shape (m,)
        The rows of the fold.

    Returns
    -------
    rows : ndarray of int, shape (k,)
        The rows that were forecast. A model that refuses the fold, as one with a strict encoder
        does, is asked for the rows whose categories it has learnt.
    predictions : ndarray, shape (k,)
        Predictions.

    Raises
    ------
    Exception
        What the model raises, where unknown categories are not the reason.
    """
    try:
        return out, forecast(out)
    except Exception:  # a user's model may raise anything
        if problem.frame is None:
            raise
        learnt = np.delete(problem.X, out, axis=0)
        known = ~problem.frame.unseen(learnt, problem.X[out]).any(axis=1)
        if known.all() or not known.any():
            raise
    return out[known], forecast(out[known])
