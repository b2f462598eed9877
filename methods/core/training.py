"""Training in stacks: many networks of one shape in one pass, each on its own rows and seed.

Law 2: what a network becomes is a function of its own job alone. Each has its own generator; its
matrices are padded (see `network.linear`); every other operation is elementwise or a sum over the
network's own rows. Rows are taken by index from one shared pool and never copied per network.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howrobust.methods.core.network import padded
from howrobust.methods.core.stack import validation_start

# Floats of hidden activity per stack: about what stays in cache, and flat beyond 64 networks.
STACK_FLOATS = 2**20


@dataclass(frozen=True)
class Job:
    """One network to train.

    ``rows``: indices (n,) into the pool, in the order of the problem's rows. ``decay``: added to
    the gradient of the weights (not the biases) as decay * weight.
    """

    rows: NDArray[np.int64]
    seed: int
    decay: float = 0.0

    def without_validation(self) -> "Job":
        """Return the same network on all but the validation rows."""
        return replace(self, rows=self.rows[: validation_start(len(self.rows))])


@dataclass(frozen=True)
class Schedule:
    """Adam's settings. ``batch_size`` None is full batch; ``cosine`` decays the rate to 0."""

    epochs: int
    batch_size: int | None
    learning_rate: float
    cosine: bool = False
    standardise: bool = True
    device: str = "cpu"


@dataclass(frozen=True)
class Scaling:
    """x -> (x - x_mean) / x_sd and back for y; (b, d) and (b,), float64; an sd of 0 becomes 1."""

    x_mean: Tensor
    x_sd: Tensor
    y_mean: Tensor
    y_sd: Tensor

    def take(self, k: int | slice | list[int]) -> "Scaling":
        """Return the scaling of some networks."""
        return Scaling(self.x_mean[k], self.x_sd[k], self.y_mean[k], self.y_sd[k])


@dataclass(frozen=True)
class Trained:
    """Networks after training: parameters [(b, ...), ...], their scaling, and the mean loss (b,)
    of each over its last epoch."""

    parameters: list[Tensor]
    scaling: Scaling
    losses: Tensor


class Objective(ABC):
    """What a stack of networks with these ``hidden`` layers minimises."""

    def __init__(self, hidden: Sequence[int]) -> None:
        self.hidden = tuple(int(units) for units in hidden)

    @property
    def n_layers(self) -> int:
        """Layers; the first 2 n_layers parameters alternate weights (decayed) and biases."""
        return len(self.hidden) + 1

    @abstractmethod
    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        """Draw one network's start: [weight (in, out), bias (1, out), ...], then anything else."""

    @abstractmethod
    def noise(self, features: int, rows: int, generator: torch.Generator) -> list[Tensor]:
        """Draw one network's random numbers for one step on ``rows`` rows."""

    @abstractmethod
    def loss(self, parameters: list[Tensor], batch: "Batch") -> Tensor:
        """Loss (b,) of a batch, in standardised units."""


@dataclass(frozen=True)
class Batch:
    """One step's rows of every network in a stack.

    X (b, B, d) and y (b, B) are standardised; ``share`` (B,) is each row's weight in a mean, 0 for
    padding; ``noise`` holds the networks' random numbers, stacked; ``n`` is the number of training
    rows of each network.
    """

    X: Tensor
    y: Tensor
    share: Tensor
    noise: list[Tensor]
    n: int


def train(
    objective: Objective,
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    jobs: Sequence[Job],
    schedule: Schedule,
) -> Trained:
    """Train one network per job on rows of the pool X (N, d), y (N,), and return them in order.

    Raises FloatingPointError, naming the first job, where a network's parameters end up not finite:
    its neighbours are not harmed, but their caller has no result either.
    """
    pool_X = torch.tensor(X, device=schedule.device)
    pool_y = torch.tensor(y, device=schedule.device)
    found: list[tuple[list[int], Trained]] = []
    for members in _stacks(jobs, schedule.batch_size, max(objective.hidden)):
        stack = [jobs[k] for k in members]
        found.append((members, _train_stack(objective, pool_X, pool_y, stack, schedule)))
    order = torch.tensor(np.argsort(np.concatenate([members for members, _ in found])))
    parts = [part for _, part in found]

    def join(tensors: list[Tensor]) -> Tensor:
        return torch.cat(tensors).cpu()[order]

    trained = Trained(
        [join(list(same)) for same in zip(*(p.parameters for p in parts), strict=True)],
        Scaling(
            join([p.scaling.x_mean for p in parts]),
            join([p.scaling.x_sd for p in parts]),
            join([p.scaling.y_mean for p in parts]),
            join([p.scaling.y_sd for p in parts]),
        ),
        join([p.losses for p in parts]),
    )
    _require_finite(trained)
    return trained


