"""CV+ intervals against the paper's own words, slow versions and closed forms."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest

from howrobust.base.metric import Undefined, evaluate
from howrobust.distributions.forecast import STORED_LEVELS
from howrobust.distributions.predictive import PINBALL_LEVELS
from howrobust.methods.wrappers import cv_plus
from howrobust.methods.wrappers.cv_plus import CVPlus
from howrobust.metrics import METRICS, score

METRIC = {metric.name: metric for metric in METRICS}


def arrays(n=40, K=5, m=7, seed=0, apart=0.3):
    """Predictions (K, m), residuals (n,) and folds (n,): models that are ``apart`` by that much."""
    rng = np.random.default_rng(seed)
    means = np.linspace(-1, 1, m) + apart * rng.normal(size=(K, m))
    return means, np.abs(rng.normal(size=n)), rng.permutation(np.arange(n) % K)


def ends(means, residuals, fold, i):
    lower = sorted(means[k, i] - r for k, r in zip(fold, residuals, strict=True))
    upper = sorted(means[k, i] + r for k, r in zip(fold, residuals, strict=True))
    return lower, upper, float(np.median([means[k, i] for k in fold]))


def interval_of_the_paper(means, residuals, fold, alpha, i):
    """[q-(alpha), q+(1 - alpha)] of section 3 at input i, alpha a fraction, and our two rules."""
    lower, upper, middle = ends(means, residuals, fold, i)
    n = len(fold)
    first, last = floor(alpha * (n + 1)), ceil((1 - alpha) * (n + 1))
    low = lower[first - 1] if first >= 1 else -np.inf
    high = upper[last - 1] if last <= n else np.inf
    return min(low, middle), max(high, middle)


@pytest.mark.parametrize("n", [1, 9, 10, 39, 40, 199])
@pytest.mark.parametrize("apart", [0.0, 0.3, 5.0])
def test_intervals_are_those_of_the_paper_at_every_stored_level(n, apart):
    given = arrays(n, K=min(n, 5), apart=apart)
    found = CVPlus(*given)
    for thousandths in (3, 10, 20, 50, 100, 250, 500, 980):
        alpha = Fraction(thousandths, 1000)
        lower, upper = found.interval(1 - thousandths / 1000)
        expected = [interval_of_the_paper(*given, alpha, i) for i in range(7)]
        np.testing.assert_array_equal(np.transpose([lower, upper]), expected)


def test_models_that_agree_give_the_residuals_order_statistics():
    residuals = np.arange(1.0, 20.0)  # n = 19: level .9 is the 18th smallest of them
    found = CVPlus(np.full((2, 1), 5.0), residuals, np.arange(19) % 2)
    assert np.ravel(found.interval(0.9)).tolist() == [5 - 18, 5 + 18]
    assert found.quantile([0.5]).item() == 5
    assert np.isinf(found.interval(0.96)).all()  # 19 rows say nothing beyond 19/20


def test_quantiles_ascend_though_models_disagree_by_more_than_their_residuals():
    means, residuals, fold = arrays(apart=50.0)
    found = CVPlus(means, residuals, fold).quantile(np.linspace(0.001, 0.999, 999))
    with np.errstate(invalid="ignore"):  # inf - inf
        assert not (np.diff(found, axis=0) < 0).any()
    lower, upper, _ = ends(means, residuals, fold, 0)
    assert lower[-1] > upper[0]  # unclipped they would cross


@pytest.mark.parametrize("n", [40, 99, 199])
@pytest.mark.parametrize("apart", [0.3, 5.0])
def test_the_cdf_says_which_intervals_hold_y(n, apart):
    # With n + 1 = 100 or 200 every level of whole percents meets an order statistic exactly.
    found = CVPlus(*arrays(n, apart=apart))
    y = np.random.default_rng(1).normal(scale=1 + apart, size=(400, 7))
    off = np.abs(2 * found.cdf(y) - 1)
    for level in (0.5, 0.9, 0.95, *PINBALL_LEVELS):
        lower, upper = found.interval(level)
        np.testing.assert_array_equal(off <= level, (lower <= y) & (y <= upper))


@pytest.mark.parametrize("n", [1, 40, 99])
def test_the_cdf_inverts_the_quantile_function_to_half_a_step(n):
    found = CVPlus(*arrays(n, K=min(n, 5)))
    levels = np.array([p for p in STORED_LEVELS if 2 * min(p, 1 - p) * (n + 1) >= 1])
    back = found.cdf(found.quantile(levels))
    # One step of the cdf is 1 / (2 (n + 1)); 1e-12 is what it leaves out.
    assert np.abs(back - levels[:, None]).max() <= 1 / (2 * n + 2) + 1e-12


def test_the_continuous_ranked_probability_score_is_the_integral():
    means, residuals, fold = arrays(n=12)
    y = np.linspace(-4, 4, 7)  # outside, inside, outside
    found = CVPlus(means, residuals, fold).forecast(y)
    for i in range(7):
        lower, upper, middle = ends(means, residuals, fold, i)
        lower, upper = np.minimum(lower, middle), np.maximum(upper, middle)
        values = np.sort([lower[0], *lower, *upper, upper[-1]])
        cuts = np.sort([*values, y[i]])
        centres, widths = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts)
        F = (values <= centres[:, None]).mean(axis=1)
        integral = np.sum((F - (y[i] <= centres)) ** 2 * widths)
        # Sums of 26 terms of order 10 at most: 26 * 10 * 2e-16 < 1e-12.
        assert found.crps[i] == pytest.approx(integral, abs=1e-12)


def test_draws_have_the_stated_cdf():
    found = CVPlus(*arrays(n=60))
    drawn = found.sample(4000, seed=3)
    points = found.quantile([0.05, 0.3, 0.5, 0.7, 0.95])
    shares = (drawn[None] <= points[:, None]).mean(axis=1)
    # A share of 4000 draws is within 5 sqrt(.25 / 4000) = .04; a step of the cdf is .008.
    assert np.abs(shares - found.cdf(points)).max() < 0.04 + 1 / 122
    np.testing.assert_array_equal(drawn, CVPlus(*arrays(n=60)).sample(4000, seed=3))
    assert np.isfinite(drawn).all()


def test_mean_and_variance_are_those_of_the_models_and_of_the_residuals():
    means, residuals, fold = arrays()
    found = CVPlus(means, residuals, fold)
    np.testing.assert_allclose(found.mean(), means.mean(axis=0))
    aleatoric, between = found.variance_parts()
    np.testing.assert_allclose(aleatoric, np.mean(residuals**2))
    np.testing.assert_allclose(between, ((means - means.mean(axis=0)) ** 2).mean(axis=0))
    assert found.n_components == 5


def test_any_parts_of_the_inputs_give_the_same_forecast(monkeypatch):
    y = np.linspace(-2, 2, 7)
    whole, drawn = CVPlus(*arrays()).forecast(y), CVPlus(*arrays()).sample(50, seed=0)
    monkeypatch.setattr(cv_plus, "HELD_FLOATS", 100)  # two inputs of 40 rows at a time
    parts = CVPlus(*arrays()).forecast(y)
    for name in ("cdf", "quantiles", "mean"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    np.testing.assert_allclose(parts.crps, whole.crps, rtol=1e-13)
    np.testing.assert_array_equal(CVPlus(*arrays()).sample(50, seed=0), drawn)


def test_scores_of_a_forecast_without_a_density_leave_likelihoods_out():
    y = np.linspace(-2, 2, 7)
    found = score(CVPlus(*arrays(n=60)), y, 1.0)
    likelihoods = {"nll", "nll_std", "nll_gaussian", "nll_error", "nll_rounded", "kl_to_truth"}
    assert not likelihoods & set(found)
    assert {"crps", "pinball", "coverage_90", "width_95", "interval_score_95"} <= set(found)
    assert all(np.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    "name", ["nll", "nll_std", "nll_gaussian", "nll_error", "nll_rounded", "kl_to_truth"]
)
def test_a_likelihood_says_that_there_is_no_density(name):
    y = np.arange(7.0)
    truth = CVPlus(*arrays(seed=2))  # any: its divergence to a forecast without density is NaN
    forecast = CVPlus(*arrays()).forecast(y, step=1.0, truth=truth)
    found = evaluate(METRIC[name], forecast, y, 1.0)
    assert isinstance(found, Undefined)
    assert "no density" in found.reason


@pytest.mark.parametrize("name", ["pinball", "interval_score_95", "width_95"])
def test_too_few_rows_for_a_level_leave_its_score_undefined(name):
    y = np.arange(7.0)
    forecast = CVPlus(*arrays(n=15)).forecast(y)  # .05 * 16 < 1
    found = evaluate(METRIC[name], forecast, y, 1.0)
    assert isinstance(found, Undefined)
    assert name == "width_95" or "too few for its level" in found.reason
    assert isinstance(evaluate(METRIC["crps"], forecast, y, 1.0), float)


def test_a_model_that_learns_nothing_covers_exactly_what_exchangeability_says():
    # R_1 .. R_n and |y| are exchangeable, so y is inside with probability (n + 1 - j) / (n + 1).
    n, j, size = 39, 4, 40_000  # level .9: j = floor(.1 * 40)
    rng = np.random.default_rng(0)
    hits = []
    for rows in np.abs(rng.standard_cauchy((400, n))):
        found = CVPlus(np.zeros((3, size // 400)), rows, np.arange(n) % 3)
        y = rng.standard_cauchy(size // 400)
        lower, upper = found.interval(0.9)
        hits.append(np.mean((lower <= y) & (y <= upper)))
    # The y of one training set share its intervals: the error is that of 400 means.
    error = np.std(hits, ddof=1) / np.sqrt(400)
    assert np.mean(hits) == pytest.approx((n + 1 - j) / (n + 1), abs=4 * error)
    assert error < 0.004  # an order statistic more or less moves the share by .025


def least_norm(X, y):
    return np.linalg.lstsq(X, y, rcond=None)[0]


def test_the_guarantee_holds_where_the_fit_on_all_rows_falls_apart():
    # As many features as rows: least squares is at its worst on all rows, and not on a fold's.
    n, K, alpha, repeats = 60, 5, 0.1, 300
    rng = np.random.default_rng(0)
    hits, centred = [], []
    for _ in range(repeats):
        X, new = rng.normal(size=(n, n)), rng.normal(size=(10, n))
        weights = rng.normal(size=n) / np.sqrt(n)
        y, target = X @ weights + rng.normal(size=n), new @ weights + rng.normal(size=10)
        fold = np.arange(n) % K
        models = [least_norm(X[fold != k], y[fold != k]) for k in range(K)]
        residuals = np.abs(y - np.array([X[i] @ models[fold[i]] for i in range(n)]))
        lower, upper = CVPlus([new @ w for w in models], residuals, fold).interval(1 - alpha)
        hits.append(np.mean((lower <= target) & (target <= upper)))
        width = np.sort(residuals)[ceil((1 - alpha) * (n + 1)) - 1]
        centred.append(np.mean(np.abs(target - new @ least_norm(X, y)) <= width))
    # Theorem 4: 1 - 2a - min(2 (1 - 1/K) / (n/K + 1), (1 - K/n) / (K + 1)), here .677.
    least = 1 - 2 * alpha - min(2 * (1 - 1 / K) / (n / K + 1), (1 - K / n) / (K + 1))
    assert least > 1 - 2 * alpha - np.sqrt(2 / n)
    error = np.std(hits, ddof=1) / np.sqrt(repeats)
    assert np.mean(hits) > least - 4 * error
    assert np.mean(centred) < least - 0.05  # intervals around the fit on all rows break it


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"means": np.zeros(7)}, "means must be"),
        ({"means": np.full((5, 7), np.nan)}, "must be finite"),
        ({"residuals": np.ones((40, 1))}, "must both be"),
        ({"residuals": np.ones(39)}, "must both be"),
        ({"residuals": -np.ones(40)}, "at least 0"),
        ({"residuals": np.zeros(40)}, "not all of them 0"),
        ({"fold": np.full(40, 5)}, "one of the 5"),
    ],
)
def test_arrays_that_make_no_sense_are_refused(change, message):
    given = dict(zip(("means", "residuals", "fold"), arrays(), strict=True))
    with pytest.raises(ValueError, match=message):
        CVPlus(**{**given, **change})
