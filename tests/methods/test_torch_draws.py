"""The draws of users' torch modules: their mixture, noise, gradients and training."""

import numpy as np
import pytest
import torch
import torchbnn
from scipy.optimize import minimize_scalar
from torch import nn

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.datasets.synthetic import Quintic
from howrobust.methods import (
    BayesianNN,
    FittedModel,
    TorchRegressor,
    TrainedModule,
    UserModel,
    bayesian_surrogate,
)
from howrobust.methods.core.problems.problem_pool import validation_start
from howrobust.methods.wrappers.torch_modules.probe import kind_of
from howrobust.methods.wrappers.torch_modules.training import default_loss
from howrobust.testing.method_checks import check_method


class RandomSlopes(nn.Module):
    """y = x w with w ~ N(mean, sd^2), one draw per call: as torchbnn's layers, of known weights."""

    def __init__(self, mean, sd):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("sd", torch.tensor(sd))

    def forward(self, x):
        w = self.mean + self.sd * torch.randn(self.mean.shape, dtype=torch.float64)
        return x @ w.to(x)


def untrained(module, X, y):
    pass


def rows(n=100, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, 2 * X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=n)


MEAN, SD = [2.0, -1.0, 0.5], [0.1, 0.4, 0.2]


def test_the_mixture_of_known_weights_has_their_mean_and_variance():
    X, y = rows()
    model = TorchRegressor(
        RandomSlopes(MEAN, SD), train=untrained, standardise=False, draws=4000, random_state=0
    )
    found = model.fit(X, y).predict_distribution(X)
    aleatoric, between = found.variance_parts()
    variance = X**2 @ np.array(SD) ** 2
    # z = (mean - exact) / (sd / sqrt(S)) of normal draws: 5 at most over 100 rows of 3 numbers;
    # a sample variance has a relative error of sqrt(2 / S).
    assert np.abs(found.mean() - X @ MEAN).max() < (5 * np.sqrt(variance / 4000)).max()
    np.testing.assert_allclose(between, variance, rtol=5 * np.sqrt(2 / 4000))
    np.testing.assert_allclose(aleatoric, model.posterior_.noise_sd**2, rtol=1e-12)
    np.testing.assert_array_equal(model.predict(X), found.mean())


def test_the_noise_maximises_the_likelihood_of_the_mixture_on_rows_that_were_not_learnt():
    X, y = rows(60)
    learnt = []
    model = TorchRegressor(
        RandomSlopes(MEAN, SD), train=lambda m, X, y: learnt.append(len(X)), standardise=False,
        random_state=3, draws=5,
    ).fit(X, y)  # fmt: skip
    start = validation_start(60)
    assert learnt == [60, start]
    means, _ = model.posterior_.block(X[start:], slice(0, 256), seeds.derive(3, "noise"))

    def nll(log_sd):
        z = (y[start:] - means) / np.exp(log_sd)
        return -np.log(np.mean(np.exp(-0.5 * z**2 - log_sd), axis=0)).sum()

    exact = minimize_scalar(nll, bounds=(-4, 2), method="bounded", options={"xatol": 1e-8})
    assert model.posterior_.noise_sd == pytest.approx(np.exp(exact.x), rel=1e-4)


def dropped(p=0.3):
    module = nn.Sequential(nn.Dropout(p), nn.Linear(3, 1, bias=False)).double()
    with torch.no_grad():
        module[1].weight.copy_(torch.tensor([MEAN]))
    return module


