import tracemalloc

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from howrobust.base.metric import Undefined, evaluate
from howrobust.distributions.forecast import Forecast
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.metrics import METRICS, score
from howrobust.metrics.calibration import LEVELS, quantile_null, share_below
from howrobust.metrics.group_coverage import terciles, worst_group
from howrobust.metrics.null import (
    cell_counts,
    shares_of_many,
    weighted_chi_square,
)
from howrobust.metrics.variance_calibration import ence_null, sd_bins

METRIC = {metric.name: metric for metric in METRICS}


def gaussian(mean, sd, y):
    return score(GaussianMixture(np.asarray(mean)[None], sd), y)


def test_central_calibration_is_blind_to_a_bias_that_quantiles_see():
    # y at the quantiles of the lower half: all below the median, |2u - 1| uniform.
    n = 10_000
    from scipy.stats import norm

    y = norm.ppf((np.arange(n) + 0.5) / n / 2)
    found = gaussian(np.zeros(n), 1.0, y)
    assert found["mace"] == pytest.approx(0, abs=1e-3)
    assert found["mace_quantile"] == pytest.approx(0.25, abs=3e-3)


@pytest.mark.parametrize("n", [31, 100, 1000])
def test_the_null_is_about_a_third_over_the_root_of_n(n):
    assert quantile_null(n).mean() == pytest.approx(0.313 / np.sqrt(n), rel=0.03)


def test_the_null_by_counting_cells_is_that_of_sorted_uniforms():
    uniform = np.random.default_rng(0).random((4000, 57))
    slow = np.abs(share_below(uniform) - LEVELS).mean(axis=1)
    assert ks_2samp(slow, quantile_null(57)).pvalue > 1e-3
    assert (cell_counts(57, 100).sum(axis=1) == 57).all()


def test_a_sum_of_many_weighted_squares_has_the_law_of_the_slow_sum():
    rng = np.random.default_rng(1)
    weights = np.zeros((3000, 2))
    weights[:1000, 0] = np.exp(rng.normal(size=1000))
    weights[1000:, 1] = 1.0
    slow = np.concatenate([rng.standard_normal((500, 3000)) ** 2 @ weights for _ in range(8)])
    fast = weighted_chi_square(weights)
    for column in range(2):
        assert ks_2samp(slow[:, column], fast[:, column]).pvalue > 1e-3


def test_the_least_share_of_many_points_has_the_law_of_the_slow_one():
    # Terciles of four correlated features: groups that overlap.
    rng = np.random.default_rng(2)
    X = rng.normal(size=(6000, 4)) + rng.normal(size=(6000, 1))
    groups = np.stack([terciles(column) for column in X.T])
    slow = np.concatenate(
        [worst_group((rng.random((500, 6000)) < 0.9).astype(np.float32), groups) for _ in range(8)]
    )
    indicator = np.concatenate([groups == k for k in range(3)]).astype(np.float32)
    fast = shares_of_many(indicator, 0.9).min(axis=1)
    # The least of 12 is the worse for the binomial's skewness -0.06: by .06 (z^2 - 1) / 6 = .03 sd
    # at z = 1.9, beside standard errors of .016 (of 4000 slow ones); 4 of them and that skew.
    sd = slow.std()
    assert fast.mean() == pytest.approx(slow.mean(), abs=0.1 * sd)
    assert fast.std() == pytest.approx(sd, rel=0.1)
    assert np.quantile(fast, 0.05) == pytest.approx(np.quantile(slow, 0.05), abs=0.2 * sd)


@pytest.mark.parametrize("n", [500, 5000])
@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_the_null_of_ence_does_not_depend_on_the_unit_of_the_target(n, unit):
    sd = np.random.default_rng(0).gamma(2, 1, n)
    null = ence_null(sd * unit)
    np.testing.assert_allclose(null, ence_null(sd), rtol=1e-4)
    assert np.isfinite(null).all()


def test_nulls_of_a_million_points_take_little_memory():
    n = 500_000
    rng = np.random.default_rng(3)
    pit, sd = rng.random(n), np.exp(rng.normal(size=n))
    blank = dict.fromkeys(("between", "logpdf", "crps", "pinball", "quantiles"), np.zeros(n))
    forecast = Forecast(mean=sd, aleatoric=sd**2, smallest_sd=sd, pit=pit, cdf=pit, **blank)
    tracemalloc.start()
    for name in ("mace", "ence", "worst_group_coverage_90"):
        assert evaluate(METRIC[f"{name}_p"], forecast, np.zeros(n), None) >= 0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 30 numbers a point (weights of ten bins, twice) and 9,999 cells; 9,999 a point were 18 GiB.
    assert peak < 400 * 2**20


