from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import integrate, stats

from howrobust.datasets.synthetic import Quintic
from howrobust.distributions.closed_form import Known, expected_scores
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.normal_sums import add_normals
from howrobust.distributions.predictive import divergence
from howrobust.distributions.quadrature import TOTAL_VARIATION, CellGrid
from howrobust.distributions.streaming import StreamedMixture, mixture

LEVELS = np.array([0.01, 0.1, 0.5, 0.9, 0.99])
finite = st.floats(-50, 50, width=32)


@st.composite
def mixtures(draw):
    """Means (S, n) and sds (S, n) of widely different sizes."""
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 4)))
    means = draw(hnp.arrays(np.float64, shape, elements=finite))
    sds = draw(hnp.arrays(np.float64, shape, elements=st.floats(0.0625, 20)))
    return means, sds


def streamed(means, sds, block):
    """The same mixture, in blocks of this many components."""
    means, sds = np.asarray(means), np.broadcast_to(sds, np.shape(means))

    def blocks():
        for start in range(0, len(means), block):
            yield means[start : start + block], sds[start : start + block]

    return StreamedMixture(blocks, means.shape[1], len(means))


def large_mixture(size=600, n=7, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(size, n)) * np.linspace(0.2, 3, n), 0.4 + rng.random((size, n))


@given(mixtures())
@settings(max_examples=60, deadline=None)
def test_quantiles_invert_the_cdf(pair):
    mixture = GaussianMixture(*pair)
    back = mixture.cdf(mixture.quantile(LEVELS))
    np.testing.assert_allclose(back, np.broadcast_to(LEVELS[:, None], back.shape), atol=1e-9)


@given(mixtures())
@settings(max_examples=60, deadline=None)
def test_total_variance_is_the_sum_of_its_parts(pair):
    means, sds = pair
    mixture = GaussianMixture(means, sds)
    second = (sds**2 + means**2).mean(axis=0)
    expected = second - means.mean(axis=0) ** 2
    # The right side loses digits where the mean is large: eps * mean^2.
    tolerance = 1e-12 * (1 + (means**2).max())
    np.testing.assert_allclose(sum(mixture.variance_parts()), expected, rtol=1e-9, atol=tolerance)


def test_the_density_is_the_derivative_of_the_cdf():
    mixture = GaussianMixture(*large_mixture(50))
    y, h = np.linspace(-2, 2, 7), 1e-5
    slope = (mixture.cdf(y + h) - mixture.cdf(y - h)) / (2 * h)
    # Central differences err by h^2 f''/6 < 1e-9, and by rounding eps/h = 2e-11.
    np.testing.assert_allclose(np.exp(mixture.logpdf(y)), slope, atol=1e-8)


