"""Known defects of other libraries, each pinned by the number that gives it away."""

import numpy as np
import pytest

from howrobust.compiled import available
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.intervals import IntervalForecast
from howrobust.methods.core.engines.compiled_engine import train_compiled
from howrobust.methods.core.engines.torch_engine import train_in_torch
from howrobust.methods.core.engines.training_job import Schedule, TrainingJob
from howrobust.methods.core.losses.squared_error import SquaredError
from howrobust.metrics import METRICS, score
from howrobust.metrics.calibration import share_below


def test_members_are_mixed_not_their_parameters_averaged():
    found = score(GaussianMixture([[5.0], [-5.0]], 0.1), [5.0])
    assert found["nll"] == pytest.approx(-0.69, abs=0.005)
    assert found["nll_gaussian"] == pytest.approx(3.03, abs=0.005)
    averaged = score(GaussianMixture([[0.0]], 0.1), [5.0])["nll"]
    assert averaged == pytest.approx(1248.6, abs=0.05)


def test_the_residual_has_the_right_sign():
    # Unit noise and sd 1, mu low by .7: y - mu ~ N(.7, 1). Its exact quantiles stand for a sample.
    from scipy.stats import norm

    y = norm.ppf((np.arange(100_000) + 0.5) / 100_000) + 0.7
    pit = GaussianMixture(np.zeros((1, len(y))), 1.0).cdf(y)
    share = share_below(pit, np.array([0.2]))[0]
    assert share == pytest.approx(0.0616, abs=5e-5)
    assert share != pytest.approx(0.4437, abs=0.1)


def test_shuffling_the_rows_changes_no_metric():
    rng = np.random.default_rng(0)
    n = 120
    means = rng.normal(size=(4, n))
    sds = np.repeat([0.5, 0.5, 1.0, 2.0], n // 4) * np.ones((4, n))  # sds tie in groups
    y = np.round(rng.normal(size=n), 1)
    tied = np.arange(5, n, 11)  # errors tie too, across the groups
    y[tied], means[:, tied] = 0.0, 0.0
    order = rng.permutation(n)
    first = score(GaussianMixture(means, sds), y, 1.0)
    second = score(GaussianMixture(means[:, order], sds[:, order]), y[order], 1.0)
    assert first.keys() == second.keys()
    for name in first:
        # Nulls and ceilings are float32 products: their sums may round by order.
        assert first[name] == pytest.approx(second[name], rel=1e-6, abs=1e-12), name


def test_the_interval_score_pays_two_over_alpha_for_a_miss():
    # Width 1 and a miss of 1.
    metric = {each.name: each for each in METRICS}
    y = np.array([2.0])
    for level, value in ((0.95, 41), (0.9, 21)):
        forecast = IntervalForecast([0.0], [1.0], level).forecast(y)
        name = f"interval_score_{100 * level:.0f}"
        assert metric[name].function(forecast, y, None) == pytest.approx(value)


def test_scores_are_means_and_units_differ_by_the_log_of_the_scale():
    rng = np.random.default_rng(0)
    means, y = rng.normal(size=(3, 50)), rng.normal(size=50)
    once = score(GaussianMixture(means, 0.5), y, 7.3)
    twice = score(GaussianMixture(np.tile(means, 2), 0.5), np.tile(y, 2), 7.3)
    for name in ("nll", "crps", "rmse", "pinball", "interval_score_90"):
        assert twice[name] == pytest.approx(once[name], rel=1e-12)
    assert once["nll"] - once["nll_std"] == pytest.approx(np.log(7.3), rel=1e-12)
    in_other_units = score(GaussianMixture(means * 7.3, 0.5 * 7.3), y * 7.3)
    assert in_other_units["nll"] == pytest.approx(once["nll"] + np.log(7.3), rel=1e-12)


@pytest.mark.parametrize("engine", [train_compiled, train_in_torch])
def test_scalers_see_training_rows_alone(engine):
    if engine is train_compiled and not available():
        pytest.skip("no compiler")
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    X[20:], y[20:] = np.nan, np.nan
    found = engine(
        SquaredError((4,)), X, y, [TrainingJob(np.arange(20), 1)], Schedule(1, 8, 0.01)
    ).scaling
    for ours, expected in (
        (found.x_mean[0], X[:20].mean(0)),
        (found.x_sd[0], X[:20].std(0)),
        (found.y_mean[0], y[:20].mean()),
        (found.y_sd[0], y[:20].std()),
    ):
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-12)


def test_every_name_of_the_scoring_document_is_scored():
    wanted = {
        "rmse",
        "mae",
        "r2",
        "nll",
        "nll_gaussian",
        "nll_std",
        "crps",
        "mace",
        "rmsce",
        "mace_quantile",
        "mace_null",
        "mace_p",
        "mace_quantile_null",
        "mace_quantile_p",
        "ence",
        "ence_null",
        "ence_p",
        "coverage_50",
        "coverage_90",
        "coverage_95",
        "coverage_997",
        "width_90",
        "width_95",
        "interval_score_90",
        "interval_score_95",
        "pinball",
        "sharpness",
        "between_share",
        "error_sd_rank",
        "error_sd_rank_ceiling",
        "prr",
        "prr_ceiling",
        "worst_group_coverage_90",
        "worst_group_coverage_90_null",
        "kl_to_truth",
        "nll_rounded",
    }
    assert wanted <= {metric.name for metric in METRICS}
    rng = np.random.default_rng(0)
    found = score(GaussianMixture(rng.normal(size=(5, 60)), 0.5 + rng.random(60)), np.zeros(60), 1)
    assert wanted - found.keys() == {"kl_to_truth", "nll_rounded", "r2"}
