"""How much larger errors are in one part of the rows than in the others, with its interval."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from howrobust.analysis.measured import Measured
from howrobust.distributions.arrays import Array


def error_ratio(squares: Array, inside: NDArray[np.bool_], rows: NDArray[np.int64]) -> Measured:
    """Compare the root mean square of the rows inside a segment with that of the others.

    Parameters
    ----------
    squares : array of shape (n,)
        Squared errors.
    inside : array of bool of shape (n,)
        Which are inside the segment; some are and some are not.
    rows : array of int of shape (n,)
        Index of the distinct row that each is, from 0; a row is inside in all its appearances.

    Returns
    -------
    Measured
        The ratio and its 95 % interval; without limits where a mean square is 0.

    Notes
    -----
    The interval is Student's on the log scale, with one degree of freedom fewer than there are
    distinct rows inside. With S and N the sum of squares and the count inside, and S' and N' those
    of the others, distinct row i with s_i and m_i of them adds u_i = (s_i / S - m_i / N) / 2 inside
    and u_i = -(s_i / S' - m_i / N') / 2 outside to the log ratio; its variance is sum u_i^2
    (linearised, clustered by row).
    """
    total, count, terms = [], [], []
    for side in (inside, ~inside):
        s, m = np.bincount(rows, squares * side), np.bincount(rows, side)
        total.append(s.sum())
        count.append(m.sum())
        with np.errstate(invalid="ignore"):  # no error on this side
            terms.append((s / s.sum() - m / m.sum()) / 2)
    if min(total) == 0:
        return Measured(float(np.divide(*total) ** 0.5)) if total[1] else Measured(np.inf)
    log_ratio = 0.5 * np.log(total[0] / count[0] / (total[1] / count[1]))
    se = np.sqrt(np.sum((terms[0] - terms[1]) ** 2))
    half = stats.t.ppf(0.975, len(np.unique(rows[inside])) - 1) * se
    return Measured(*np.exp([log_ratio, log_ratio - half, log_ratio + half]).tolist())
