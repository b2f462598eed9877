"""The stacked core against a plain loop, and law 2: a network's result is its own."""

import numpy as np
import pytest
import torch
from references import plain_loop
from torch import nn
from torch.nn.functional import softplus

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.compiled import available
from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV
from howrobust.methods.core.engines.compiled_engine import train_compiled
from howrobust.methods.core.engines.torch_engine import train_in_torch
from howrobust.methods.core.engines.training import train
from howrobust.methods.core.engines.training_job import Schedule, TrainingJob
from howrobust.methods.core.losses.gaussian_nll import GaussianNLL
from howrobust.methods.core.losses.squared_error import SquaredError
from howrobust.methods.core.networks.dense import NOISE
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import forward, pairs
from howrobust.methods.core.random_numbers import streams as draws
from howrobust.methods.core.random_numbers.philox import stream_of

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


ENGINES = [
    pytest.param(train_compiled, marks=pytest.mark.skipif(not available(), reason="no compiler")),
    train_in_torch,
]


def gaussian_loss(outputs, y):
    variance = softplus(outputs[:, 1]) + 1e-6
    return (0.5 * variance.log() + 0.5 * (y - outputs[:, 0]) ** 2 / variance).mean()


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("batch", [16, 23, 60])
@pytest.mark.parametrize(
    ("objective", "outputs", "loss"),
    [
        (GaussianNLL((20,)), 2, gaussian_loss),
        (SquaredError((12, 6)), 1, lambda o, y: ((y - o[:, 0]) ** 2).mean()),
    ],
    ids=["heads", "squared"],
)
@pytest.mark.parametrize("engine", ENGINES)
def test_networks_agree_with_a_plain_loop_after_five_epochs(
    engine, objective, outputs, loss, batch, decay
):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)) * 5 + 3, rng.normal(size=60) * 2
    jobs = [TrainingJob(np.arange(60), seed, decay) for seed in (1, 2, 3)]
    trained = engine(objective, X, y, jobs, Schedule(5, batch, 0.01))
    Xs = torch.tensor((X - X.mean(0)) / X.std(0)).float()
    ys = torch.tensor((y - y.mean()) / y.std()).float()
    for k, job in enumerate(jobs):
        net = plain_loop.module(4, objective.hidden, outputs)
        plain_loop.train(
            net, Xs, ys, loss, job.seed, 5, batch, 0.01, decay,
            skip=lambda generator: objective.start(4, generator),
        )  # fmt: skip
        with torch.no_grad():
            layers = pairs([p[k : k + 1] for p in trained.parameters])
            ours = forward(layers, Xs[None, :48])[0]
            # float32: eps 6e-8 over at most 20 steps of sums of 20 terms.
            torch.testing.assert_close(ours, net(Xs[:48]), rtol=1e-4, atol=1e-4)


def test_the_article_preset_is_torchbnns_own_training_step_for_step(monkeypatch):
    import torchbnn

    rng = np.random.default_rng(0)
    x = np.linspace(-2, 2, 40)
    y = x**5 - 10 * x + 2 * rng.random(40)
    method = BayesianNN(preset="article", hidden=(30,), epochs=6)
    assert method.settings()["prior_sd"] == 0.1
    assert method.settings()["hidden"] == (30,)
    (posterior,) = method.infer_stack([Problem(x[:, None], y, 0)])
    seed = seeds.derive(0, "bayesian")
    layout = Layout(1, (30,), 1)
    drawn = []
    for step in range(6):
        flat = draws.normals(stream_of(seed, step, NOISE), layout.size)
        for weight, bias in layout.unpack(flat[None]):
            drawn += [torch.from_numpy(weight[0].T), torch.from_numpy(bias[0, 0])]
    monkeypatch.setattr(torch, "randn_like", lambda like: drawn.pop(0).reshape(like.shape))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
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
    assert not drawn  # torchbnn drew weight, bias, weight, bias at every step
    # Adam divides by the gradient's size: rounding of a near-zero gradient moves a weight by up to
    # a tenth of a step of .01. A wrong term would move all of them by whole steps.
    close = {"rtol": 1e-3, "atol": 1e-3}
    for k, layer in enumerate((net[0], net[2])):
        weight, bias = (t.float() for t in posterior.means[k])
        torch.testing.assert_close(weight.T, layer.weight_mu.detach(), **close)
        torch.testing.assert_close(bias[0], layer.bias_mu.detach(), **close)
        logs = posterior.sds[k][0].T.log().float()
        torch.testing.assert_close(logs, layer.weight_log_sigma.detach(), **close)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_stops_where_its_held_rows_are_fitted_best(engine):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(80, 3)), rng.normal(size=80)  # nothing to learn: it soon gets worse
    jobs = [TrainingJob(np.arange(80), seed) for seed in (1, 2)]
    stopped = engine(SquaredError((30,)), X, y, jobs, Schedule(200, 16, 0.01, patience=4))
    for k in range(2):
        epochs = int(stopped.epochs[k])
        assert 4 < epochs < 200
        # Without patience, on the 64 rows that were trained on, for as long as the best took.
        part = [TrainingJob(np.arange(64), jobs[k].seed)]
        schedule = Schedule(epochs - 4, 16, 0.01)
        again = engine(SquaredError((30,)), X, y, part, schedule)
        for ours, theirs in zip(stopped.parameters, again.parameters, strict=True):
            torch.testing.assert_close(ours[k], theirs[0])


