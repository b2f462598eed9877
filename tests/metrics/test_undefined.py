"""Metrics of forecasts that state a part of a distribution: values, or the form's own reason."""

import numpy as np
import pytest
from scipy import stats

from howrobust.base.metric import Undefined, evaluate
from howrobust.distributions import (
    IntervalForecast,
    Normal,
    QuantileForecast,
    SampleForecast,
)
from howrobust.metrics import METRICS

N = 80
RNG = np.random.default_rng(0)
MEAN, SD = RNG.normal(size=N), RNG.uniform(0.5, 2, N)
Y = MEAN + SD * RNG.normal(size=N)
LEVELS = [0.05, 0.5, 0.95]
VALUES = MEAN + stats.norm.ppf(LEVELS)[:, None] * SD
FORMS = {
    "quantiles": QuantileForecast(LEVELS, VALUES),
    "samples": SampleForecast(MEAN + SD * RNG.normal(size=(99, N))),
    "interval": IntervalForecast(VALUES[0], VALUES[2], 0.9),
    "interval with mean": IntervalForecast(VALUES[0], VALUES[2], 0.9, MEAN),
}


def values(form):
    forecast = FORMS[form].forecast(Y)
    return {metric.name: evaluate(metric, forecast, Y, 1.0) for metric in METRICS}


def defined(form):
    return {name for name, value in values(form).items() if not isinstance(value, Undefined)}


def test_an_interval_has_the_scores_of_its_level_alone():
    of_level = {"coverage_90", "width_90", "interval_score_90"}
    grouped = {"", "_null", "_null_95", "_p"}
    assert defined("interval") == of_level
    assert defined("interval with mean") == (
        of_level | {"rmse", "mae", "r2"} | {f"worst_group_coverage_90{part}" for part in grouped}
    )


def test_quantiles_have_crps_pinball_and_the_scores_of_their_levels():
    assert {"rmse", "crps", "pinball", "coverage_90", "width_90", "quantile_crossings"} <= defined(
        "quantiles"
    )
    stated = values("quantiles")
    losses = np.maximum(np.array(LEVELS)[:, None] * (Y - VALUES), 0) + np.maximum(
        (1 - np.array(LEVELS))[:, None] * (VALUES - Y), 0
    )
    assert stated["pinball"] == pytest.approx(losses.mean())
    normal = Normal(MEAN, SD).forecast(Y)
    for metric in METRICS:
        if metric.name in ("coverage_90", "width_90", "interval_score_90"):
            assert stated[metric.name] == pytest.approx(evaluate(metric, normal, Y, 1.0))


@pytest.mark.parametrize(
    ("form", "names", "reason"),
    [
        ("quantiles", "nll nll_std nll_error kl_to_truth", "quantiles have no density"),
        ("quantiles", "mace mace_null mace_p rmsce mace_quantile", "beyond the outermost"),
        ("quantiles", "sharpness ence ence_null prr prr_ceiling nll_gaussian error_sd_rank "
         "error_sd_rank_ceiling between_share", "no standard deviation"),
        ("quantiles", "coverage_95 width_95 interval_score_95",
         "the model states the quantiles at 0.05, 0.5 and 0.95, not that at 0.025"),
        ("samples", "nll nll_std", "no density unless a kernel"),
        ("samples", "between_share", "do not divide"),
        ("samples", "coverage_997", "99 draws hold the quantiles from 0.01 to 0.99"),
        ("interval", "rmse mae r2 worst_group_coverage_90_null", "no point forecast"),
        ("interval", "crps crps_error mace ence", "no "),
        ("interval", "coverage_95", "the model states the interval of 90 %, not"),
        ("interval", "quantile_crossings", "states no quantiles"),
    ],
)  # fmt: skip
def test_what_a_form_cannot_give_is_undefined_with_its_own_reason(form, names, reason):
    given = values(form)
    for name in names.split():
        value = given[name]
        assert isinstance(value, Undefined), name
        assert reason in value.reason, name


def test_no_value_of_any_form_is_nan():
    for form in FORMS:
        for name, value in values(form).items():
            assert isinstance(value, Undefined) or np.isfinite(value), (form, name)


def test_crossing_points_are_counted():
    crossed = VALUES.copy()
    crossed[[0, 1], :3] = crossed[[1, 0], :3]
    forecast = QuantileForecast(LEVELS, crossed).forecast(Y)
    (metric,) = (m for m in METRICS if m.name == "quantile_crossings")
    assert evaluate(metric, forecast, Y, None) == 3.0
