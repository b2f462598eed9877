"""Distributions of transformed targets: closed forms, Monte Carlo, finite differences."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import ndtr
from sklearn.preprocessing import PowerTransformer

from howrobust.distributions.closed_form import Known, Normal
from howrobust.distributions.forecast import STORED_LEVELS, NotStated
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.intervals import IntervalForecast
from howrobust.distributions.joined import Joined
from howrobust.distributions.quantiles import QuantileForecast
from howrobust.distributions.samples import SampleForecast
from howrobust.distributions.streaming import StreamedMixture
from howrobust.distributions.transformed.choice import transform_of
from howrobust.distributions.transformed.law import TransformedPredictive, transformed
from howrobust.distributions.transformed.transforms import LARGEST, Log, YeoJohnson
from howrobust.errors import BadInput

LEVELS = np.array([0.01, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999])
YJ = [YeoJohnson(exponent, 3.0) for exponent in (0.0, 0.3, 1.0, 1.6, 2.0)]


def mixture(S: int, n: int, seed: int, spread: float = 0.5) -> GaussianMixture:
    rng = np.random.default_rng(seed)
    means = rng.normal(size=n) + spread * rng.normal(size=(S, n))
    return GaussianMixture(means, rng.uniform(0.2, 0.8, (S, n)), sampled=True)


def streamed(base: GaussianMixture, block: int = 100) -> StreamedMixture:
    def blocks():
        for start in range(0, len(base.means), block):
            part = slice(start, start + block)
            yield base.means[part], np.broadcast_to(base.sds, base.means.shape)[part]

    return StreamedMixture(blocks, base.means.shape[1], len(base.means))


def crps_lognormal(m, v, y):
    """Baran & Lerch 2015, eq. 6."""
    w = (np.log(y) - m) / v
    upper = 2 * np.exp(m + v**2 / 2) * (ndtr(w - v) + ndtr(v / np.sqrt(2)) - 1)
    return y * (2 * ndtr(w) - 1) - upper


@pytest.mark.parametrize("as_normal", [False, True])
def test_the_exponential_of_a_normal_is_the_lognormal(as_normal):
    rng = np.random.default_rng(0)
    m, v = rng.normal(size=40), rng.uniform(0.05, 2.5, 40)
    base = Normal(m, v) if as_normal else GaussianMixture(m[None], v)
    law = TransformedPredictive(base, Log())
    theirs = stats.lognorm(s=v, scale=np.exp(m))
    y = theirs.rvs(random_state=1)
    at_y = law.evaluate(y, LEVELS)
    np.testing.assert_allclose(at_y.logpdf, theirs.logpdf(y), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(law.logpdf(y), theirs.logpdf(y), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(at_y.cdf, theirs.cdf(y), rtol=1e-10)
    np.testing.assert_allclose(at_y.mean, theirs.mean(), rtol=1e-12)
    np.testing.assert_allclose(sum(law.variance_parts()), theirs.var(), rtol=1e-10)
    np.testing.assert_allclose(at_y.quantiles, theirs.ppf(LEVELS[:, None]), rtol=1e-9)
    error = np.abs(at_y.crps - crps_lognormal(m, v, y))
    assert error.max() <= at_y.crps_error + 1e-12
    np.testing.assert_allclose(at_y.crps, crps_lognormal(m, v, y), rtol=1e-6)
    np.testing.assert_allclose(at_y.smallest_sd, theirs.std(), rtol=1e-10)


@pytest.mark.parametrize("transform", [Log(), *YJ])
def test_the_density_is_the_slope_of_the_distribution_function(transform):
    law = TransformedPredictive(mixture(5, 30, 2), transform)
    y = law.sample(1, 3)[0]
    h = 1e-5 * np.abs(y)  # the error is h^2 F''' / 6 + 1e-16 / h
    slope = (law.cdf(y + h) - law.cdf(y - h)) / (2 * h)
    np.testing.assert_allclose(np.exp(law.logpdf(y)), slope, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(law.cdf(law.quantile(LEVELS)), LEVELS[:, None] + np.zeros(30))
    np.testing.assert_allclose(law.interval(0.95)[0], law.quantile(0.025)[0], rtol=1e-12)


@pytest.mark.parametrize("transform", [Log(), *YJ])
@pytest.mark.parametrize("S", [1, 5])
def test_moments_and_crps_are_those_of_an_independent_integral(transform, S):
    base = mixture(S, 4, 4)
    law = TransformedPredictive(base, transform)
    y = law.sample(1, 5)[0]
    at_y = law.evaluate(y, LEVELS)
    variance = sum(law.variance_parts())
    for i in range(4):
        one = GaussianMixture(base.means[:, [i]], base.sds[:, [i]])

        def density(z, one=one):
            return float(np.exp(one.logpdf([z])[0]))

        def moment(power, centre=0.0, density=density):
            def integrand(z):
                return (float(transform.inverse(z)) - centre) ** power * density(z)

            return sum(quad(integrand, *ends, limit=400)[0] for ends in ((-9, 0), (0, 9)))

        assert law.mean()[i] == pytest.approx(moment(1), rel=1e-3)
        sd = np.sqrt(moment(2, moment(1)))
        assert abs(law.mean()[i] - moment(1)) < 1e-3 * sd
        assert np.sqrt(variance[i]) == pytest.approx(sd, rel=1e-3)

        def brier(z, one=one, i=i):
            below = float(one.cdf([z])[0])
            square = below**2 if transform.inverse(z) < y[i] else (1 - below) ** 2
            return square * float(transform.inverse_slope(np.array(z)))

        at = float(transform.forward(y[i]))
        pieces = np.unique([-9, 9, 0, at])
        crps = sum(quad(brier, a, b, limit=400)[0] for a, b in pairwise(pieces))
        assert abs(at_y.crps[i] - crps) <= at_y.crps_error + 1e-8 * crps
    assert at_y.crps_error < 1e-4 * np.sqrt(variance).max()


def test_the_parts_of_the_variance_have_the_ratio_of_the_base():
    base = mixture(5, 20, 6)
    law = TransformedPredictive(base, Log())
    parts, theirs = law.variance_parts(), base.variance_parts()
    np.testing.assert_allclose(parts[0] / parts[1], theirs[0] / theirs[1], rtol=1e-12)
    # Small sds: h is linear, and the parts are h'^2 times those of z.
    small = GaussianMixture(1.5 + 1e-5 * base.means, 1e-5 * base.sds)
    slope = np.exp(2 * small.mean())
    pairs = zip(
        TransformedPredictive(small, Log()).variance_parts(), small.variance_parts(), strict=True
    )
    for part, of_z in pairs:
        np.testing.assert_allclose(part, slope * of_z, rtol=1e-3)


@pytest.mark.parametrize("transform", [Log(), YeoJohnson(0.2, 2.0)])
def test_streamed_and_joined_mixtures_agree_with_the_one_in_memory(transform):
    base = mixture(300, 12, 7)
    law = TransformedPredictive(base, transform)
    y = law.sample(1, 8)[0]
    expected = law.evaluate(y, LEVELS)
    joined = Joined(
        [
            streamed(GaussianMixture(base.means[:, part], base.sds[:, part]))
            for part in (slice(0, 5), slice(5, 12))
        ],
        [5, 7],
    )
    for other in (streamed(base), joined):
        at_y = TransformedPredictive(other, transform).evaluate(y, LEVELS)
        np.testing.assert_allclose(at_y.mean, expected.mean, rtol=1e-10)
        np.testing.assert_allclose(at_y.aleatoric, expected.aleatoric, rtol=1e-9)
        np.testing.assert_allclose(at_y.logpdf, expected.logpdf, rtol=1e-9)
        np.testing.assert_allclose(at_y.quantiles, expected.quantiles, rtol=1e-3)
        assert np.abs(at_y.crps - expected.crps).max() <= at_y.crps_error + expected.crps_error
        assert at_y.nll_error == pytest.approx(expected.nll_error, rel=0.5)


def test_interpolated_scores_are_within_their_error_of_the_exact_ones():
    # 200 components are exact, the same ones twice are interpolated.
    base = mixture(200, 30, 9)
    twice = GaussianMixture(np.tile(base.means, (2, 1)), np.tile(base.sds, (2, 1)))
    law = TransformedPredictive(base, Log())
    y = law.sample(1, 10)[0]
    exact, near = (TransformedPredictive(b, Log()).evaluate(y, LEVELS) for b in (base, twice))
    assert np.abs(exact.crps - near.crps).max() <= near.crps_error + exact.crps_error
    assert near.crps_error < 0.01 * exact.crps.mean()


def test_other_forms_of_z_are_integrated_by_their_quantiles():
    rng = np.random.default_rng(11)
    m, v = rng.normal(size=6), rng.uniform(0.1, 0.9, 6)
    law = TransformedPredictive(Known(stats.norm(m, v)), Log())
    theirs = stats.lognorm(s=v, scale=np.exp(m))
    np.testing.assert_allclose(law.mean(), theirs.mean(), rtol=1e-6)
    np.testing.assert_allclose(sum(law.variance_parts()), theirs.var(), rtol=1e-4)


def test_draws_have_the_quantiles_and_the_mean():
    law = TransformedPredictive(mixture(5, 3, 12), Log())
    draws = law.sample(20_000, 13)
    # z standard errors of 4.5 for 6 comparisons: below 1e-5
    error = np.sqrt(sum(law.variance_parts()) / 20_000)
    assert (np.abs(draws.mean(axis=0) - law.mean()) < 4.5 * error).all()
    below = (draws <= law.quantile(0.9)).mean(axis=0)
    assert (np.abs(below - 0.9) < 4.5 * np.sqrt(0.09 / 20_000)).all()


def test_targets_outside_the_domain_are_ruled_out():
    law = TransformedPredictive(mixture(5, 3, 14), Log())
    y = np.array([-1.0, 0.0, 2.0])
    forecast = law.forecast(y)
    assert forecast.logpdf[:2].tolist() == [-np.inf, -np.inf]
    assert law.cdf(y)[:2].tolist() == [0.0, 0.0] == forecast.cdf[:2].tolist()
    assert np.isfinite(forecast.logpdf[2])
    # Below the domain the score grows as far as y is below 0.
    at_zero = law.evaluate(np.array([0.0, 0.0, 2.0]), LEVELS).crps
    np.testing.assert_allclose(forecast.crps, at_zero + np.array([1.0, 0.0, 0.0]), rtol=1e-9)
    assert (forecast.quantiles > 0).all()


def test_a_discrete_target_is_forecast_by_differences_of_the_distribution_function():
    law = TransformedPredictive(mixture(5, 30, 15), YeoJohnson(0.3, 2.0))
    y = np.round(law.sample(1, 16)[0])
    forecast = law.forecast(y, step=1.0)
    expected = np.log(law.cdf(y + 0.5) - law.cdf(y - 0.5))
    np.testing.assert_allclose(forecast.logpdf_rounded, expected, rtol=1e-10)


def test_a_mean_that_overflows_is_not_stated():
    base = GaussianMixture([[0.0, 0.0]], [1.0, 40.0])
    law = TransformedPredictive(base, Log())
    with pytest.raises(NotStated, match="leaves floating-point numbers"):
        law.mean()
    forecast = law.forecast([1.0, 1.0])
    for name in ("mean", "aleatoric", "crps", "smallest_sd"):
        with pytest.raises(NotStated, match="leaves floating-point numbers"):
            getattr(forecast, name)
    assert np.isfinite(forecast.logpdf).all()
    assert np.isfinite(forecast.quantiles).all()
    assert (forecast.quantiles <= LARGEST).all()


def test_a_mean_that_does_not_exist_is_not_stated():
    law = TransformedPredictive(Known(stats.t(df=4, loc=[0.0, 1.0])), Log())
    with pytest.raises(NotStated, match="too heavy"):
        law.mean()


def test_stated_forms_are_mapped_one_by_one():
    log = Log()
    quantiles = transformed(QuantileForecast([0.1, 0.9], [[2.0], [1.0]]), log)
    np.testing.assert_allclose(quantiles.quantile([0.1, 0.9]), np.exp([[1.0], [2.0]]))
    assert quantiles.forecast([3.0]).crossings.tolist() == [1]
    ends = transformed(IntervalForecast([1.0], [2.0], 0.9, [1.4]), log)
    np.testing.assert_allclose(np.ravel(ends.interval(0.9)), np.exp([1.0, 2.0]))
    with pytest.raises(NotStated):
        ends.mean()
    draws = transformed(SampleForecast([[0.0], [1.0]], fair=False), log)
    np.testing.assert_allclose(draws.draws, np.exp([[0.0], [1.0]]))
    assert not draws.fair


@pytest.mark.parametrize("transform", YJ)
def test_yeo_johnson_is_that_of_scikit_learn(transform):
    y = np.random.default_rng(17).normal(1.0, 3.0, 50)
    reference = PowerTransformer(method="yeo-johnson", standardize=False)
    reference.fit(y[:, None] / 3.0)
    reference.lambdas_ = np.array([transform.exponent])
    z = transform.forward(y)
    np.testing.assert_allclose(z, reference.transform(y[:, None] / 3.0)[:, 0], rtol=1e-12)
    np.testing.assert_allclose(transform.inverse(z), y, rtol=1e-10)
    h = 1e-6
    slope = (transform.forward(y + h) - transform.forward(y - h)) / (2 * h)
    np.testing.assert_allclose(np.exp(transform.log_slope(y)), slope, rtol=1e-6)
    np.testing.assert_allclose(transform.inverse_slope(z), 1 / slope, rtol=1e-6)
    assert np.isfinite(transform.inverse([-1e300, 1e300])).all()


def test_the_exponent_of_a_constant_model_is_that_of_scikit_learn():
    y = np.random.default_rng(18).gamma(20.0, 1.0, 400) - 18.0
    transform = transform_of("yeo-johnson", y, lambda z: np.zeros((len(z), 1)))
    reference = PowerTransformer(method="yeo-johnson").fit(y[:, None] / y.std())
    assert transform.exponent == pytest.approx(reference.lambdas_[0], abs=1e-3)


def chosen(make, n: int, replications: int) -> list[str]:
    names = []
    for seed in range(replications):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(n, 4))
        X, y = make(rng, X, X @ rng.normal(size=4))
        names.append(type(transform_of("auto", y, lambda z, X=X: X[: len(z)])).__name__)
    return names


CASES = {
    "normal": (lambda rng, X, m: (X, m + rng.normal(size=len(m))), "NoneType"),
    "normal, positive": (lambda rng, X, m: (X, 60 + m + rng.normal(size=len(m))), "NoneType"),
    "log-normal": (lambda rng, X, m: (X, np.exp(0.5 * (m + rng.normal(size=len(m))))), "Log"),
    # The marginal is uniform, the residuals are normal.
    "uniform": (
        lambda rng, X, m: ((u := ndtr(X)), u[:, 0] + rng.normal(0, 0.05, len(m))),
        "NoneType",
    ),
    "skewed": (
        lambda rng, X, m: (X, np.exp(0.5 * (m + rng.normal(size=len(m)))) - 1),
        "YeoJohnson",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_auto_finds_the_transform_that_made_the_residuals(case):
    make, expected = CASES[case]
    names = chosen(make, 500, 60)
    # A rate of 0.98 gives 55 of 60 or fewer with a probability below 1e-3.
    assert names.count(expected) > 55


def test_what_cannot_be_transformed_is_refused():
    def design(z):
        return np.zeros((len(z), 1))

    with pytest.raises(BadInput, match="a target of -1 has no logarithm"):
        transform_of("log", np.array([1.0, -1.0]), design)
    with pytest.raises(BadInput, match="there is no target transform 'sqrt'"):
        transform_of("sqrt", np.array([1.0, 2.0]), design)
    assert transform_of("none", np.array([1.0, -1.0]), design) is None
    assert transform_of("log", np.array([1.0, 2.0]), design) == Log()


def test_wide_tables_choose_by_the_target_alone():
    rng = np.random.default_rng(19)
    y = np.exp(rng.normal(size=40))
    assert transform_of("auto", y, lambda z: rng.normal(size=(len(z), 60))) == Log()


def test_a_forecast_has_every_stored_level():
    forecast = TransformedPredictive(mixture(5, 3, 20), Log()).forecast(np.ones(3))
    assert forecast.levels == STORED_LEVELS
    assert forecast.quantiles.shape == (len(STORED_LEVELS), 3)