def test_dropout_stays_on_with_draws_and_its_moments_are_those_of_bernoulli_masks():
    X, y = rows()
    fitted = TrainedModule(dropped(), draws=4000).posterior(Problem(X, y, 0))
    found = fitted.predictive(X)
    variance = (X * MEAN) ** 2 @ np.full(3, 0.3 / 0.7)
    assert np.abs(found.mean() - X @ MEAN).max() < 5 * np.sqrt(variance.max() / 4000)
    # Masks of 3 inputs are far from normal: kurtosis below 3 here, so 5 sqrt(2 / S) holds too.
    np.testing.assert_allclose(found.variance_parts()[1], variance, rtol=5 * np.sqrt(2 / 4000))
    plain = TrainedModule(dropped()).posterior(Problem(X, y, 0)).predictive(X)
    assert plain.n_components == 1
    np.testing.assert_allclose(plain.mean(), X @ MEAN, rtol=1e-12)


def bayesian():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return bayesian_surrogate(nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1)))


def masked():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        inner = nn.Linear(3, 6), nn.BatchNorm1d(6), nn.Tanh()
        return nn.Sequential(*inner, nn.Dropout(0.2), nn.Linear(6, 1))


def two_outputs():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return bayesian_surrogate(nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2)))


def posterior_of(make, draws=32):
    X, y = rows()
    return TrainedModule(make().double(), draws=draws).posterior(Problem(X, y, 0))


MODULES = pytest.mark.parametrize("make", [bayesian, masked, two_outputs])


@MODULES
def test_gradients_are_those_of_finite_differences(make):
    posterior, (X, y) = posterior_of(make, 300), rows(5, seed=1)
    posterior.scaling = [
        np.array([0.5, -1, 2]),
        np.array([2, 0.5, 3]),
        np.array(1.0),
        np.array(4.0),
    ]
    square, nll = posterior.gradients(X, y, seed=7)
    for j in range(3):
        step = np.zeros(3)
        step[j] = 1e-5
        up, down = (posterior.predictive(X + s * step, seed=7) for s in (1, -1))
        # Central differences of step h: errors of h^2 and of eps / h, both near 1e-10.
        errors = [(y - p.mean()) ** 2 for p in (up, down)]
        np.testing.assert_allclose(square[:, j], (errors[0] - errors[1]) / 2e-5, atol=1e-7)
        densities = [-p.logpdf(y) for p in (up, down)]
        np.testing.assert_allclose(nll[:, j], (densities[0] - densities[1]) / 2e-5, atol=1e-6)


@MODULES
def test_a_block_depends_on_the_seed_and_its_number_alone_and_rows_share_its_draws(make):
    posterior, (X, _) = posterior_of(make), rows(2500, seed=1)
    first, second = (posterior.block(X[:9], slice(s, s + 256), 5)[0] for s in (0, 256))
    assert np.abs(first - second).max() > 1e-3
    part = slice(256, 296)
    np.testing.assert_array_equal(posterior.block(X[:9], part, 5)[0], second[:40])
    np.testing.assert_allclose(posterior.block(X[:9:4], part, 5)[0], second[:40, ::4], rtol=1e-12)
    assert np.abs(posterior.block(X[:9], part, 6)[0] - second[:40]).max() > 1e-3
    # 300 draws are one block and a part of the next; runs of 1,024 rows draw the same.
    joined = posterior.predictive(X, 300, seed=5)
    expected = np.concatenate([first, second[:44]]).mean(axis=0)
    np.testing.assert_allclose(joined.mean()[:9], expected, rtol=1e-10)
    np.testing.assert_allclose(
        posterior.predictive(X[2000:2003], 300, seed=5).mean(), joined.mean()[2000:2003], rtol=1e-10
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: UserModel(TorchRegressor(bayesian(), epochs=5, draws=300)),
        lambda: UserModel(TorchRegressor(masked(), epochs=2, draws=32)),
        lambda: FittedModel(TrainedModule(two_outputs(), draws=32)),
    ],
    ids=["bayesian", "dropout", "trained"],
)
def test_modules_that_draw_keep_the_laws_of_methods(make):
    assert [(f.law, f.detail) for f in check_method(make) if not f.passed] == []


