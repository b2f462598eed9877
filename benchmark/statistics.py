"""Intervals over splits.

Random 90/10 splits of one table overlap, so their scores are correlated; scores of independently
generated data are not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from howrobust.predictive import Array


@dataclass(frozen=True)
class Estimate:
    """A mean over J splits with its standard error and interval; NaN error where J is 1."""

    mean: float
    se: float
    lower: float
    upper: float


def over_splits(values: Array, overlap: float, level: float = 0.95) -> Estimate:
    """Mean of a score (or of a paired difference) over J splits.

    Its variance is (1/J + overlap) s^2, overlap = n_test / n_train for random splits of one table
    (Nadeau & Bengio 2003, eq. 9) and 0 for independent data; the interval is Student's with J - 1
    degrees of freedom.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean, np.nan, np.nan, np.nan)
    se = float(np.std(values, ddof=1) * np.sqrt(1 / len(values) + overlap))
    half = float(stats.t.ppf(0.5 + level / 2, len(values) - 1)) * se
    return Estimate(mean, se, mean - half, mean + half)


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share of hits among n (Wilson 1927)."""
    z = float(stats.norm.ppf(0.5 + level / 2))
    share = hits / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float(centre - half), float(centre + half)


def effective_n(appearances: NDArray[np.int64]) -> float:
    """(sum m_i)^2 / sum m_i^2 for rows that appear m_i times in overlapping test sets."""
    m = np.asarray(appearances, dtype=np.float64)
    return float(m.sum() ** 2 / (m**2).sum())
