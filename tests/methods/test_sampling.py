"""The sampler against closed forms and a slow loop; law 3: a block's numbers are its own."""

import numpy as np
import pytest
import torch
from references import closed_form

from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV
from howrobust.methods.bayesian_nn import WeightPosterior
from howrobust.methods.core.sampling import BLOCK_DRAWS
from howrobust.methods.core.training import Scaling

DRAWS = 10_000


def weight_posterior(features=3, hidden=20, seed=0):
    """A mean-field network with weights that matter and sds that do too."""
    rng = np.random.default_rng(seed)
    shapes = [(features, hidden), (1, hidden), (hidden, 1), (1, 1)]
    means = [torch.tensor(rng.normal(size=s) / np.sqrt(s[0])) for s in shapes]
    sds = [torch.tensor(0.05 + 0.3 * rng.random(s)) for s in shapes]
    scaling = Scaling(
        torch.tensor(rng.normal(size=features)),
        torch.tensor(0.5 + rng.random(features)),
        torch.tensor(2.0, dtype=torch.float64),
        torch.tensor(3.0, dtype=torch.float64),
    )
    posterior = WeightPosterior(means, sds, [1.0] * 4, scaling, DRAWS)
    posterior.noise_sd = 0.7
    return posterior


def test_the_sampler_agrees_with_the_closed_form_of_a_mean_field_network():
    posterior = weight_posterior()
    X = np.random.default_rng(1).normal(size=(5, 3)) * 2
    inputs = (X - posterior.scaling.x_mean.numpy()) / posterior.scaling.x_sd.numpy()
    numbers = [[t.numpy() for t in group] for group in (posterior.means, posterior.sds)]
    mean, variance = closed_form.mean_field_moments(*numbers, inputs)
    mean, variance = 2 + 3 * mean, 9 * variance
    predictive = posterior.predictive(X, seed=4)
    assert predictive.n_components == DRAWS
    aleatoric, between = predictive.variance_parts()
    np.testing.assert_allclose(aleatoric, 0.7**2, rtol=1e-12)
    assert (np.abs(predictive.mean() - mean) < 4 * np.sqrt(variance / DRAWS)).all()
    # The variance's standard error, from the draws' own fourth moment.
    drawn = np.concatenate([m for m, _ in predictive._blocks()])
    fourth = ((drawn - mean) ** 4).mean(axis=0)
    assert (np.abs(between - variance) < 4 * np.sqrt((fourth - variance**2) / DRAWS)).all()


@pytest.mark.parametrize("hidden", [(20,), (10, 5)])
def test_every_draw_is_the_network_with_those_weights(problems, hidden):
    for method in (
        BayesianNN(hidden=hidden, epochs=2),
        MCDropout(hidden=hidden, epochs=2, dropout=0.3),
        DeepEnsemble(hidden=hidden, epochs=2),
        ShuffledCV(hidden=hidden, epochs=2, n_folds=2, n_shuffles=2),
    ):
        (posterior,) = method.infer_stack(problems[:1])
        X = problems[1].X[:6]
        inputs = (torch.tensor(X) - posterior.scaling.x_mean) / posterior.scaling.x_sd
        count = min(posterior.members or 40, 40)
        means, _ = posterior.block(inputs, slice(0, count), seed=9)
        from howrobust import seeds

        generator = torch.Generator().manual_seed(seeds.derive(9, "draws", 0))
        layers = posterior.layers(slice(0, count), generator)
        for s in range(count):
            for i in range(len(X)):
                activity = inputs[i].numpy()
                for k, (weight, bias) in enumerate(layers):
                    activity = np.maximum(activity, 0) if k else activity
                    activity = activity @ weight[s].numpy() + bias[s, 0].numpy()
                expected = float(posterior.scaling.y_mean + posterior.scaling.y_sd * activity[0])
                assert means[s, i] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_chunked_equals_whole():
    posterior = weight_posterior()
    X = np.random.default_rng(1).normal(size=(40, 3))
    inputs = (torch.tensor(X) - posterior.scaling.x_mean) / posterior.scaling.x_sd
    whole = [m for m, _ in posterior.predictive(X, draws=1000, seed=4)._blocks()]
    assert [len(m) for m in whole] == [256, 256, 256, 232]
    for k in (3, 1, 2, 0):  # any block, in any order, by itself
        part = slice(k * BLOCK_DRAWS, min((k + 1) * BLOCK_DRAWS, 1000))
        means, _ = posterior.block(inputs, part, seed=4)
        np.testing.assert_array_equal(means, whole[k])
    # More draws begin with the same ones.
    more = [m for m, _ in posterior.predictive(X, draws=1280, seed=4)._blocks()]
    np.testing.assert_array_equal(np.concatenate(more)[:1000], np.concatenate(whole))


def test_all_rows_of_a_draw_share_its_weights():
    posterior = weight_posterior()
    X = np.random.default_rng(1).normal(size=(40, 3))
    whole = posterior.predictive(X, draws=50, seed=4).means
    part = posterior.predictive(X[7:9], draws=50, seed=4).means
    np.testing.assert_allclose(part, whole[:, 7:9], rtol=1e-12)


def test_peak_memory_is_flat_in_the_number_of_draws():
    import tracemalloc

    posterior = weight_posterior()
    X = np.random.default_rng(1).normal(size=(2000, 3))

    def peak(draws):
        tracemalloc.start()
        posterior.predictive(X, draws=draws, seed=4).mean()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(20 * BLOCK_DRAWS) < 1.1 * peak(2 * BLOCK_DRAWS)