class Stated(nn.Module):
    """Returns a mean, a log variance if asked, and a divergence if asked."""

    def __init__(self, outputs=1, kl=False):
        super().__init__()
        self.inner, self.kl = nn.Linear(3, outputs), kl

    def forward(self, x):
        return (self.inner(x), torch.tensor(7.0)) if self.kl else self.inner(x)


def divergence(module):
    """KL of torchbnn's weights from N(0, .1^2) in nats, and their number."""
    total, count = 0.0, 0
    for name, log_sd in module.named_parameters():
        if name.endswith("log_sigma"):
            mean = module.get_parameter(name.replace("log_sigma", "mu")).detach().double()
            s = log_sd.detach().double().exp()
            total += (np.log(0.1) - s.log() + (s**2 + mean**2) / 0.02 - 0.5).sum().item()
            count += mean.numel()
    return total, count


def test_the_default_loss_is_the_likelihood_and_divergence_that_the_module_states():
    X, y = rows(20)
    inputs, target = torch.tensor(X).float(), torch.tensor(y).float()

    def value(module, outputs=None):
        kind = kind_of(module, X)
        loss, own = default_loss(module, kind, 50)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            cost = loss(module, inputs, target).sum().item()
            torch.manual_seed(3)
            returned = module(inputs)
        outputs = returned[0] if isinstance(returned, tuple) else returned
        return cost, outputs.detach().double().numpy(), own

    cost, outputs, own = value(Stated())
    assert (cost, own) == (pytest.approx(np.mean((outputs[:, 0] - y) ** 2), rel=1e-5), [])
    cost, outputs, own = value(bayesian())
    kl, weights = divergence(bayesian())
    square = np.mean((outputs[:, 0] - y) ** 2)
    assert (cost, own) == (pytest.approx(square + 0.01 * kl / weights, rel=1e-5), [])
    cost, outputs, (noise,) = value(Stated(kl=True))  # the learned noise sd starts at 1
    assert cost == pytest.approx(0.5 * np.mean((outputs[:, 0] - y) ** 2) + 7 / 50, rel=1e-5)
    assert noise.requires_grad
    for module, kl in ((Stated(2), 0.0), (Stated(2, True), 7.0), (two_outputs(), None)):
        cost, outputs, own = value(module)
        kl = divergence(module)[0] if kl is None else kl
        m, log_v = outputs.T
        nll = np.mean(0.5 * (y - m) ** 2 / np.exp(log_v) + 0.5 * log_v)
        assert (cost, own) == (pytest.approx(nll + kl / 50, rel=1e-5), [])


def test_a_second_output_is_the_log_variance_in_target_units():
    X, _ = rows(400)
    y = 50 + 20 * X[:, 0] + 5 * np.exp(0.5 * X[:, 1]) * np.random.default_rng(1).normal(size=400)
    model = TorchRegressor(nn.Linear(3, 2), epochs=150, random_state=0).fit(X, y)
    found = model.predict_distribution(X)
    sd = np.sqrt(found.variance_parts()[0])
    assert found.n_components == 1
    # Coefficients of log sd from 400 rows have an error near sqrt(.5 / 400) = .035; 5 of those.
    np.testing.assert_allclose(np.log(sd), np.log(5) + 0.5 * X[:, 1], atol=0.18 * 4)
    assert np.polyfit(X[:, 1], np.log(sd), 1) == pytest.approx([0.5, np.log(5)], abs=0.18)
    assert np.isfinite(model.gradients(X, y)).all()


