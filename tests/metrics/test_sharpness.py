import numpy as np
import pytest
from scipy.stats import spearmanr

from howrobust.base.metric import Undefined, evaluate
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.metrics import METRICS, score

METRIC = {metric.name: metric for metric in METRICS}


def forecast(mean, sd, y):
    return GaussianMixture(np.asarray(mean)[None], sd).forecast(y)


def test_error_sd_rank_is_spearmans_correlation():
    rng = np.random.default_rng(0)
    sd = np.round(np.exp(rng.normal(size=90)), 1) + 0.1
    y = sd * rng.normal(size=90)
    found = evaluate(METRIC["error_sd_rank"], forecast(np.zeros(90), sd, y), y, None)
    assert found == pytest.approx(spearmanr(np.abs(y), sd).statistic, rel=1e-12)


def test_error_sd_rank_of_a_constant_sd_is_undefined_and_prr_is_zero():
    y = np.random.default_rng(0).normal(size=50)
    flat = forecast(np.zeros(50), 1.0, y)
    assert isinstance(evaluate(METRIC["error_sd_rank"], flat, y, None), Undefined)
    assert evaluate(METRIC["prr"], flat, y, None) == 0
    equal = forecast(np.zeros(50), 1.0 + np.arange(50), np.ones(50))
    assert isinstance(evaluate(METRIC["prr"], equal, np.ones(50), None), Undefined)


@pytest.mark.parametrize(("ratio", "ceiling"), [(10, 0.57), (3, 0.33), (1.5, 0.13)])
def test_the_true_forecaster_reaches_only_its_ceiling(ratio, ceiling):
    rng = np.random.default_rng(0)
    sd = np.exp(rng.uniform(0, np.log(ratio), 4000))
    found = forecast(np.zeros(4000), sd, sd)
    value = evaluate(METRIC["error_sd_rank_ceiling"], found, sd, None)
    assert value == pytest.approx(ceiling, abs=0.02)


def prr_by_hand(squared, sd):
    """Slow and independent: average over tied orders by giving tied points their mean error."""
    n = len(sd)
    smooth = np.array([squared[sd == s].mean() for s in sd])
    area = []
    for errors, key in ((smooth, sd), (squared, squared)):
        order = np.argsort(key, kind="stable")
        curve = np.concatenate([[0], np.cumsum(errors[order]) / n])
        area.append(np.trapezoid(curve, np.arange(n + 1) / n))
    random = squared.mean() / 2
    return (random - area[0]) / (random - area[1])


def test_prr_is_the_ratio_of_areas():
    rng = np.random.default_rng(1)
    sd = np.round(np.exp(rng.normal(size=70)), 1) + 0.1
    y = sd * rng.normal(size=70)
    found = evaluate(METRIC["prr"], forecast(np.zeros(70), sd, y), y, None)
    assert found == pytest.approx(prr_by_hand(y**2, sd), rel=1e-10)
    best = evaluate(METRIC["prr"], forecast(np.zeros(70), np.abs(y) + 1e-9, y), y, None)
    assert best == pytest.approx(1, rel=1e-9)


def test_sharpness_is_comparable_with_rmse():
    rng = np.random.default_rng(0)
    sd = np.exp(rng.normal(size=2_000) / 2)
    found = score(GaussianMixture(np.zeros((1, 2_000)), sd), sd * rng.normal(size=2_000))
    assert found["sharpness"] == pytest.approx(found["rmse"], rel=0.1)


def test_between_share_is_the_share_of_the_means_variance():
    means = np.array([[0.0, 0.0], [2.0, 0.0]])
    found = score(GaussianMixture(means, 1.0), [0.0, 1.0])
    assert found["between_share"] == pytest.approx(1 / 3)


def test_a_target_that_the_forecast_rules_out_is_undefined_not_infinite():
    from scipy.stats import uniform

    from howrobust.distributions.closed_form import Known

    known = Known(uniform(np.zeros(4), np.ones(4)))
    found = evaluate(METRIC["nll"], known.forecast(np.full(4, 3.0)), np.full(4, 3.0), None)
    assert isinstance(found, Undefined)
    assert "rules out" in found.reason
