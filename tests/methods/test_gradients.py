"""Gradients of the losses with respect to the inputs, against differences and closed forms."""

import warnings

import numpy as np
import pytest
import torch

from howrobust.base.method import DifferentiablePosterior
from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV
from howrobust.methods.bayesian_nn import WeightPosterior
from howrobust.methods.bayesian_ridge import BayesianRidge
from howrobust.methods.core.sampling import posterior as sampling
from howrobust.methods.core.sampling import weights
from howrobust.methods.gaussian_process import GaussianProcess

DRAWS = 16


def wide(posterior, **words):
    """The same means with sds of 0.4 instead of 0.02, so that draws differ."""
    sds = [(20 * w, 20 * b) for w, b in posterior.sds]
    found = WeightPosterior(posterior.means, sds, posterior.scaling, DRAWS, **words)
    found.noise_sd = posterior.noise_sd
    return found


METHODS = [
    *(
        (BayesianNN, {"antithetic": antithetic, "integrated": integrated})
        for antithetic in (False, True)
        for integrated in (False, True)
    ),
    (DeepEnsemble, {}),
    (ShuffledCV, {"n_folds": 3, "n_shuffles": 2}),
    (MCDropout, {"dropout": 0.3}),
]


def fitted(problem, method, words, hidden=(20,)):
    (posterior,) = method(hidden=hidden, epochs=2, **words).infer_stack([problem])
    return wide(posterior, **words) if method is BayesianNN else posterior


def losses(posterior, X, y, seed):
    predictive = posterior.predictive(X, DRAWS, seed)
    return (y - predictive.mean()) ** 2, -predictive.logpdf(y)


def differences(posterior, X, y, seed, steps):
    """Central differences (n, d) of both losses, feature j by steps (d,)."""
    found = np.empty((2, *X.shape))
    for j, step in enumerate(steps):
        above, below = X.copy(), X.copy()
        above[:, j] += step
        below[:, j] -= step
        ends = zip(*(losses(posterior, Z, y, seed) for Z in (above, below)), strict=True)
        found[:, :, j] = [(a - b) / (2 * step) for a, b in ends]
    return found


def require_close(found, expected, scale, tolerance):
    """Compare gradients (2, n, d) per sd of a feature, (d,), by the greatest of each row."""
    found, expected = np.array(found) * scale, np.array(expected) * scale
    size = np.abs(expected).max(axis=2, keepdims=True)
    assert (size > 0).any()  # where every unit is dead, 0 must be 0
    assert (np.abs(found - expected) <= tolerance * size).all()


@pytest.mark.parametrize("hidden", [(20,), (10, 5)])
@pytest.mark.parametrize(("method", "words"), METHODS)
def test_gradients_are_the_central_differences_of_the_forecast(
    problems, monkeypatch, method, words, hidden
):
    # Without a compiler torch forecasts in float64, by the very draws of the gradients.
    monkeypatch.setattr(weights, "available", lambda: False)
    posterior = fitted(problems[0], method, words, hidden)
    X, y = problems[1].X[:6], problems[1].y[:6]
    sd = problems[0].X.std(axis=0)
    # A step of 1e-7 sd seldom meets a kink of a ReLU. A loss, or an input of 100 with an sd of 10,
    # rounds at some 1e-15, so a difference at 1e-8; a hundred times that where a loss is large
    # beside its slope.
    expected = differences(posterior, X, y, 3, 1e-7 * sd)
    found = posterior.gradients(X, y, DRAWS, 3)
    require_close(found, expected, sd, 1e-6)
    assert all(part.dtype == np.float64 for part in found)


def test_gradients_of_a_gaussian_process_are_central_differences(problems):
    (posterior,) = GaussianProcess().infer_stack(problems[:1])
    X, y, sd = problems[1].X[:6], problems[1].y[:6], problems[0].X.std(axis=0)
    # A step of h = 1e-4 length scales errs by h^2 and, with a kernel matrix of condition 1e4, by
    # 1e-12 / h: both near 1e-8; a hundred times that for a length scale of a tenth of an sd.
    expected = differences(posterior, X, y, 0, 1e-4 * sd)
    require_close(posterior.gradients(X, y), expected, sd, 1e-5)