def test_held_rows_are_not_trained_on_nor_standardised_by():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    schedule = Schedule(1, 16, 0.01, patience=1)
    before = train(SquaredError((8,)), X, y, [TrainingJob(np.arange(50), 1)], schedule)
    X[40:], y[40:] = 7.0, -3.0
    after = train(SquaredError((8,)), X, y, [TrainingJob(np.arange(50), 1)], schedule)
    for a, b in zip(before.parameters, after.parameters, strict=True):
        assert torch.equal(a, b)


class UnluckyError(SquaredError):
    """A start that is not finite, for all seeds but the good ones or for one bad one."""

    def __init__(self, hidden, good=(), bad=None):
        super().__init__(hidden)
        self.good, self.bad = good, bad

    def start(self, features, generator):
        start, seed = super().start(features, generator), generator.initial_seed()
        if seed == self.bad or (self.bad is None and seed not in self.good):
            start[0][:] = torch.inf
        return start


def test_a_network_that_diverges_once_begins_again_and_harms_nobody():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    jobs = [TrainingJob(np.arange(50), seed) for seed in (1, 2, 3)]
    schedule = Schedule(3, 16, 0.01)
    found = train(UnluckyError((8,), bad=2), X, y, jobs, schedule)
    assert found.restarts.tolist() == [0, 1, 0]
    same = train(SquaredError((8,)), X, y, [jobs[0], jobs[1].restarted(1), jobs[2]], schedule)
    for a, b in zip(found.parameters, same.parameters, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_that_diverges_under_patience_shows_it(engine):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    found = engine(
        SquaredError((8,)), X, y, [TrainingJob(np.arange(40), 1)], Schedule(50, 8, 1e30, patience=3)
    )
    assert not found.finite()[0]


def test_patience_needs_rows_to_train_on():
    with pytest.raises(ValueError, match="at least 2 rows to train on, not 1"):
        MCDropout(patience=1).infer_stack([Problem(np.zeros((2, 1)), np.arange(2.0), 0)])


def test_threads_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    jobs = [TrainingJob(rng.permutation(50)[:40], seed) for seed in range(20)]
    found = []
    for threads in ("1", "4"):
        monkeypatch.setenv("HOWROBUST_THREADS", threads)
        found.append(train(SquaredError((8,)), X, y, jobs, Schedule(3, 16, 0.01)))
    for a, b in zip(*(f.parameters for f in found), strict=True):
        assert torch.equal(a, b)


def test_rows_that_a_network_does_not_train_on_leave_no_trace():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    job = TrainingJob(np.arange(40), 1)
    before = train(SquaredError((8,)), X, y, [job], Schedule(3, 16, 0.01))
    X[40:], y[40:] = np.nan, np.nan
    after = train(SquaredError((8,)), X, y, [job], Schedule(3, 16, 0.01))
    for a, b in zip(before.parameters, after.parameters, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_a_network_that_always_diverges_is_named(engine, monkeypatch):
    monkeypatch.setattr(
        "howrobust.methods.core.engines.training.available", lambda: engine == "compiled"
    )
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    jobs = [TrainingJob(np.arange(50), seed) for seed in (1, 2)]
    with pytest.raises(FloatingPointError, match="3 times: network 1 of 2"):
        train(UnluckyError((8,), {1}), X, y, jobs, Schedule(2, 16, 0.01))


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