@pytest.mark.parametrize("statistic", ["mace", "mace_quantile", "ence", "worst_group_coverage_90"])
def test_p_values_of_a_calibrated_forecaster_are_uniform(statistic):
    metric = METRIC[f"{statistic}_p"]
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        mean, sd = rng.normal(size=60), np.exp(rng.normal(size=60))
        y = mean + sd * rng.normal(size=60)
        found.append(evaluate(metric, GaussianMixture(mean[None], sd).forecast(y), y, None))
    # Discrete statistics (a minimum of shares) are conservative: p is never too small.
    for level in (0.05, 0.2, 0.5):
        share = np.mean(np.array(found) <= level)
        assert share <= level + 3.5 * np.sqrt(level * (1 - level) / 200)
    if statistic != "worst_group_coverage_90":
        assert kstest(found, "uniform").pvalue > 1e-3


def test_an_overconfident_forecaster_is_rejected():
    rng = np.random.default_rng(0)
    y = rng.normal(size=300)
    found = gaussian(np.zeros(300), 0.5, y)
    assert found["mace_p"] < 0.001
    assert found["coverage_90"] < 0.7
    assert gaussian(np.zeros(300), 1.0, y)["mace_p"] > 0.01


def test_ence_bins_have_equal_counts_and_never_divide_tied_sds():
    sd = np.repeat([1.0, 2.0, 3.0], [55, 5, 40])
    bins = sd_bins(np.random.default_rng(0).permutation(sd))
    assert sum(len(b) for b in bins) == 100
    ordered = np.random.default_rng(0).permutation(sd)
    for value in (1.0, 2.0, 3.0):
        assert sum(value in ordered[b] for b in bins) == 1
    assert [len(b) for b in sd_bins(np.arange(100.0))] == [20] * 5
    assert sd_bins(np.arange(39.0)) == []


def test_ence_is_undefined_for_a_constant_sd_and_small_otherwise():
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    forecast = GaussianMixture(np.zeros((1, 400)), 1.0).forecast(y)
    assert isinstance(evaluate(METRIC["ence"], forecast, y, None), Undefined)
    sd = np.exp(rng.normal(size=400))
    forecast = GaussianMixture(np.zeros((1, 400)), sd).forecast(sd * y)
    assert evaluate(METRIC["ence"], forecast, sd * y, None) < 0.2
    assert evaluate(METRIC["ence_p"], forecast, sd * y, None) > 0.01
    halved = GaussianMixture(np.zeros((1, 400)), sd / 2).forecast(sd * y)
    assert evaluate(METRIC["ence"], halved, sd * y, None) == pytest.approx(1, abs=0.2)
    assert evaluate(METRIC["ence_p"], halved, sd * y, None) < 0.001


def test_worst_group_finds_the_group_that_is_missed():
    groups = np.array([[0, 0, 0, 1, 1, 1, 2, 2, 2]])
    hits = np.array([1, 1, 1, 1, 0, 0, 1, 1, 1], dtype=np.float32)
    assert worst_group(hits, groups) == pytest.approx(1 / 3)


def test_terciles_share_equal_values():
    assert set(terciles(np.arange(9.0)[[0, 1, 2]])) == {0, 1, 2}
    labels = terciles(np.array([0.0] * 8 + [1.0]))
    assert len(set(labels[:8])) == 1


def test_missing_values_are_a_group_of_their_own_beside_the_terciles_of_the_others():
    values = np.array([5.0, np.nan, 1.0, 3.0, np.nan, 2.0, 6.0, 4.0])
    assert terciles(values).tolist() == [2, 3, 0, 1, 3, 0, 2, 1]
    assert terciles(np.full(4, np.nan)).tolist() == [3, 3, 3, 3]
    hits = np.array([1, 0, 1, 1, 0, 1, 1, 1], dtype=np.float32)
    assert worst_group(hits, terciles(values)[None]) == 0


def test_the_oracle_is_rejected_in_about_five_percent_of_seeds():
    from howrobust.datasets.synthetic import Heteroscedastic

    source = Heteroscedastic()
    rejected = 0
    for seed in range(200):
        _, test = source.realise("draw-0", seed)
        forecast = source.predictive(test.X).forecast(test.y)
        rejected += evaluate(METRIC["mace_p"], forecast, test.y, None) <= 0.05
    # Binomial(200, .05): mean 10, sd 3.1.
    assert 1 <= rejected <= 21


def test_coverage_of_a_discrete_target_is_the_share_inside_the_interval():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 6, 500).astype(float)
    mixture = GaussianMixture(np.full((1, 500), 2.5), 1.6)
    lower, upper = mixture.interval(0.9)
    forecast = mixture.forecast(y, step=1.0)
    inside = np.mean((y >= lower) & (y <= upper))
    assert evaluate(METRIC["coverage_90"], forecast, y, None) == inside
    assert score(mixture, y)["coverage_90"] == inside