def test_gradients_of_bayesian_ridge_are_the_closed_form(problems):
    """The mean is linear and the variance quadratic: central differences of any step are exact."""
    (posterior,) = BayesianRidge().infer_stack(problems[:1])
    X, y, sd = problems[1].X[:6], problems[1].y[:6], problems[0].X.std(axis=0)
    here = posterior.predictive(X)
    mean, variance = here.mean(), here.variance_parts()[0]
    ends = [[posterior.predictive(X + sign * np.diag(sd)[j]) for sign in (1, -1)] for j in range(3)]
    w = np.array([a.mean() - b.mean() for a, b in ends]).T / (2 * sd)
    dv = np.array([a.variance_parts()[0] - b.variance_parts()[0] for a, b in ends]).T / (2 * sd)
    error, v = (y - mean)[:, None], variance[:, None]
    # -log p = log(v) / 2 + error^2 / (2 v) + a constant.
    expected = [-2 * error * w, dv / (2 * v) - error * w / v - error**2 * dv / (2 * v**2)]
    require_close(posterior.gradients(X, y), expected, sd, 1e-9)


@pytest.mark.parametrize("far", [1.0, 1e8])
def test_one_network_of_constant_noise_has_proportional_gradients(problems, far):
    """-log p is then (y - mu)^2 / (2 v^2) + a constant, however far y is."""
    posterior = fitted(problems[0], ShuffledCV, {"n_folds": 1, "n_shuffles": 1})
    X, y = problems[1].X, far * problems[1].y
    square, nll = posterior.gradients(X, y)
    np.testing.assert_allclose(nll, square / (2 * posterior.noise_sd**2), rtol=1e-12)


def test_a_fixed_number_of_members_ignores_draws(problems):
    posterior = fitted(problems[0], DeepEnsemble, {})
    X, y = problems[1].X, problems[1].y
    np.testing.assert_array_equal(posterior.gradients(X, y), posterior.gradients(X, y, 3, seed=8))


def test_draws_left_open_are_those_of_the_forecast(problems):
    posterior = fitted(problems[0], MCDropout, {"n_draws": 40})
    X, y = problems[1].X, problems[1].y
    np.testing.assert_array_equal(posterior.gradients(X, y), posterior.gradients(X, y, 40))
    assert not np.allclose(posterior.gradients(X, y), posterior.gradients(X, y, 39))
    assert not np.allclose(posterior.gradients(X, y), posterior.gradients(X, y, seed=1))


@pytest.mark.parametrize(("method", "words"), METHODS)
def test_points_in_runs_are_the_points_at_once(problems, monkeypatch, method, words):
    posterior = fitted(problems[0], method, words)
    X, y = problems[1].X, problems[1].y
    whole = posterior.gradients(X, y, DRAWS, 3)
    monkeypatch.setattr(sampling, "RUN_FLOATS", 3 * 20 * DRAWS)
    runs = posterior.gradients(X, y, DRAWS, 3)
    # Products of another number of rows may round otherwise.
    np.testing.assert_allclose(runs, whole, rtol=1e-9, atol=1e-9)
    part = posterior.gradients(X[5:9], y[5:9], DRAWS, 3)
    np.testing.assert_allclose(part, np.array(whole)[:, 5:9], rtol=1e-9, atol=1e-9)


def test_gradients_leave_inputs_and_the_global_generator_alone(problems):
    X, y = problems[1].X.copy(), problems[1].y.copy()
    X.flags.writeable = y.flags.writeable = False
    state = torch.get_rng_state()
    for method, words in METHODS:
        posterior = fitted(problems[0], method, words)
        assert isinstance(posterior, DifferentiablePosterior)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            posterior.gradients(X, y, DRAWS, 3)
    assert torch.equal(state, torch.get_rng_state())
    np.testing.assert_array_equal(X, problems[1].X)
