"""Our metrics against independent libraries, on random forecasts, to rtol 1e-6."""

import numpy as np
import pytest
import scoringrules
import uncertainty_toolbox as uct

from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.metrics import score
from howrobust.metrics.calibration import share_below

RTOL = 1e-6


@pytest.fixture(params=[0, 1, 2])
def mixture(request):
    rng = np.random.default_rng(request.param)
    means = rng.normal(size=(6, 80)) * 3
    return means, 0.2 + rng.random((6, 80)) * 2, rng.normal(size=80) * 3


@pytest.fixture(params=[0, 1, 2])
def gaussian(request):
    rng = np.random.default_rng(request.param)
    return rng.normal(size=300), 0.2 + rng.random(300), rng.normal(size=300) * 1.2


def test_mixture_crps_and_log_score_are_those_of_scoringrules(mixture):
    means, sds, y = mixture
    found = score(GaussianMixture(means, sds), y)
    assert found["crps"] == pytest.approx(
        scoringrules.crps_mixnorm(y, means.T, sds.T).mean(), rel=RTOL
    )
    assert found["nll"] == pytest.approx(
        scoringrules.logs_mixnorm(y, means.T, sds.T).mean(), rel=RTOL
    )


def test_accuracy_and_gaussian_scores_are_those_of_uncertainty_toolbox(gaussian):
    mean, sd, y = gaussian
    found = score(GaussianMixture(mean[None], sd), y)
    accuracy = uct.metrics.get_all_accuracy_metrics(mean, y, verbose=False)
    assert found["mae"] == pytest.approx(accuracy["mae"], rel=RTOL)
    assert found["rmse"] == pytest.approx(accuracy["rmse"], rel=RTOL)
    assert found["r2"] == pytest.approx(accuracy["r2"], rel=RTOL)
    assert found["nll"] == pytest.approx(
        uct.metrics_scoring_rule.nll_gaussian(mean, sd, y), rel=RTOL
    )
    assert found["crps"] == pytest.approx(
        uct.metrics_scoring_rule.crps_gaussian(mean, sd, y), rel=RTOL
    )
    assert found["sharpness"] == pytest.approx(uct.metrics_calibration.sharpness(sd), rel=RTOL)


def test_pinball_is_the_check_score_on_the_same_levels(gaussian):
    mean, sd, y = gaussian
    theirs = uct.metrics_scoring_rule.check_score(
        mean, sd, y, start_q=0.01, end_q=0.99, resolution=99
    )
    found = score(GaussianMixture(mean[None], sd), y)
    assert found["pinball"] == pytest.approx(theirs, rel=RTOL)


def test_calibration_errors_agree_where_the_grids_do(gaussian):
    mean, sd, y = gaussian
    found = score(GaussianMixture(mean[None], sd), y)
    # Theirs has both ends, 0 and 1, where the error is 0: 101 levels against our 99, and their
    # mean over 101 times 101/99 is ours.
    theirs = uct.metrics_calibration.mean_absolute_calibration_error(
        mean, sd, y, num_bins=101, prop_type="quantile"
    )
    assert found["mace_quantile"] == pytest.approx(theirs * 101 / 99, rel=RTOL)
    theirs = uct.metrics_calibration.mean_absolute_calibration_error(
        mean, sd, y, num_bins=101, prop_type="interval"
    )
    assert found["mace"] == pytest.approx(theirs * 101 / 99, rel=RTOL)
    theirs = uct.metrics_calibration.root_mean_squared_calibration_error(
        mean, sd, y, num_bins=101, prop_type="interval"
    )
    assert found["rmsce"] == pytest.approx(theirs * np.sqrt(101 / 99), rel=RTOL)


def test_interval_score_is_that_of_scoringrules(gaussian):
    mean, sd, y = gaussian
    mixture = GaussianMixture(mean[None], sd)
    found = score(mixture, y)
    for level in (0.90, 0.95):
        lower, upper = mixture.interval(level)
        theirs = scoringrules.interval_score(y, lower, upper, 1 - level).mean()
        assert found[f"interval_score_{level * 100:.0f}"] == pytest.approx(theirs, rel=RTOL)


def test_share_below_counts_what_it_says():
    rng = np.random.default_rng(0)
    values = np.round(rng.random((5, 40)), 2)  # ties with the levels
    slow = [[(row <= p).mean() for p in np.arange(1, 100) / 100] for row in values]
    np.testing.assert_array_equal(share_below(values), slow)
