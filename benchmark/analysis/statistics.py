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

ALPHA = 0.05  # family-wise level of tests between methods


@dataclass(frozen=True)
class Estimate:
    """A mean over splits with its standard error and interval.

    Parameters
    ----------
    mean : float
        Mean over J splits.
    se : float
        Its standard error; NaN where J is 1.
    lower, upper : float
        Limits of its interval; NaN where J is 1.
    """

    mean: float
    se: float
    lower: float
    upper: float


def over_splits(values: Array, overlap: float, level: float = 0.95) -> Estimate:
    """Estimate the mean of a score over splits, with a corrected interval.

    Parameters
    ----------
    values : array of shape (J,)
        A score, or a paired difference of scores, on each of J splits.
    overlap : float
        n_test / n_train for random splits of one table; 0 for independent data.
    level : float, default=0.95
        Confidence of the interval.

    Returns
    -------
    Estimate
        The mean with its standard error and Student's interval, J - 1 degrees of freedom.

    Notes
    -----
    The variance of the mean is (1/J + overlap) s^2, s^2 the variance of the values with ddof 1
    (Nadeau & Bengio 2003, eq. 9).
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return Estimate(mean, np.nan, np.nan, np.nan)
    se = float(np.std(values, ddof=1) * np.sqrt(1 / len(values) + overlap))
    half = float(stats.t.ppf(0.5 + level / 2, len(values) - 1)) * se
    return Estimate(mean, se, mean - half, mean + half)


@dataclass(frozen=True)
class Paired:
    """A mean paired difference and the p-value of no difference.

    Parameters
    ----------
    estimate : Estimate
        The mean difference with its interval.
    p : float
        Two-sided p-value; NaN where there is one split.
    """

    estimate: Estimate
    p: float


def paired(values: Array, other: Array, overlap: float, level: float = 0.95) -> Paired:
    """Test a paired difference over splits by the corrected resampled t-test.

    Parameters
    ----------
    values : array of shape (J,)
        Scores on J splits.
    other : array of shape (J,)
        The scores that they are compared with, on the same splits.
    overlap : float
        n_test / n_train for random splits of one table; 0 for independent data.
    level : float, default=0.95
        Confidence of the interval.

    Returns
    -------
    Paired
        The mean of ``values - other`` and its p-value; 1 for scores that agree on every split.

    Notes
    -----
    t = mean / se with J - 1 degrees of freedom, mean and se those of `over_splits` (Nadeau &
    Bengio 2003, eq. 9).
    """
    estimate = over_splits(values - other, overlap, level)
    if estimate.se == 0:
        return Paired(estimate, 1.0 if estimate.mean == 0 else 0.0)
    p = 2 * stats.t.sf(abs(estimate.mean) / estimate.se, max(len(values) - 1, 1))
    return Paired(estimate, float(p))


def holm(p: Array) -> Array:
    """Adjust p-values for multiple tests by Holm's method.

    Parameters
    ----------
    p : array of shape (m,)
        p-values; NaN stands for a test that was not made and is not counted.

    Returns
    -------
    array of shape (m,)
        Adjusted p-values in the order given; NaN where ``p`` is NaN.

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
    values : array of shape (N, k)
        A value of each of k >= 2 methods on each of N data sets.

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
    """Test whether paired differences have a median of 0.

    Parameters
    ----------
    differences : array of shape (N,)
        Paired differences; zeros are left out.

    Returns
    -------
    float
        Two-sided p-value of Wilcoxon's signed-rank test (1945); 1 where all differences are 0.
    """
    moved = differences[differences != 0]
    return float(stats.wilcoxon(moved).pvalue) if len(moved) else 1.0


def nemenyi(k: int, N: int, level: float = 0.95) -> float:
    """Return the critical difference of mean ranks.

    Parameters
    ----------
    k : int
        Number of methods.
    N : int
        Number of data sets.
    level : float, default=0.95
        One less the family-wise error of Nemenyi's test.

    Returns
    -------
    float
        Critical difference, in ranks.

    Notes
    -----
    q sqrt(k (k + 1) / (6 N)), q the quantile of the studentised range over sqrt 2 (Demsar 2006,
    section 3.2.2).
    """
    q = float(stats.studentized_range.ppf(level, k, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(k * (k + 1) / (6 * N)))


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    Parameters
    ----------
    hits : float
        Number of successes; an effective number need not be whole.
    n : float
        Number of independent trials, likewise.
    level : float, default=0.95
        Confidence of the interval.

    Returns
    -------
    tuple of float
        Lower and upper limit (Wilson 1927).
    """
    lower, upper = proportion_confint(hits, n, alpha=1 - level, method="wilson")
    return float(lower), float(upper)


@dataclass(frozen=True, eq=False)
class MeanShare:
    """Shares averaged over data sets, with their intervals.

    Parameters
    ----------
    mean : array of shape (...)
        Mean shares.
    lower, upper : array of shape (...)
        Limits of their intervals; NaN where there are none.
    reason : str, default=""
        Why there are no limits.
    """

    mean: Array
    lower: Array
    upper: Array
    reason: str = ""


def mean_share(shares: Array, n: Array, level: float = 0.95) -> MeanShare:
    """Average shares over data sets, with Wilson's interval.

    Parameters
    ----------
    shares : array of shape (M, ...)
        Shares p_m of M data sets.
    n : array of shape (M,)
        Independent runs behind the shares of each data set; need not be whole.
    level : float, default=0.95
        Confidence of the interval.

    Returns
    -------
    MeanShare
        Means and limits.

    Notes
    -----
    The interval is Wilson's (1927) of p, the mean of the p_m, at M^2 / sum 1/n_m runs. It is
    conservative: with equal n the variance of the mean is
    sum p_m (1 - p_m) / (M^2 n) <= p (1 - p) / (M n), as p (1 - p) is concave. It has a width even
    where every run agrees, unlike a bootstrap interval.
    """
    mean = np.asarray(shares.mean(axis=0))
    runs = float(len(n) ** 2 / np.sum(1 / n))
    lower, upper = proportion_confint(mean * runs, runs, alpha=1 - level, method="wilson")
    return MeanShare(mean, np.asarray(lower), np.asarray(upper))


def effective_n(appearances: NDArray[np.int64]) -> float:
    """Return the effective number of rows that appear in several test sets.

    Parameters
    ----------
    appearances : array of shape (n,)
        How often each of n distinct rows appears in overlapping test sets.

    Returns
    -------
    float
        (sum m_i)^2 / sum m_i^2 for rows that appear m_i times (Kish 1965).
    """
    m = np.asarray(appearances, dtype=np.float64)
    return float(m.sum() ** 2 / (m**2).sum())
