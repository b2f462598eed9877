import numpy as np
import pytest

from howrobust.base.metric import evaluate
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.metrics.builtin import METRICS
from howrobust.metrics.by_feature import FEATURE_METRICS, score_features, variant


@pytest.fixture
def stressed():
    """Six variants of 50 rows: three features, each stressed in two ways."""
    rng = np.random.default_rng(0)
    y, means = rng.normal(size=50), rng.normal(size=300) * np.repeat([1, 2, 3, 3, 1, 2], 50)
    forecast = GaussianMixture(means[None], np.full((1, 300), 1.5)).forecast(np.tile(y, 6))
    return y, forecast.replaced(variants=6)


def test_a_feature_counts_by_the_worse_of_its_variants(stressed):
    y, forecast = stressed
    for metric in FEATURE_METRICS:
        each = [evaluate(metric, variant(forecast, k), y, None) for k in range(6)]
        worse = min if metric.name == "coverage_90" else max
        assert score_features(metric, forecast, y, 3) == [worse(each[j::3]) for j in range(3)]


def test_the_worst_feature_has_the_score_of_the_worst_variant(stressed):
    y, forecast = stressed
    for metric in FEATURE_METRICS:
        (worst,) = (m for m in METRICS if m.name == f"{metric.name}_worst")
        worse = min if metric.name == "coverage_90" else max
        value = evaluate(worst, forecast, np.tile(y, 6), None)
        assert worse(score_features(metric, forecast, y, 3)) == pytest.approx(value, rel=1e-12)


def test_a_forecast_without_a_density_has_no_nll_and_variants_must_be_those_of_features(stressed):
    y, forecast = stressed
    blank = forecast.replaced(missing={"logpdf": "an interval has no density"})
    nll = next(m for m in FEATURE_METRICS if m.name == "nll")
    reasons = [value.reason for value in score_features(nll, blank, y, 3)]
    assert reasons == ["an interval has no density"] * 3
    with pytest.raises(ValueError, match="6 variants are not the same number"):
        score_features(nll, forecast, y, 4)
