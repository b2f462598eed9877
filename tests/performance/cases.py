"""What is timed: each case beside its like-for-like reference, and the floor of what it must do.

Both halves of a case answer the same question on one thread; where dropout or variational weights
are trained, the reference trains a plain network, which is less work. A floor is counted work
(random numbers, multiply-adds) at the rates this machine showed in `machine`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import pairwise

import numpy as np
import torch
import torchbnn
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

from howrobust.methods.bayesian_nn import BayesianNN, WeightPosterior
from howrobust.methods.core.arithmetic.products import columns
from howrobust.methods.core.engines.compiled_engine import train_compiled
from howrobust.methods.core.engines.torch_engine import train_in_torch
from howrobust.methods.core.engines.training_job import Schedule, TrainingJob
from howrobust.methods.core.losses.dropout_squared_error import DropoutSquaredError
from howrobust.methods.core.losses.evidence_lower_bound import EvidenceLowerBound
from howrobust.methods.core.losses.gaussian_nll import GaussianNLL
from howrobust.methods.core.losses.squared_error import SquaredError
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.problems.scaling import Scaling
from howrobust.methods.core.random_numbers.philox import fill_normals, stream_of
from howrobust.methods.core.sampling.posterior import DrawnPosterior
from howrobust.methods.core.sampling.weights import DroppedWeights, MemberWeights

SEED = 20


@dataclass(frozen=True)
class Case:
    """``references`` by name: the fastest of them counts. ``ours`` does the same work.

    Both do ``work`` units (draws, or steps of a network); a reference may do ``share`` of it, where
    all of it would take minutes. ``efficiency``: by how much fewer draws of ours have the error of
    the reference's. ``floor_s``: least seconds of ``ours``; None where nobody counted.
    """

    name: str
    work: str
    target: float
    references: dict[str, Callable[[], object]]
    ours: Callable[[], object]
    share: float = 1.0
    efficiency: float = 1.0
    floor_s: Callable[[], float] | None = None


@dataclass(frozen=True)
class Machine:
    """Measured rates, each the best of several tries."""

    normals: float  # standard normals a second, our own
    multiply_adds: float  # float32 a second, the fastest product of matrices found here
    rectified: float  # multiply, add, max, multiply, add: a second


def least_seconds(function: Callable[[], object], tries: int = 7) -> float:
    """Least time of several calls, after one that is not counted."""
    function()
    return min(timed(function) for _ in range(tries))


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@cache
def machine() -> Machine:
    """Measure the rates once."""
    numbers = np.empty(2**16, np.float32)
    normals = len(numbers) / least_seconds(lambda: fill_normals(numbers, stream_of(1)))
    a, b = torch.rand(1000, 1000), torch.rand(1000, 1000)
    rates = [1e9 / least_seconds(lambda: a @ b)]
    A, W, Z = (np.random.default_rng(0).random((100, w), np.float32) for w in (256, 112, 256))
    product = partial(columns, A, 100, W, W[0], 100, 256, Z)
    rates.append(100 * 100 * 256 / least_seconds(lambda: [product() for _ in range(50)]) * 50)
    return Machine(normals, max(rates), rectified_rate())


def rectified_rate() -> float:
    """Rectified multiply-adds a second of a bare loop on numbers in the first cache."""
    from numba import njit

    @njit(fastmath=True)
    def bare(w, b, v, x, times):
        total = np.float32(0)
        for k in range(times):
            x0, x1, x2, x3 = x[k], x[k] + x[1], x[k] + x[2], x[k] + x[3]
            t0, t1, t2, t3 = x0, x1, x2, x3
            for j in range(len(w)):
                t0 += v[j] * max(b[j] + w[j] * x0, np.float32(0))
                t1 += v[j] * max(b[j] + w[j] * x1, np.float32(0))
                t2 += v[j] * max(b[j] + w[j] * x2, np.float32(0))
                t3 += v[j] * max(b[j] + w[j] * x3, np.float32(0))
            total += t0 + t1 + t2 + t3
        return total

    rng = np.random.default_rng(0)
    w, b, v, x = (rng.random(size, np.float32) for size in (1008, 1008, 1008, 1000))
    return 4 * 1008 * 1000 / least_seconds(lambda: bare(w, b, v, x, 1000))


# Sampling: the article's loop, and the same distributions behind our door.


def bayes_module(features: int, hidden: tuple[int, ...]) -> nn.Sequential:
    """torchbnn's module, with sds of a tenth."""
    sizes, layers = [features, *hidden, 1], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for a, b in pairwise(sizes):
            layers += [torchbnn.BayesLinear(0, 0.1, a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


@cache
def article_module() -> nn.Sequential:
    """The article's network, fitted as the article does."""
    x = np.linspace(-2, 2, 500)
    y = x**5 - 10 * x + 2 * np.random.default_rng(SEED).random(500)
    return BayesianNN(preset="article", random_state=SEED).fit(x[:, None], y).to_module()


def posterior_of(module: nn.Sequential, **sampling: bool) -> WeightPosterior:
    """The same posterior behind our door."""
    layers = [m for m in module if not isinstance(m, nn.ReLU)]
    with torch.no_grad():
        means = [(m.weight_mu.T.double(), m.bias_mu[None].double()) for m in layers]
        sds = [
            (m.weight_log_sigma.exp().T.double(), m.bias_log_sigma.exp()[None].double())
            for m in layers
        ]
    posterior = WeightPosterior(means, sds, scaling(len(means[0][0])), 1000, **sampling)
    posterior.noise_sd = 0.1
    return posterior


def scaling(features: int) -> Scaling:
    """Units as they are."""
    zeros, ones = torch.zeros(features).double(), torch.ones(features).double()
    return Scaling(zeros, ones, zeros[0], ones[0])


def points(n: int, features: int) -> np.ndarray:
    """Inputs (n, d)."""
    if features == 1:
        return np.linspace(-2, 2, n)[:, None]
    return np.random.default_rng(SEED).normal(size=(n, features))


@torch.no_grad()
def loop(module: nn.Module, X: torch.Tensor, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """The article's loop: one call of the module per draw, then NumPy's mean and sd per point."""
    outputs = np.array([module(X).numpy()[:, 0] for _ in range(draws)])
    return outputs.mean(axis=0), outputs.std(axis=0)


def drawn_state(module: nn.Sequential, draws: int) -> list[torch.Tensor]:
    """Weights and biases (draws, ...) of every layer."""
    found = []
    for layer in module:
        if not isinstance(layer, nn.ReLU):
            for part in ("weight", "bias"):
                mean, log_sd = getattr(layer, f"{part}_mu"), getattr(layer, f"{part}_log_sigma")
                found.append(mean + log_sd.exp() * torch.randn(draws, *mean.shape))
    return found


@torch.no_grad()
def by_vmap(module: nn.Sequential, X: torch.Tensor, draws: int, step: int = 10) -> tuple:
    """torch.func.vmap over draws of the weights, ten at a time."""
    plain = [nn.Linear(m.in_features, m.out_features) for m in module if not isinstance(m, nn.ReLU)]
    base = nn.Sequential(plain[0], nn.ReLU(), plain[1])
    names = list(stack_module_state([base])[0])
    call = vmap(lambda state, x: functional_call(base, state, (x,)), in_dims=(0, None))
    parts = []
    for _ in range(0, draws, step):
        state = dict(zip(names, drawn_state(module, step), strict=True))
        parts.append(call(state, X)[..., 0].numpy())
    outputs = np.concatenate(parts)
    return outputs.mean(axis=0), outputs.std(axis=0)


@torch.no_grad()
def by_products(module: nn.Sequential, X: torch.Tensor, draws: int) -> tuple:
    """Stacked matrix products, as many draws at a time as fill 64 MiB."""
    parts, step = [], max(1, min(draws, 2**24 // (50 * len(X))))
    for start in range(0, draws, step):
        w, b, v, c = drawn_state(module, min(step, draws - start))
        hidden = torch.relu(torch.matmul(X, w.transpose(1, 2)) + b[:, None])
        parts.append((torch.matmul(hidden, v.transpose(1, 2)) + c[:, None])[..., 0].numpy())
    outputs = np.concatenate(parts)
    return outputs.mean(axis=0), outputs.std(axis=0)


def moments(posterior: DrawnPosterior, X: np.ndarray, draws: int) -> tuple:
    """Mean and sd per point, through our door."""
    found = posterior.predictive(X, draws=draws, seed=SEED)
    return found.mean(), np.sqrt(found.variance_parts()[1])


def sampling_floor(features: int, hidden: tuple[int, ...], n: int, draws: int) -> float:
    """Random numbers, and multiply-adds; of one feature the rectified kind."""
    sizes, rates = [features, *hidden, 1], machine()
    pairs = list(pairwise(sizes))
    numbers = sum((a + 1) * b for a, b in pairs) / rates.normals
    if features == 1 and len(hidden) == 1:
        return draws * (numbers + n * hidden[0] / rates.rectified)
    return draws * (numbers + n * sum(a * b for a, b in pairs) / rates.multiply_adds)


def sampling_case(
    name: str, features: int, hidden: tuple[int, ...], n: int, draws: int, target: float
) -> Case:
    module = article_module() if hidden == (1000,) else bayes_module(features, hidden)
    X = points(n, features)
    inputs, posterior = torch.tensor(X).float(), posterior_of(module)
    references = {"loop": lambda: loop(module, inputs, draws)}
    if hidden == (50,):
        references["vmap"] = lambda: by_vmap(module, inputs, draws)
        references["products"] = lambda: by_products(module, inputs, draws)
    return Case(
        name,
        f"{draws} draws at {n} points of {'-'.join(map(str, [features, *hidden, 1]))}",
        target,
        references,
        lambda: moments(posterior, X, draws),
        floor_s=lambda: sampling_floor(features, hidden, n, draws),
    )


def article_at_equal_error(draws: int, moment: str) -> Case:
    """The article's case with the sampling that suits a moment; efficiency from standard errors."""
    case = sampling_case("", 1, (1000,), 300, draws, 0)
    module, X = article_module(), points(300, 1)
    sampling = {"integrated": True, "antithetic": moment == "mean"}
    ours = posterior_of(module, **sampling)
    which = 0 if moment == "mean" else 1

    def variance(posterior: WeightPosterior) -> float:
        return float(np.mean(posterior.standard_errors(X, 4096, SEED)[which] ** 2))

    efficiency = variance(posterior_of(module)) / variance(ours)
    return Case(
        f"article, equal error of the {moment}",
        f"{case.work}; {' and '.join(k for k, v in sampling.items() if v)}",
        {"mean": 100, "sd": 40}[moment],
        case.references,
        lambda: moments(ours, X, draws),
        efficiency=efficiency,
    )


@torch.no_grad()
def masked_loop(layers: list, X: torch.Tensor, dropout: float, draws: int) -> tuple:
    """One network under masks that all rows of a draw share, a draw at a time."""
    outputs = []
    for _ in range(draws):
        activity = X
        for k, (weight, bias) in enumerate(layers):
            activity = torch.relu(activity) if k else activity
            mask = (torch.rand(len(weight)) >= dropout) / (1 - dropout)
            activity = torch.addmm(bias, activity * mask, weight)
        outputs.append(activity[:, 0].numpy())
    outputs = np.array(outputs)
    return outputs.mean(axis=0), outputs.std(axis=0)


def dropout_case(draws: int) -> Case:
    rng, n, shape = np.random.default_rng(SEED), 1000, (8, 50, 1)
    layers = [
        (torch.tensor(rng.normal(size=(a, b))), torch.tensor(rng.normal(size=(1, b))))
        for a, b in pairwise(shape)
    ]
    posterior = DrawnPosterior(DroppedWeights(Layout(8, (50,), 1), layers, 0.05), scaling(8), draws)
    posterior.noise_sd = 0.1
    X = points(n, 8)
    inputs, single = torch.tensor(X).float(), [(w.float(), b.float()) for w, b in layers]
    return Case(
        "dropout",
        f"{draws} masks at {n} points of 8-50-1",
        3,
        {"loop": lambda: masked_loop(single, inputs, 0.05, draws)},
        lambda: moments(posterior, X, draws),
        floor_s=lambda: draws * n * 450 / machine().multiply_adds,
    )


def ensemble_case(members: int) -> Case:
    n, modules = 1000, [nn.Sequential(nn.Linear(8, 50), nn.ReLU(), nn.Linear(50, 1))] * members
    X = points(n, 8)
    inputs = torch.tensor(X).float()

    @torch.no_grad()
    def one_at_a_time() -> tuple:
        outputs = np.array([module(inputs).numpy()[:, 0] for module in modules])
        return outputs.mean(axis=0), outputs.std(axis=0)

    with torch.no_grad():
        layers = [
            (
                torch.stack([m[k].weight.T.double() for m in modules]),
                torch.stack([m[k].bias[None].double() for m in modules]),
            )
            for k in (0, 2)
        ]
    posterior = DrawnPosterior(MemberWeights(Layout(8, (50,), 1), layers), scaling(8), members)
    posterior.members, posterior.noise_sd = members, 0.1
    return Case(
        "ensemble",
        f"{members} members at {n} points of 8-50-1",
        3,
        {"loop": one_at_a_time},
        lambda: moments(posterior, X, members),
        floor_s=lambda: members * n * 450 / machine().multiply_adds,
    )


# Training: a plain PyTorch loop, one network at a time.


@dataclass(eq=False)
class Plain:
    """Adam on mini-batches of 455 rows of 13 features, 50 units, batch 100: the usual loop."""

    epochs: int
    outputs: int = 1
    X: torch.Tensor = field(init=False)
    y: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        self.X, self.y = (torch.tensor(a).float() for a in rows())

    def __call__(self) -> None:
        generator = torch.Generator().manual_seed(SEED)
        net = nn.Sequential(nn.Linear(13, 50), nn.ReLU(), nn.Linear(50, self.outputs))
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(self.epochs):
            order = torch.randperm(455, generator=generator)
            for start in range(0, 455, 100):
                own = order[start : start + 100]
                optimizer.zero_grad()
                outputs = net(self.X[own])
                if self.outputs == 2:
                    variance = nn.functional.softplus(outputs[:, 1]) + 1e-6
                    loss = (variance.log() + (self.y[own] - outputs[:, 0]) ** 2 / variance).mean()
                else:
                    loss = ((outputs[:, 0] - self.y[own]) ** 2).mean()
                loss.backward()
                optimizer.step()


def rows() -> tuple[np.ndarray, np.ndarray]:
    """455 rows of 13 features."""
    rng = np.random.default_rng(SEED)
    return rng.normal(size=(455, 13)), rng.normal(size=455)


def training_case(name: str, objective: object, target: float, outputs: int = 1) -> Case:
    """A stack of 100 networks for 40 epochs, against one network of the loop."""
    epochs, stack = 40, 100
    X, y = rows()
    jobs = [TrainingJob(np.arange(455), k) for k in range(stack)]
    schedule = Schedule(epochs, 100, 0.01)
    steps = stack * epochs * 5
    # Two products forward and two backward (none into the inputs), 91 rows a step on average.
    adds = steps * 91 * (2 * 13 * 50 + 3 * 50 * outputs)
    engine = train_in_torch if name.endswith("by torch") else train_compiled
    return Case(
        name,
        f"{stack} networks of 13-50-{outputs}, {epochs} epochs of 5 steps",
        target,
        {"loop": Plain(epochs, outputs)},
        lambda: engine(objective, X, y, jobs, schedule),
        share=1 / stack,
        floor_s=None if "variational" in name else lambda: adds / machine().multiply_adds,
    )


@cache
def cases(short: bool = False) -> dict[str, Case]:
    """All cases by name; ``short`` takes fewer draws, which changes ratios little."""
    few = 1000 if short else 10_000
    draws = 200 if short else 1000
    found = [
        sampling_case("article", 1, (1000,), 300, few, 12),
        article_at_equal_error(few, "mean"),
        article_at_equal_error(few, "sd"),
        sampling_case("uci, 31 points", 8, (50,), 31, 1000, 1 / 1.1),
        sampling_case("uci, 1000 points", 8, (50,), 1000, draws, 1 / 1.1),
        sampling_case("uci, 4573 points", 8, (50,), 4573, draws, 1 / 1.1),
        sampling_case("deep", 8, (100, 100), 1000, draws, 3),
        dropout_case(draws),
        ensemble_case(100),
        training_case("training", SquaredError((50,)), 12),
        training_case("training, two heads", GaussianNLL((50,)), 12, outputs=2),
        training_case("training, dropout", DropoutSquaredError((50,), 0.05), 12),
        training_case("training, variational", EvidenceLowerBound((50,), None), 1),
    ]
    return {case.name: case for case in found}
