"""Intervals over splits, tests of paired differences, and tests of ranks over data sets.

Random 90/10 splits of one table overlap, so their scores are correlated; scores of independently
generated data are not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from howrobust.distributions.arrays import Array


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
    """Adjust p-values for multiple tests by Holm's method.

    Parameters
    ----------
    p
        p-values, shape (m,); NaN stands for a test that was not made and is not counted.

    Returns
    -------
    Array
        Adjusted p-values in the order given, shape (m,); NaN where ``p`` is NaN.

    Notes
    -----
    They control the family-wise error: the k-th least of m becomes the largest of
    (m - j + 1) p_(j) over j <= k, at most 1 (Holm 1979).
    """
    # statsmodels.stats.multitest.multipletests collects garbage on every call: 0.1 s each.
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested])]
    steps = np.arange(len(order), 0, -1) * p[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def friedman(values: Array) -> float:
    """Test whether k methods have equal ranks over data sets.

    Parameters
    ----------
    values
        A value of each of k >= 2 methods on each of N data sets, shape (N, k).

    Returns
    -------
    float
        p of Friedman's test (1937) by chi-square with k - 1 degrees of freedom; 1 where all values
        of every data set are tied.

    Notes
    -----
    Of two methods, which scipy's Friedman test does not take, Friedman's statistic is that of the
    sign test, (wins - losses)^2 / (wins + losses), data sets with a tie left out.
    """
    if (values == values[:, :1]).all():
        return 1.0
    if values.shape[1] == 2:
        first, second = values.T
        return float(stats.chisquare([np.sum(first < second), np.sum(first > second)]).pvalue)
    return float(stats.friedmanchisquare(*values.T).pvalue)


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
    """Return Wilson's interval of a share.

    Parameters
    ----------
    hits
        Number of successes; an effective number need not be whole.
    n
        Number of independent trials, likewise.
    level
        Probability that the interval holds, default 0.95.

    Returns
    -------
    tuple of float
        Lower and upper limit (Wilson 1927).
    """
    lower, upper = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    return float(lower), float(upper)


def mean_share(shares: Array, n: Array, level: float = 0.95) -> tuple[Array, Array, Array]:
    """Average shares over data sets, with Wilson's interval.

    Parameters
    ----------
    shares
        Shares p_m of M data sets, shape (M, ...).
    n
        Independent runs behind the shares of each data set, shape (M,); need not be whole.
    level
        Probability that the interval holds, default 0.95.

    Returns
    -------
    tuple of Array
        Mean, lower and upper limit, each of shape (...).

    Notes
    -----
    The interval is Wilson's of p, the mean of the p_m, at M^2 / sum 1/n_m runs. It errs on the wide
    side: with equal n the variance of the mean is sum p_m (1 - p_m) / (M^2 n) <= p (1 - p) / (M n),
    as p (1 - p) is concave. Where every run agrees it has a width, as a bootstrap's has not.
    """
    mean = np.asarray(shares.mean(axis=0))
    runs = float(len(n) ** 2 / np.sum(1 / n))
    lower, upper = proportion_confint(mean * runs, runs, alpha=1 - level, method="wilson")
    return mean, np.asarray(lower), np.asarray(upper)


def effective_n(appearances: NDArray[np.int64]) -> float:
    """(sum m_i)^2 / sum m_i^2 for rows that appear m_i times in overlapping test sets."""
    m = np.asarray(appearances, dtype=np.float64)
    return float(m.sum() ** 2 / (m**2).sum())
