"""Intervals over splits, tests of paired differences, and tests of ranks over data sets.

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


@dataclass(frozen=True)
class Paired:
    """A mean paired difference, and the two-sided p of no difference; NaN where J is 1."""

    estimate: Estimate
    p: float


def paired(values: Array, other: Array, overlap: float, level: float = 0.95) -> Paired:
    """Difference ``values`` less ``other`` (J,) on J common splits, by the corrected resampled t.

    p is that of t = mean / se with J - 1 degrees of freedom, mean and se those of `over_splits`
    (Nadeau & Bengio 2003, eq. 9). Scores that agree on every split have p 1.
    """
    found = over_splits(values - other, overlap, level)
    if found.se == 0:
        return Paired(found, 1.0 if found.mean == 0 else 0.0)
    p = 2 * stats.t.sf(abs(found.mean) / found.se, max(len(values) - 1, 1))
    return Paired(found, float(p))


def holm(p: Array) -> Array:
    """Adjusted p-values (m,) that control the family-wise error (Holm 1979), in the order given.

    The k-th least of m becomes the largest of (m - j + 1) p_(j) over j <= k, at most 1. NaN stands
    for a test that was not made: it stays NaN and is not counted.
    """
    adjusted = np.full(len(p), np.nan)
    tests = np.flatnonzero(~np.isnan(p))
    order = tests[np.argsort(p[tests])]
    steps = np.arange(len(order), 0, -1) * p[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def friedman(values: Array) -> float:
    """p of equal ranks among k >= 2 methods, values (N, k) on N data sets (Friedman 1937).

    Q = (k - 1) sum_j (R_j - N (k + 1) / 2)^2 / (sum_ij r_ij^2 - N k (k + 1)^2 / 4), R_j the sum of
    the ranks r_ij within data sets, ties averaged; chi-square with k - 1 degrees of freedom. 1
    where all values of every data set are tied.
    """
    N, k = values.shape
    ranks = stats.rankdata(values, axis=1)
    spread = np.sum(ranks**2) - N * k * (k + 1) ** 2 / 4
    if spread == 0:
        return 1.0
    Q = (k - 1) * np.sum((ranks.sum(axis=0) - N * (k + 1) / 2) ** 2) / spread
    return float(stats.chi2.sf(Q, k - 1))


def signed_rank(differences: Array) -> float:
    """Two-sided p of Wilcoxon's signed rank test, zeros left out (1945); 1 where all are zero."""
    moved = differences[differences != 0]
    return float(stats.wilcoxon(moved).pvalue) if len(moved) else 1.0


def nemenyi(k: int, N: int, level: float = 0.95) -> float:
    """Critical difference of mean ranks of k methods on N data sets (Demsar 2006, section 3.2.2).

    q sqrt(k (k + 1) / (6 N)), q the quantile of the studentised range over sqrt 2.
    """
    q = float(stats.studentized_range.ppf(level, k, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * N)))


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share of hits among n (Wilson 1927)."""
    lower, upper = _wilson(np.array(hits / n), n, level)
    return float(lower), float(upper)


def _wilson(share: Array, n: float, level: float) -> tuple[Array, Array]:
    z = float(stats.norm.ppf(0.5 + level / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return centre - half, centre + half


def mean_share(shares: Array, n: Array, level: float = 0.95) -> tuple[Array, Array, Array]:
    """Mean over M data sets of shares (M, ...), each of n (M,) independent runs, and its limits.

    Wilson's interval of p, the mean of the shares p_m, at M^2 / sum 1/n_m runs. It errs on the wide
    side: with equal n the variance of the mean is sum p_m (1 - p_m) / (M^2 n) <= p (1 - p) / (M n),
    as p (1 - p) is concave. Where every run agrees it has a width, as a bootstrap's has not.
    """
    mean = shares.mean(axis=0)
    return mean, *_wilson(mean, len(n) ** 2 / np.sum(1 / n), level)


def effective_n(appearances: NDArray[np.int64]) -> float:
    """(sum m_i)^2 / sum m_i^2 for rows that appear m_i times in overlapping test sets."""
    m = np.asarray(appearances, dtype=np.float64)
    return float(m.sum() ** 2 / (m**2).sum())
