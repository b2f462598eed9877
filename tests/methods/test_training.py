"""The stacked core against a plain loop, and law 2: a network's result is its own."""

import numpy as np
import pytest
import torch
from references import plain_loop
from torch import nn
from torch.nn.functional import softplus

from howrobust.method import Problem
from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV
from howrobust.methods.core.network import forward, pairs
from howrobust.methods.core.training import Job, Schedule, train
from howrobust.methods.deep_ensemble import GaussianHeads
from howrobust.methods.shuffled_cv import SquaredError

FOUR = [
    BayesianNN(epochs=15, hidden=(20,)),
    BayesianNN(epochs=5, loss="mse_kl", prior_sd=0.1, hidden=(7,), batch_size=None),
    DeepEnsemble(epochs=15, n_members=3, batch_size=33),
    ShuffledCV(epochs=15, n_folds=3, n_shuffles=2, hidden=(10, 5)),
    ShuffledCV(epochs=15, n_folds=1, n_shuffles=3, batch_size=16),
    MCDropout(epochs=10),
    MCDropout(epochs=10, tau=2.0, dropout=0.2),
]


@pytest.mark.parametrize("method", FOUR, ids=lambda m: f"{type(m).__name__}-{FOUR.index(m)}")
@pytest.mark.parametrize("features", [1, 3, 13])
def test_a_stack_equals_its_networks_alone_bit_for_bit(method, features):
    rng = np.random.default_rng(features)
    sizes = (61, 47, 61, 100)
    problems = [
        Problem(rng.normal(size=(n, features)) * 3 + 7, rng.normal(size=n) * 5 + 2, seed)
        for seed, n in enumerate(sizes)
    ]
    X = rng.normal(size=(11, features))
    stack = method.infer_stack(problems)
    for problem, stacked in zip(problems, stack, strict=True):
        (alone,) = method.infer_stack([problem])
        first, second = (p.predictive(X, draws=300, seed=3) for p in (stacked, alone))
        np.testing.assert_array_equal(first.mean(), second.mean())
        np.testing.assert_array_equal(first.logpdf(np.zeros(11)), second.logpdf(np.zeros(11)))


def gaussian_loss(outputs, y):
    variance = softplus(outputs[:, 1]) + 1e-6
    return (0.5 * variance.log() + 0.5 * (y - outputs[:, 0]) ** 2 / variance).mean()


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("batch", [16, 23, 60])
@pytest.mark.parametrize(
    ("objective", "outputs", "loss"),
    [
        (GaussianHeads((20,)), 2, gaussian_loss),
        (SquaredError((12, 6)), 1, lambda o, y: ((y - o[:, 0]) ** 2).mean()),
    ],
    ids=["heads", "squared"],
)
def test_the_stack_agrees_with_a_plain_loop_after_five_epochs(
    objective, outputs, loss, batch, decay
):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)) * 5 + 3, rng.normal(size=60) * 2
    jobs = [Job(np.arange(60), seed, decay) for seed in (1, 2, 3)]
    trained = train(objective, X, y, jobs, Schedule(5, batch, 0.01))
    Xs = torch.tensor((X - X.mean(0)) / X.std(0)).float()
    ys = torch.tensor((y - y.mean()) / y.std()).float()
    for k, job in enumerate(jobs):
        net = plain_loop.module(4, objective.hidden, outputs)
        plain_loop.train(
            net, Xs, ys, loss, job.seed, 5, batch, 0.01, decay,
            skip=lambda generator: objective.initial(4, generator),
        )  # fmt: skip
        with torch.no_grad():
            layers = pairs([p[k : k + 1] for p in trained.parameters])
            ours = forward(layers, Xs[None, :48])[0]
            # float32: eps 6e-8 over at most 20 steps of sums of 20 terms.
            torch.testing.assert_close(ours, net(Xs[:48]), rtol=1e-4, atol=1e-4)