def test_a_users_loss_is_minimised_and_a_users_loop_is_all_that_trains():
    X, y = rows(99)
    y = np.exp(2 * y)  # skewed: the median is far from the mean

    class Constant(nn.Module):
        def __init__(self, features):
            super().__init__()
            self.value = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return self.value.expand(len(x), 1)

    def absolute(module, X, y):
        return (module(X)[:, 0] - y).abs().mean()

    words = {"epochs": 500, "batch_size": None, "learning_rate": 0.003}
    found = TorchRegressor(Constant, loss=absolute, **words).fit(X, y)
    assert found.predict(X[:1])[0] == pytest.approx(np.median(y), abs=0.01 * y.std())

    def least_squares(module, X, y):
        assert X.dtype == y.dtype == torch.float32
        with torch.no_grad():
            inputs = torch.hstack([X, torch.ones(len(X), 1)])
            solved = torch.linalg.lstsq(inputs, y[:, None]).solution[:, 0]
            module.weight.copy_(solved[None, :-1])
            module.bias.copy_(solved[-1:])

    X, y = rows(99)
    found = TorchRegressor(nn.Linear(3, 1), train=least_squares).fit(X, y).predict(X)
    inputs = np.column_stack([np.ones(99), X])
    expected = inputs @ np.linalg.lstsq(inputs, y, rcond=None)[0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ValueError, match="give loss or train, not both"):
        TorchRegressor(nn.Linear(3, 1), loss=absolute, train=least_squares).fit(X, y)
    with pytest.raises(ValueError, match=r"loss must be a function loss\(module, X, y\)"):
        TorchRegressor(nn.Linear(3, 1), loss="mse").fit(X, y)


def test_restarts_of_torchbnns_layers_start_afresh():
    given = bayesian()
    with torch.no_grad():
        for parameter in given.parameters():
            parameter.fill_(5.0)  # as if it had been trained
    X, y = rows(20)
    fits = [
        TorchRegressor(given, epochs=1, learning_rate=1e-9, draws=4, random_state=s).fit(X, y)
        for s in (0, 1)
    ]
    for fit in fits:
        for name, parameter in fit.module_.named_parameters():
            if name.endswith("log_sigma"):
                np.testing.assert_allclose(parameter.detach().exp(), 0.1, rtol=1e-6)
            else:
                assert parameter.abs().max() < 1
    assert not torch.equal(fits[0].module_[0].weight_mu, fits[1].module_[0].weight_mu)


def test_what_draws_is_found_and_what_cannot_draw_is_refused():
    X, _ = rows(10)
    for module, draws, expected in (
        (bayesian(), False, (True, False)),
        (masked(), False, (False, False)),
        (masked(), True, (True, True)),
    ):
        kind = kind_of(module, X, draws=draws)
        assert (kind.draws, kind.by_row) == expected
    with pytest.raises(ValueError, match="draws was given, but Linear draws nothing"):
        kind_of(nn.Linear(3, 1), X, draws=True)
    assert not TorchRegressor(masked(), epochs=1).fit(*rows(20)).states_distribution()
    assert TorchRegressor(masked(), epochs=1, draws=3).fit(*rows(20)).states_distribution()
    with pytest.raises(ValueError, match="states no distribution"):
        TorchRegressor(masked(), epochs=1).fit(*rows(20)).predict_distribution(X)


@pytest.mark.slow
def test_the_articles_network_forecasts_as_the_articles_preset_does():
    def article(features):
        return nn.Sequential(
            torchbnn.BayesLinear(0, 0.1, features, 1000),
            nn.ReLU(),
            torchbnn.BayesLinear(0, 0.1, 1000, 1),
        )

    learn, test = Quintic().realise("draw-1", 0)

    def nll(method):
        found = method.fit(learn.X, learn.y).predict_distribution(test.X)
        assert found.variance_parts()[1].mean() > 0.1 * found.variance_parts()[0].mean()
        return -found.logpdf(test.y).mean()

    # The seed of a fit moves the nll by some 0.1, several times what 300 test rows do.
    seeds_of = (1, 2, 3, 4)
    theirs = [nll(BayesianNN(preset="article", n_draws=1000, random_state=s)) for s in seeds_of]
    ours = nll(UserModel(TorchRegressor(article, draws=1000), random_state=1))
    assert abs(ours - np.mean(theirs)) < 2 * np.std(theirs, ddof=1) * np.sqrt(1 + 1 / 4)