def _stacks(jobs: Sequence[Job], batch_size: int | None, widest: int) -> Iterator[list[int]]:
    """Yield indices of jobs that train together: equal rows, at most a cache's worth."""
    by_rows = sorted(range(len(jobs)), key=lambda k: len(jobs[k].rows))
    for n, group in groupby(by_rows, key=lambda k: len(jobs[k].rows)):
        batch = min(n, batch_size or n)
        size = max(1, STACK_FLOATS // (padded(batch) * padded(widest)))
        members = list(group)
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _require_finite(trained: Trained) -> None:
    finite = torch.stack([p.flatten(1).isfinite().all(dim=1) for p in trained.parameters]).all(
        dim=0
    )
    if not finite.all():
        first = int((~finite).nonzero()[0])
        raise FloatingPointError(
            f"training diverged: network {first} of {len(finite)} has parameters that are not "
            "finite; use a smaller learning_rate"
        )


def scaling_of(X: Tensor, y: Tensor, rows: Tensor, standardise: bool) -> Scaling:
    """Scaling of each network from its own rows (b, n): law 6."""
    b, d = len(rows), X.shape[1]
    if not standardise:
        zeros, ones = X.new_zeros(b, d), X.new_ones(b, d)
        return Scaling(zeros, ones, zeros[:, 0].clone(), ones[:, 0].clone())
    x_mean, x_sd = torch.empty(b, d, dtype=X.dtype), torch.empty(b, d, dtype=X.dtype)
    y_mean, y_sd = torch.empty(b, dtype=X.dtype), torch.empty(b, dtype=X.dtype)
    for k, own in enumerate(rows):  # one at a time: a shared reduction may round by stack size
        x_mean[k], x_sd[k] = X[own].mean(0), X[own].std(0, correction=0)
        y_mean[k], y_sd[k] = y[own].mean(), y[own].std(correction=0)
    # A constant column's sd is rounding, not 0, when its value has no short binary form.
    x_sd[x_sd <= 1e-12 * x_mean.abs()] = 1.0
    y_sd[y_sd <= 1e-12 * y_mean.abs()] = 1.0
    return Scaling(*(t.to(X.device) for t in (x_mean, x_sd, y_mean, y_sd)))


def _train_stack(
    objective: Objective, X: Tensor, y: Tensor, jobs: Sequence[Job], schedule: Schedule
) -> Trained:
    """Adam (Kingma & Ba 2015, algorithm 1) on jobs with the same number of rows."""
    device, features = X.device, X.shape[1]
    rows = torch.from_numpy(np.stack([job.rows for job in jobs])).to(device)
    generators = [torch.Generator().manual_seed(job.seed) for job in jobs]
    scaling = scaling_of(X, y, rows, schedule.standardise)
    starts = [objective.initial(features, g) for g in generators]
    parameters = [
        torch.stack(same).to(device).requires_grad_() for same in zip(*starts, strict=True)
    ]
    decay = torch.tensor([job.decay for job in jobs], device=device)[:, None, None]
    optimizer = torch.optim.Adam(parameters, lr=schedule.learning_rate, foreach=True)
    n = rows.shape[1]
    batch = min(n, schedule.batch_size or n)
    n_steps = schedule.epochs * -(-n // batch)
    step, losses = 0, torch.zeros(len(jobs), device=device)
    for _ in range(schedule.epochs):
        losses = torch.zeros_like(losses)
        order = _orders(rows, generators, batch)
        for start in range(0, n, batch):
            index, share = _padded_batch(order[:, start : start + batch])
            batch_X = (X[index] - scaling.x_mean[:, None]) / scaling.x_sd[:, None]
            batch_y = (y[index] - scaling.y_mean[:, None]) / scaling.y_sd[:, None]
            noise = _noise(objective, features, index.shape[1], generators, device)
            rows_now = Batch(batch_X.float(), batch_y.float(), share, noise, n)
            loss = objective.loss(parameters, rows_now)
            gradients = torch.autograd.grad(loss.sum(), parameters)
            for k, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
                decays = k < 2 * objective.n_layers and k % 2 == 0  # a weight, not a bias
                parameter.grad = gradient + decay * parameter.detach() if decays else gradient
            if schedule.cosine:
                rate = 0.5 * schedule.learning_rate * (1 + np.cos(np.pi * step / n_steps))
                optimizer.param_groups[0]["lr"] = float(rate)
            optimizer.step()
            losses += loss.detach() * (min(batch, n - start) / n)
            step += 1
    return Trained([p.detach() for p in parameters], scaling, losses)


def _orders(rows: Tensor, generators: Sequence[torch.Generator], batch: int) -> Tensor:
    """This epoch's order of each network's rows (b, n); a full batch needs none."""
    n = rows.shape[1]
    if batch == n:
        return rows
    order = torch.stack([torch.randperm(n, generator=g) for g in generators])
    return rows.gather(1, order.to(rows.device))


def _padded_batch(index: Tensor) -> tuple[Tensor, Tensor]:
    """Repeat the first row up to a multiple of 16, and give each row its share of a mean."""
    size = index.shape[1]
    extra = padded(size) - size
    share = torch.zeros(size + extra, device=index.device)
    share[:size] = 1 / size
    return torch.cat([index, index[:, :1].expand(-1, extra)], dim=1), share


def _noise(
    objective: Objective,
    features: int,
    rows: int,
    generators: Sequence[torch.Generator],
    device: torch.device,
) -> list[Tensor]:
    drawn = [objective.noise(features, rows, g) for g in generators]
    return [torch.stack(same).to(device) for same in zip(*drawn, strict=True)]