@pytest.mark.parametrize("block", [1, 7, 256, 600])
def test_a_stream_in_any_blocks_equals_the_mixture_held_whole(block):
    means, sds = large_mixture()
    whole, stream = GaussianMixture(means, sds), streamed(means, sds, block)
    y = np.linspace(-3, 3, 7)
    many = np.stack([y, y + 1, y - 2])
    np.testing.assert_allclose(stream.mean(), whole.mean(), rtol=1e-12, atol=1e-12)
    for a, b in zip(stream.variance_parts(), whole.variance_parts(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    np.testing.assert_allclose(stream.logpdf(many), whole.logpdf(many), rtol=1e-11)
    np.testing.assert_allclose(stream.cdf(many), whole.cdf(many), rtol=1e-11)


def test_quantiles_of_a_stream_are_those_of_the_mixture_to_the_stated_error():
    means, sds = large_mixture()
    whole, stream = GaussianMixture(means, sds), streamed(means, sds, 256)
    back = whole.cdf(stream.quantile(LEVELS))
    # max |e| <= h^4/384 * .5506/v^4 with h <= v/2.
    bound = 0.5**4 / 384 * 0.5506
    assert np.abs(back - LEVELS[:, None]).max() < bound


def crps_by_integration(mixture_mean, mixture_sd, y):
    """Slow and independent: adaptive quadrature of (F - 1{y <= t})^2."""

    def integrand(t):
        f = stats.norm.cdf(t, mixture_mean, mixture_sd).mean()
        return (f - (t >= y)) ** 2

    edges = [-60, y, 60]
    parts = [integrate.quad(integrand, a, b, limit=400, epsabs=1e-10)[0] for a, b in
             pairwise(edges)]  # fmt: skip
    return sum(parts)


@pytest.mark.parametrize("spread", [0.1, 1.0, 30.0])
def test_normals_summed_at_nodes_are_those_summed_one_by_one(spread):
    rng = np.random.default_rng(0)
    n, s, nodes = 6, 40, 73
    means, sds = spread * rng.normal(size=(s, n)), 0.3 + rng.random((s, n))
    first, width = -3 * spread - rng.random(n), 0.05 + rng.random(n)
    sums = np.ones((2, nodes, n))
    add_normals(first, width, means, sds, sums)
    t = first + np.arange(nodes)[:, None] * width
    z = (t[:, None] - means) / sds
    np.testing.assert_allclose(sums[0], 1 + stats.norm.cdf(z).sum(1), rtol=0, atol=1e-11)
    np.testing.assert_allclose(sums[1], 1 + (stats.norm.pdf(z) / sds).sum(1), rtol=0, atol=1e-10)


def test_exact_crps_is_the_integral_of_its_definition():
    rng = np.random.default_rng(1)
    means, sds, y = rng.normal(size=(5, 3)) * 4, 0.5 + rng.random((5, 3)), rng.normal(size=3) * 5
    found = GaussianMixture(means, sds).forecast(y).crps
    slow = [crps_by_integration(means[:, i], sds[:, i], y[i]) for i in range(3)]
    np.testing.assert_allclose(found, slow, rtol=1e-6)


@pytest.mark.parametrize("narrow", [1.0, 0.1, 0.02])
def test_quadrature_crps_is_within_its_stated_bound_of_the_exact_one(narrow):
    rng = np.random.default_rng(2)
    means = rng.normal(size=(150, 9)) * 2
    sds, y = narrow * (0.5 + rng.random((150, 9))), rng.normal(size=9) * 3
    exact = GaussianMixture(means, sds).forecast(y).crps
    found = streamed(means, sds, 64).forecast(y)
    assert found.crps_error > 0
    assert np.abs(found.crps - exact).max() <= found.crps_error
    if narrow == 1.0:
        assert found.crps_error < 1e-3 * sds.max()


def test_the_constants_of_the_bounds_are_those_of_the_normal_density():
    z = np.linspace(-12, 12, 2_000_001)
    third = np.abs((3 * z - z**3) * stats.norm.pdf(z))
    assert integrate.trapezoid(third, z) == pytest.approx(TOTAL_VARIATION, abs=1e-3)
    assert third.max() == pytest.approx(0.5506, abs=1e-4)


def test_the_bound_of_the_quadrature_has_the_order_of_its_width():
    rng = np.random.default_rng(0)
    means, sds = rng.normal(size=(50, 3)), np.full((50, 3), 0.5)
    grid = CellGrid.around(means.mean(axis=0), means.std(axis=0) + 0.5, sds.min(axis=0))
    grid.add(means, sds)
    expected = 2 * TOTAL_VARIATION / 384 * grid.width**4 / 0.5**3
    assert grid.crps_error == pytest.approx(expected.max(), rel=1e-3)


def test_a_mixture_of_more_than_200_components_scores_like_its_stream():
    means, sds = large_mixture(300)
    y = np.zeros(7)
    whole, stream = GaussianMixture(means, sds).forecast(y), streamed(means, sds, 100).forecast(y)
    np.testing.assert_allclose(whole.crps, stream.crps, rtol=1e-9)
    # Exact quantiles on one side, quantiles within the grid's error on the other.
    np.testing.assert_allclose(whole.pinball, stream.pinball, rtol=1e-4)


def test_the_divergence_of_two_gaussians_is_the_closed_form():
    truth = Known(stats.norm(np.array([0.0, 1.0]), np.array([1.0, 0.5])))
    other = GaussianMixture([[0.3, 0.0]], [[2.0, 1.0]])
    m, s, mu, sd = np.array([0, 1.0]), np.array([1, 0.5]), np.array([0.3, 0]), np.array([2.0, 1])
    closed = np.log(sd / s) + (s**2 + (m - mu) ** 2) / (2 * sd**2) - 0.5
    np.testing.assert_allclose(divergence(truth, other, sd), closed, atol=1e-6)
    np.testing.assert_allclose(divergence(truth, truth, sd), 0, atol=1e-12)


def test_the_divergence_sees_components_that_stand_apart():
    truth = Known(stats.uniform(np.array([0.0]), 2.0))
    for centres, sd, tolerance in (
        ([0.5, 1.5], 0.1, 2e-3),
        (np.linspace(0.1, 1.9, 12), 0.02, 5e-3),
    ):
        apart = GaussianMixture(np.array(centres)[:, None], sd)
        y = np.linspace(0, 2, 200_001)[1:-1]
        log_q = GaussianMixture(np.tile(np.array(centres)[:, None], len(y)), sd).logpdf(y)
        slow = np.log(0.5) - log_q.mean()
        found = apart.forecast([1.0], truth=truth).kl[0]
        assert found == pytest.approx(slow, rel=tolerance)


def test_members_that_are_the_model_have_no_monte_carlo_error_however_many():
    means, sds = large_mixture(300)

    def blocks():
        yield means, sds

    for sampled in (False, True):
        forecast = mixture(blocks, 7, 300, sampled).forecast(np.zeros(7))
        assert (forecast.nll_error > 0) == sampled


def test_the_limits_of_quintic_are_the_published_ones():
    limits = expected_scores(Quintic().predictive(np.linspace(-2, 2, 300)[:, None]))
    assert limits["rmse"] == pytest.approx(2 / np.sqrt(12), rel=1e-9)
    assert limits["nll"] == pytest.approx(np.log(2), rel=1e-9)
    assert limits["nll_gaussian"] == pytest.approx(0.5 * np.log(2 * np.pi * np.e / 3), rel=1e-9)


def test_samples_have_the_moments_of_the_mixture():
    means, sds = large_mixture(300)
    for found in (GaussianMixture(means, sds), streamed(means, sds, 64)):
        drawn = found.sample(20_000, seed=3)
        se = np.sqrt(sum(found.variance_parts()) / 20_000)
        assert (np.abs(drawn.mean(axis=0) - found.mean()) < 5 * se).all()
        # Kurtosis of these mixtures is below 6: the variance's se is below sqrt(5/20000) of it.
        ratio = drawn.var(axis=0) / sum(found.variance_parts())
        assert (np.abs(ratio - 1) < 5 * np.sqrt(5 / 20_000)).all()
    again = GaussianMixture(means, sds).sample(5, seed=3)
    np.testing.assert_array_equal(again, GaussianMixture(means, sds).sample(5, seed=3))


def test_the_score_error_is_the_spread_of_scores_over_seeds():
    rng = np.random.default_rng(0)
    y = rng.normal(size=40)
    stated, found = [], []
    for seed in range(200):
        means = np.random.default_rng(seed).normal(size=(400, 1)) * np.ones(40)
        mixture = GaussianMixture(means, 0.7, sampled=True)
        stated.append(mixture.evaluate(y, np.array([0.5])).nll_error)
        found.append(-mixture.logpdf(y).mean())
    # The sd of 200 values has a relative error of 5 %; 4 of those.
    assert np.mean(stated) == pytest.approx(np.std(found), rel=0.2)


def test_components_that_are_the_model_have_no_monte_carlo_error():
    assert GaussianMixture([[0.0], [1.0]], 1.0).forecast([0.5]).nll_error == 0


@pytest.mark.parametrize(
    ("means", "sds", "message"),
    [
        (np.zeros(3), 1.0, r"means must be \(S, n\)"),
        (np.zeros((0, 3)), 1.0, "not empty"),
        (np.zeros((2, 3)), np.ones(2), "sds must be a scalar"),
        (np.zeros((2, 3)), 0.0, "greater than 0"),
        (np.full((2, 3), np.nan), 1.0, "finite"),
        (np.zeros((2, 3)), np.inf, "finite"),
    ],
)
def test_a_mixture_that_is_none_is_refused(means, sds, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(means, sds)


def test_a_forecast_at_the_wrong_number_of_points_is_refused():
    with pytest.raises(ValueError, match="shape"):
        GaussianMixture(np.zeros((1, 3)), 1.0).forecast([0.0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        GaussianMixture(np.zeros((1, 3)), 1.0).interval(95)


def test_a_discrete_target_is_scored_between_its_steps():
    mixture = GaussianMixture([[5.2, 6.0]], 0.8)
    forecast = mixture.forecast(np.array([5.0, 7.0]), step=1.0)
    mass = stats.norm.cdf([5.5, 7.5], [5.2, 6.0], 0.8) - stats.norm.cdf([4.5, 6.5], [5.2, 6], 0.8)
    np.testing.assert_allclose(forecast.logpdf_rounded, np.log(mass), rtol=1e-10)
    below = stats.norm.cdf([4.5, 6.5], [5.2, 6.0], 0.8)
    assert ((forecast.pit >= below) & (forecast.pit <= below + mass)).all()


def test_memory_does_not_grow_with_draws():
    import tracemalloc

    def peak(size):
        def blocks():
            for k in range(size // 256):
                rng = np.random.default_rng(k)
                yield rng.normal(size=(256, 500)), np.float64(0.5)

        tracemalloc.start()
        StreamedMixture(blocks, 500, size).forecast(np.zeros(500))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(256 * 24) < 1.1 * peak(256 * 4)
