"""The sampler against closed forms and a slow loop; law 3: a draw's numbers are its own."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import torch
from references import closed_form
from scipy import stats

from howrobust import seeds
from howrobust.compiled import available
from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV, exact_moments
from howrobust.methods.bayesian_nn import WeightPosterior
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.problems.scaling import Scaling
from howrobust.methods.core.sampling.runs import BLOCK_DRAWS, BLOCK_POINTS
from howrobust.methods.core.sampling.weights import DroppedWeights, MemberWeights, NormalWeights

DRAWS = 10_000
needs_compiler = pytest.mark.skipif(not available(), reason="no compiler")


def layers_of(sizes, rng, count=None, scale=1.0):
    """Layers (in, out), (1, out) of random numbers; (count, ...) for members."""
    lead = () if count is None else (count,)
    shapes = [((*lead, a, b), (*lead, 1, b)) for a, b in pairwise(sizes)]
    return [
        tuple(torch.tensor(scale * rng.normal(size=s) / np.sqrt(w[-2])) for s in (w, b))
        for w, b in shapes
    ]


def weight_posterior(features=3, hidden=(20,), seed=0, **sampling):
    """A mean-field network with weights that matter and sds that do too."""
    rng = np.random.default_rng(seed)
    means = layers_of([features, *hidden, 1], rng)
    sds = [tuple(torch.tensor(0.05 + 0.3 * rng.random(p.shape)) for p in m) for m in means]
    scaling = Scaling(
        torch.tensor(rng.normal(size=features)),
        torch.tensor(0.5 + rng.random(features)),
        torch.tensor(2.0, dtype=torch.float64),
        torch.tensor(3.0, dtype=torch.float64),
    )
    posterior = WeightPosterior(means, sds, scaling, DRAWS, **sampling)
    posterior.noise_sd = 0.7
    return posterior


SAMPLINGS = [
    {},
    {"antithetic": True},
    {"integrated": True},
    {"antithetic": True, "integrated": True},
]


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
@pytest.mark.parametrize("features", [1, 3])
def test_the_sampler_agrees_with_the_closed_form_within_its_own_standard_errors(features, sampling):
    posterior = weight_posterior(features, **sampling)
    X = np.random.default_rng(1).normal(size=(5, features)) * 2
    mean, variance = posterior.exact_moments(X)
    predictive = posterior.predictive(X, seed=4)
    assert predictive.n_components == DRAWS
    aleatoric, between = predictive.variance_parts()
    np.testing.assert_allclose(aleatoric, 0.7**2, rtol=1e-12)
    mean_error, sd_error = posterior.standard_errors(X, DRAWS, seed=4)
    # Five points in each of eight cases: 4.5 standard errors are passed once in 3,000 runs.
    assert (np.abs(predictive.mean() - mean) < 4.5 * mean_error).all()
    sd = np.sqrt(variance + 0.7**2)
    assert (np.abs(np.sqrt(aleatoric + between) - sd) < 4.5 * sd_error).all()


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_standard_errors_are_those_of_repeated_sampling(sampling):
    posterior = weight_posterior(1, **sampling)
    X = np.array([[-1.5], [0.4]])
    means, sds, claimed = [], [], []
    for seed in range(200):
        found = posterior.predictive(X, draws=512, seed=seed)
        means.append(found.mean())
        sds.append(np.sqrt(np.sum(found.variance_parts(), axis=0)))
        claimed.append(posterior.standard_errors(X, 512, seed))
    claimed = np.mean(claimed, axis=0)
    # The sd of 200 numbers has a relative standard error of 5 %.
    np.testing.assert_allclose(np.std(means, axis=0), claimed[0], rtol=0.25)
    np.testing.assert_allclose(np.std(sds, axis=0), claimed[1], rtol=0.25)


def test_integration_and_pairs_lower_the_errors_as_they_claim():
    X = np.linspace(-2, 2, 9)[:, None]
    errors = {
        str(words): np.mean(weight_posterior(1, **words).standard_errors(X, 20_000), axis=1) ** 2
        for words in SAMPLINGS
    }
    plain, paired, integrated, both = errors.values()
    assert plain[0] > 1.5 * integrated[0]
    assert plain[1] > 1.5 * integrated[1]
    assert plain[0] > 2 * paired[0]
    assert plain[0] > 4 * both[0]


def test_exact_moments_are_the_integrals_of_their_definition():
    posterior = weight_posterior(2, (4,))
    X = np.random.default_rng(1).normal(size=(3, 2)) * 2
    ours = exact_moments(posterior.means, posterior.sds, X)
    (W, b), (w, c) = ([p.numpy() for p in layer] for layer in posterior.means)
    (S, t), (v, u) = ([p.numpy() for p in layer] for layer in posterior.sds)
    z = np.linspace(-9, 9, 40_001)
    density = stats.norm.pdf(z) * (z[1] - z[0])
    for x, mean, variance in zip(X, *ours, strict=True):
        m, s = (x @ W + b)[0], np.sqrt(x**2 @ S**2 + t**2)[0]
        h = np.maximum(m[:, None] + s[:, None] * z, 0)
        first, second = (h * density).sum(1), (h**2 * density).sum(1)
        assert mean == pytest.approx(float((first @ w + c)[0, 0]), rel=1e-6)
        expected = second @ (w**2 + v**2) - first**2 @ w**2 + u**2
        assert variance == pytest.approx(float(expected[0, 0]), rel=1e-6)
    numbers = [
        [p.numpy() for layer in group for p in layer] for group in (posterior.means, posterior.sds)
    ]
    np.testing.assert_allclose(ours, closed_form.mean_field_moments(*numbers, X), rtol=1e-12)
    deep = weight_posterior(2, (4, 3))
    with pytest.raises(ValueError, match="one hidden layer, not 2"):
        exact_moments(deep.means, deep.sds, X)


def families(features, hidden, dtype):
    rng = np.random.default_rng(5)
    one = layers_of([features, *hidden, 1], rng)
    sds = [(w.abs() / 3, b.abs() / 3) for w, b in one]
    layout, pair = Layout(features, hidden, 1), Layout(features, hidden, 2)
    return [
        NormalWeights(layout, one, sds, dtype=dtype),
        NormalWeights(layout, one, sds, antithetic=True, dtype=dtype),
        NormalWeights(layout, one, sds, integrated=True, dtype=dtype),
        DroppedWeights(layout, one, 0.3, dtype=dtype),
        MemberWeights(pair, layers_of([features, *hidden, 2], rng, 12), dtype=dtype),
    ]


def slow_outputs(weights, X, first, count, seed):
    """One draw, one point and one layer at a time, float64."""
    outputs = np.empty((count, weights.layout.outputs, len(X)))
    variance = np.empty((count, len(X)))
    spread = weights.spread().astype(np.float64)
    layers = weights.layers(first, count, seed)
    for s in range(count):
        for i, x in enumerate(X):
            activity = x
            for k, (weight, bias) in enumerate(layers):
                activity = np.maximum(activity, 0) if k else activity
                hidden = activity
                activity = activity @ weight[s].numpy() + bias[s, 0].numpy()
            outputs[s, :, i] = activity
            if len(spread):
                variance[s, i] = hidden**2 @ spread[:-1] + spread[-1]
    return outputs, variance[:, : len(X) if len(spread) else 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("features", [1, 2, 5])
@pytest.mark.parametrize("hidden", [(7,), (50,), (17, 6), (6, 5, 3)])
def test_outputs_are_those_of_the_networks_with_the_same_numbers(hidden, features, dtype):
    X = np.random.default_rng(1).normal(size=(21, features))
    for weights in families(features, hidden, dtype):
        found = weights.outputs(X, 3, 9, seed=8)
        slow = slow_outputs(weights, X, 3, 9, seed=8)
        # A sum of at most 50 products, five layers deep; float64 draws rest on float32 noise,
        # whose log and cosine the compiler may round otherwise: 4 units of 6e-8.
        tolerance = 1e-4 if dtype == np.float32 else 1e-6
        for ours, theirs in zip(found, slow, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
        plain = weights._by_torch(X, 3, 9, 8)
        np.testing.assert_allclose(plain[0], slow[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(plain[1], slow[1], rtol=1e-6, atol=1e-9)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
@pytest.mark.parametrize("hidden", [(50,), (17, 6)])
def test_a_gpu_gives_the_outputs_of_the_slow_loop(hidden):
    X = np.random.default_rng(1).normal(size=(21, 5))
    for weights in families(5, hidden, np.float32):
        weights.device = "cuda"
        found = weights.outputs(X, 3, 9, seed=8)
        for ours, theirs in zip(found, slow_outputs(weights, X, 3, 9, seed=8), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@needs_compiler
@pytest.mark.parametrize("hidden", [(7,), (50,), (17, 6), (600,)])
@pytest.mark.parametrize("features", [1, 5])
def test_a_points_outputs_do_not_depend_on_the_other_points_bit_for_bit(features, hidden):
    X = np.random.default_rng(1).normal(size=(301, features))
    for weights in families(features, hidden, np.float32):
        whole = weights.outputs(X, 0, 6, seed=8)
        for part in (slice(0, 1), slice(7, 40), slice(290, 301), slice(3, 300)):
            for ours, all_of in zip(weights.outputs(X[part], 0, 6, seed=8), whole, strict=True):
                np.testing.assert_array_equal(ours, all_of[..., part])


@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_chunked_equals_whole(sampling):
    posterior = weight_posterior(**sampling)
    X = np.random.default_rng(1).normal(size=(40, 3))
    whole, spread = posterior.block(X, slice(0, 1000), seed=4)
    streamed = list(posterior.predictive(X, draws=1000, seed=4)._blocks())
    assert [len(m) for m, _ in streamed] == [256, 256, 256, 232]
    np.testing.assert_array_equal(np.concatenate([m for m, _ in streamed]), whole)
    # Any draws, in any order, by themselves; not only whole blocks.
    for part in (slice(900, 1000), slice(257, 258), slice(0, 3)):
        means, sds = posterior.block(X, part, seed=4)
        np.testing.assert_array_equal(means, whole[part])
        np.testing.assert_array_equal(sds, spread[part] if spread.ndim else spread)
    # More draws begin with the same ones; a second pass redraws the same ones.
    more = posterior.predictive(X, draws=1280, seed=4)
    for _ in range(2):
        means = np.concatenate([m for m, _ in more._blocks()])
        np.testing.assert_array_equal(means[:1000], whole)


@pytest.mark.parametrize("draws", [50, 700])
def test_points_in_runs_are_the_points_at_once(draws):
    rng = np.random.default_rng(1)
    posterior = weight_posterior(integrated=True)
    n = 2 * BLOCK_POINTS + 77
    X, y = rng.normal(size=(n, 3)), rng.normal(size=n)
    whole = posterior.predictive(X, draws=draws, seed=4)
    part = slice(BLOCK_POINTS - 5, BLOCK_POINTS + 9)  # across a border
    alone = posterior.predictive(X[part], draws=draws, seed=4)
    for one, all_of in (
        (alone.mean(), whole.mean()),
        (alone.variance_parts()[1], whole.variance_parts()[1]),
        (alone.logpdf(y[part]), whole.logpdf(y)),
        (alone.cdf(y[part]), whole.cdf(y)),
    ):
        np.testing.assert_allclose(one, all_of[..., part], rtol=1e-9, atol=1e-12)
    # A run's grid is as fine as its hardest point needs: quantiles agree to its bound, 9e-5 in F.
    quantiles = whole.quantile([0.1, 0.7])[..., part]
    np.testing.assert_allclose(alone.cdf(quantiles), [[0.1] * 14, [0.7] * 14], atol=2e-4)
    forecast = whole.forecast(y)
    np.testing.assert_allclose(forecast.mean, whole.mean())
    np.testing.assert_allclose(forecast.logpdf, whole.logpdf(y))
    # The error of the mean log score, from the draws themselves.
    means, sds = posterior.block(X, slice(0, draws), seed=4)
    ratio = np.exp(stats.norm.logpdf(y, means, sds) - forecast.logpdf).mean(axis=1)
    assert forecast.nll_error == pytest.approx(ratio.std() / np.sqrt(draws), rel=1e-6)
    assert whole.sample(30, seed=2).shape == (30, n)
    assert np.abs(whole.sample(400, seed=2).mean(0) - whole.mean()).max() < 6 * np.sqrt(
        np.max(np.sum(whole.variance_parts(), axis=0)) / 400
    )


@pytest.mark.parametrize("tolerance", [0.05, 0.01])
def test_a_tolerance_takes_the_draws_that_it_needs(tolerance):
    posterior = weight_posterior(1, tolerance=tolerance)
    X = np.linspace(-2, 2, 9)[:, None]
    predictive = posterior.predictive(X, seed=3)
    sd = np.sqrt(np.sum(predictive.variance_parts(), axis=0))
    mean_error, sd_error = predictive.standard_errors()
    worst = max((mean_error / sd).max(), (sd_error / sd).max())
    assert worst < tolerance
    if predictive.n_components > 1024:  # and not many more than it needs
        assert worst > 0.8 * tolerance
    # Asked for a number of draws, it takes that number.
    assert posterior.predictive(X, draws=512, seed=3).n_components == 512


def test_a_tolerance_that_cannot_be_met_stops_at_a_million_draws():
    assert weight_posterior(1).draws_within(1e-5, np.zeros((1, 1))) == 2**20


@pytest.mark.parametrize("hidden", [(20,), (10, 5)])
def test_every_method_forecasts_by_the_networks_it_trained(problems, hidden):
    for method in (
        BayesianNN(hidden=hidden, epochs=2),
        MCDropout(hidden=hidden, epochs=2, dropout=0.3),
        DeepEnsemble(hidden=hidden, epochs=2),
        ShuffledCV(hidden=hidden, epochs=2, n_folds=2, n_shuffles=2),
    ):
        (posterior,) = method.infer_stack(problems[:1])
        X, scaling = problems[1].X[:6], posterior.scaling
        count = min(posterior.members or 40, 40)
        means, _ = posterior.block(X, slice(0, count), seed=9)
        inputs = (X - scaling.x_mean.numpy()) / scaling.x_sd.numpy()
        outputs, _ = slow_outputs(posterior.weights, inputs, 0, count, seeds.derive(9, "draws"))
        expected = float(scaling.y_mean) + float(scaling.y_sd) * outputs[:, 0]
        np.testing.assert_allclose(means, expected, rtol=1e-4, atol=1e-4 * float(scaling.y_sd))


def test_networks_on_other_rows_share_their_units_without_loss():
    """Rows far from 0: float32 of the raw inputs would lose three digits of them."""
    rng = np.random.default_rng(0)
    X = 2000 + 0.1 * rng.normal(size=(90, 2))
    y = 1e6 + rng.normal(size=90)
    method = ShuffledCV(epochs=3, n_folds=3, n_shuffles=1, random_state=0).fit(X, y)
    means = method.posterior_.block(X, slice(0, 3), seed=0)[0]
    outputs, _ = slow_outputs(
        method.posterior_.weights,
        (X - X.mean(0)) / X.std(0), 0, 3, 0,
    )  # fmt: skip
    np.testing.assert_allclose((means - y.mean()) / y.std(), outputs[:, 0], atol=1e-4)


def peak(posterior, n, draws, summarise):
    X = np.random.default_rng(1).normal(size=(n, 3))
    tracemalloc.start()
    summarise(posterior.predictive(X, draws=draws, seed=4))
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_peak_memory_is_flat_in_the_number_of_draws():
    posterior = weight_posterior()
    few, many = (
        peak(posterior, 1000, k * BLOCK_DRAWS, lambda p: p.forecast(np.zeros(1000)))
        for k in (9, 20)
    )
    assert many < 1.1 * few


def test_peak_memory_of_moments_hardly_grows_with_points():
    posterior = weight_posterior()
    for draws in (256, 1000, 3000):
        few, many = (peak(posterior, n, draws, lambda p: p.mean()) for n in (4000, 50_000))
        # What is kept of a point: five numbers of 8 bytes and its inputs, twice; no block of draws.
        assert many - few < 46_000 * 200


def test_peak_memory_of_forecasts_grows_by_what_is_kept_of_a_point():
    posterior = weight_posterior(3, (5,), integrated=True)
    few, many = (
        peak(posterior, n, 300, lambda p: p.forecast(np.zeros(p.mean().shape)))
        for n in (4000, 12_000)
    )
    # 106 quantiles and ten other numbers, with what they were joined from; a grid has 1,000.
    assert many - few < 8000 * 3 * 116 * 8


def test_peak_memory_of_a_hundred_thousand_draws_at_ten_thousand_points():
    posterior = weight_posterior()
    few, many = (peak(posterior, 10_000, s, lambda p: p.mean()) for s in (1000, 100_000))
    assert many < 1.1 * few
