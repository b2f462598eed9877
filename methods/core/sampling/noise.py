"""The noise of a method that has no noise model of its own, fitted on rows it did not train on."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from howrobust.distributions.arrays import Array

FLOOR = 1e-3


def noise_floor(y: Array) -> float:
    """Least noise sd that a fit may find: a thousandth of the training target's sd.

    Parameters
    ----------
    y : ndarray, shape (n,)
        Target.

    Returns
    -------
    float
        Least noise sd, in the units of y.
    """
    return FLOOR * float(y.std() or 1.0)


def fit_noise_sd(means: Array, rows: NDArray[np.int64], y: Array, floor: float) -> float:
    """Return the v >= floor that maximises sum_i log (1/S_i) sum_s N(y_i; m_is, v^2).

    ``means`` (k,): predictions, in ascending order of ``rows`` (k,), the row i that each is of.
    Fitting v to residuals of the mean instead would count the spread of the members twice: 90 %
    intervals would then cover 95.6 %.

    Parameters
    ----------
    means : ndarray, shape (k,)
        Predictions, in ascending order of ``rows``.
    rows : ndarray of int64, shape (k,)
        Row that each prediction is of.
    y : ndarray, shape (n,)
        Target.
    floor : float
        Least sd.

    Returns
    -------
    float
        Noise sd, in the units of y.
    """
    starts = np.flatnonzero(np.r_[True, np.diff(rows) > 0])
    counts = np.diff(np.r_[starts, len(rows)])
    squares = (y[rows] - means) ** 2
    least = np.repeat(np.minimum.reduceat(squares, starts), counts)

    def negative(log_sd: float) -> float:
        precision = np.exp(-2 * log_sd)
        terms = np.exp(-0.5 * precision * (squares - least))
        log_mean = np.log(np.add.reduceat(terms, starts) / counts)
        return float(np.sum(0.5 * precision * least[starts] + log_sd - log_mean))

    top = max(np.sqrt(squares.mean()), floor) * 2
    grid = np.linspace(np.log(floor), np.log(top) + 1e-9, 33)
    best = int(np.argmin([negative(v) for v in grid]))
    bounds = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(negative, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x if found.fun <= negative(grid[best]) else grid[best]))