def test_the_article_preset_is_torchbnns_own_training_step_for_step():
    import torchbnn

    rng = np.random.default_rng(0)
    x = np.linspace(-2, 2, 40)
    y = x**5 - 10 * x + 2 * rng.random(40)
    method = BayesianNN(preset="article", hidden=(30,), epochs=6)
    assert method.settings()["prior_sd"] == 0.1
    assert method.settings()["hidden"] == (30,)
    (posterior,) = method.infer_stack([Problem(x[:, None], y, 0)])
    from howrobust import seeds

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.derive(0, "bayesian"))
        net = nn.Sequential(
            torchbnn.BayesLinear(prior_mu=0, prior_sigma=0.1, in_features=1, out_features=30),
            nn.ReLU(),
            torchbnn.BayesLinear(prior_mu=0, prior_sigma=0.1, in_features=30, out_features=1),
        )
        kl_loss = torchbnn.BKLLoss(reduction="mean", last_layer_only=False)
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        X, target = torch.tensor(x[:, None]).float(), torch.tensor(y[:, None]).float()
        for _ in range(6):
            optimizer.zero_grad()
            (nn.MSELoss()(net(X), target) + 0.01 * kl_loss(net)[0]).backward()
            optimizer.step()
    # Adam divides by the gradient's size: rounding of a near-zero gradient moves a weight by up to
    # a tenth of a step of .01. A wrong term would move all of them by whole steps.
    close = {"rtol": 1e-3, "atol": 1e-3}
    for k, layer in enumerate((net[0], net[2])):
        weight, bias = (t.float() for t in posterior.means[2 * k : 2 * k + 2])
        torch.testing.assert_close(weight.T, layer.weight_mu.detach(), **close)
        torch.testing.assert_close(bias[0], layer.bias_mu.detach(), **close)
        logs = posterior.sds[2 * k].T.log().float()
        torch.testing.assert_close(logs, layer.weight_log_sigma.detach(), **close)


def test_rows_that_a_network_does_not_train_on_leave_no_trace():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    job = Job(np.arange(40), 1)
    before = train(SquaredError((8,)), X, y, [job], Schedule(3, 16, 0.01))
    X[40:], y[40:] = np.nan, np.nan
    after = train(SquaredError((8,)), X, y, [job], Schedule(3, 16, 0.01))
    for a, b in zip(before.parameters, after.parameters, strict=True):
        assert torch.equal(a, b)


def test_a_network_that_diverges_is_named_and_its_neighbours_are_whole():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    wild = np.full(20, np.inf)
    pool_X, pool_y = np.concatenate([X, X[:20]]), np.concatenate([y, wild])
    jobs = [Job(np.arange(20), 1), Job(np.arange(50, 70), 2)]
    with pytest.raises(FloatingPointError, match="network 1 of 2"):
        train(SquaredError((8,)), pool_X, pool_y, jobs, Schedule(2, 16, 0.01))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (DeepEnsemble(epochs=0), "epochs"),
        (DeepEnsemble(hidden=()), "hidden"),
        (DeepEnsemble(batch_size=0), "batch_size"),
        (DeepEnsemble(learning_rate=-1), "learning_rate"),
        (DeepEnsemble(n_members=0), "n_members"),
        (MCDropout(dropout=1.0), "dropout"),
        (MCDropout(tau=-1.0), "tau"),
        (MCDropout(n_draws=0), "n_draws"),
        (BayesianNN(n_draws=0), "n_draws"),
        (BayesianNN(prior_sd=0.0), "prior_sd"),
        (BayesianNN(loss="mse"), "loss"),
        (BayesianNN(preset="none such"), "preset"),
        (ShuffledCV(n_folds=1000), "n_folds"),
        (ShuffledCV(n_shuffles=0), "n_shuffles"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_make_no_sense_are_refused(method, message, problems):
    with pytest.raises(ValueError, match=message):
        method.infer_stack(problems[:1])
