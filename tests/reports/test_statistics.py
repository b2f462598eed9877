import numpy as np
import pytest
from scipy.stats import binomtest

from howrobust.statistics import effective_n, over_splits, wilson


def test_wilsons_interval_is_scipys():
    theirs = binomtest(45, 50).proportion_ci(0.95, method="wilson")
    assert wilson(45, 50) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_the_interval_over_independent_splits_is_students():
    from scipy.stats import t

    values = np.array([1.0, 2.0, 4.0, 3.0])
    found = over_splits(values, overlap=0.0)
    se = values.std(ddof=1) / 2
    assert found.se == pytest.approx(se)
    assert found.upper == pytest.approx(values.mean() + t.ppf(0.975, 3) * se)
    assert np.isnan(over_splits(values[:1], 0.0).se)


def test_the_corrected_interval_covers_where_the_naive_one_does_not():
    """Nadeau & Bengio: random 90/10 splits of one sample, of the mean of a squared error."""
    covered = {0.0: 0, 1 / 9: 0}
    truth = 1 + 1 / 90  # E (y - mean of 90 training rows)^2 for standard normal y
    for seed in range(300):
        rng = np.random.default_rng(seed)
        y = rng.normal(size=100)
        scores = []
        for _ in range(20):
            order = rng.permutation(100)
            scores.append(np.mean((y[order[:10]] - y[order[10:]].mean()) ** 2))
        for overlap in covered:
            found = over_splits(np.array(scores), overlap)
            covered[overlap] += found.lower <= truth <= found.upper
    # SCORING: 71 % and 92 %; 300 sets give +- 3 % (one sd).
    assert covered[0.0] / 300 < 0.85
    assert covered[1 / 9] / 300 > 0.85


def test_rows_that_appear_once_count_in_full():
    assert effective_n(np.ones(50, dtype=int)) == 50
    assert effective_n(np.array([2, 2, 2])) == 3
    assert effective_n(np.array([3, 1])) == pytest.approx(1.6)
