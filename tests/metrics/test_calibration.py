import numpy as np
import pytest
from scipy.stats import kstest

from howrobust.metrics import METRICS, Undefined, evaluate, score
from howrobust.metrics.calibration import (
    _grid_share,
    quantile_null,
    sd_bins,
    share_below,
    terciles,
    worst_group,
)
from howrobust.predictive import GaussianMixture

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


def test_the_null_by_counting_cells_equals_the_slow_one():
    uniform = np.random.default_rng(0).random((20, 57)).astype(np.float32)
    np.testing.assert_allclose(_grid_share(uniform), share_below(uniform), atol=1e-12)


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
