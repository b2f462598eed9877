"""Training in stacks: many networks of one shape in one pass of torch, on a GPU or a CPU.

Each network has its own seed; its matrices are padded (see `network.linear`); every other operation
is elementwise or a sum over its own rows. Rows are taken by index from one shared pool and never
copied per network.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howrobust.base.fit_progress import announce
from howrobust.methods.core.engines.kept_networks import Offer, Part, ignored
from howrobust.methods.core.engines.training_job import (
    Schedule,
    Trained,
    TrainingJob,
    joined,
)
from howrobust.methods.core.losses.loss import Batch, Loss
from howrobust.methods.core.networks.dense import ORDER
from howrobust.methods.core.networks.stacked import padded
from howrobust.methods.core.problems.scaling import Scaling, scaling_of
from howrobust.methods.core.random_numbers import streams as draws
from howrobust.methods.core.random_numbers.philox import stream_of


def train_in_torch(
    loss: Loss,
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    jobs: Sequence[TrainingJob],
    schedule: Schedule,
    offer_of: Callable[[Sequence[TrainingJob]], Offer] = lambda jobs: ignored,
) -> Trained:
    """Train one network per job on rows of the pool X (N, d), y (N,), in order.

    Parameters
    ----------
    loss : Loss
        What every network minimises.
    X : ndarray, shape (N, d)
        Inputs of all problems.
    y : ndarray, shape (N,)
        Targets of all problems.
    jobs : sequence of TrainingJob
        Networks to train.
    schedule : Schedule
        Settings of Adam.
    offer_of : callable, optional
        Returns what finished networks are offered to, for jobs in the order of their end.

    Returns
    -------
    Trained
        Networks in the order of the jobs.
    """
    pool_X = torch.tensor(X, device=schedule.device)
    pool_y = torch.tensor(y, device=schedule.device)
    stacks = list(_stacks(jobs, schedule, max(loss.hidden)))
    members: list[int] = []
    parts: list[Trained] = []
    offer = offer_of([jobs[k] for stack in stacks for k in stack])
    for stack in stacks:
        members += stack
        chosen = [jobs[k] for k in stack]
        # One network at a time: a shared reduction might round by the size of the stack.
        own = [schedule.parts(job.rows)[0] for job in chosen]
        scalings = [scaling_of(X[rows], y[rows], schedule.standardise) for rows in own]
        scaling = Scaling(
            *(torch.from_numpy(np.stack(s)).to(pool_X.device) for s in zip(*scalings, strict=True))
        )
        parts.append(_train_stack(loss, pool_X, pool_y, chosen, scaling, schedule))
        announce(len(members), len(jobs))
        offer(len(members), _some_of(parts))
    return joined(parts, torch.tensor(np.argsort(members)))


def _some_of(parts: Sequence[Trained]) -> Part:
    every = torch.arange(sum(len(part.losses) for part in parts))
    return lambda own: joined(parts, every).take(own)


def _stacks(jobs: Sequence[TrainingJob], schedule: Schedule, widest: int) -> Iterator[list[int]]:
    """Yield indices of jobs that train together: equal rows, at most what fits."""
    by_rows = sorted(range(len(jobs)), key=lambda k: len(jobs[k].rows))
    for n, group in groupby(by_rows, key=lambda k: len(jobs[k].rows)):
        batch = min(n, schedule.batch_size or n)
        size = max(1, _room(schedule.device) // (padded(batch) * padded(widest)))
        members = list(group)
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _room(device: str) -> int:
    """Floats of one layer's activity for which a stack has room.

    A core's share of a quarter of the last cache, beyond which a CPU gains nothing; on a GPU a
    64th of the memory that is free, as a step keeps some ten such arrays and its random numbers.
    """
    if device != "cpu":
        return int(torch.cuda.mem_get_info(device)[0]) // 64 // 4
    name = "SC_LEVEL3_CACHE_SIZE"
    cache = os.sysconf(name) if name in getattr(os, "sysconf_names", {}) else 0
    return max(2**18, cache // (os.cpu_count() or 1) // 16)


def _train_stack(
    loss: Loss,
    X: Tensor,
    y: Tensor,
    jobs: Sequence[TrainingJob],
    scaling: Scaling,
    schedule: Schedule,
) -> Trained:
    """Adam (Kingma & Ba 2015, algorithm 1) on jobs with the same number of rows."""
    device, features = X.device, X.shape[1]
    parts = [schedule.parts(job.rows) for job in jobs]
    rows, held = (torch.from_numpy(np.stack(same)).to(device) for same in zip(*parts, strict=True))
    seeds = [job.seed for job in jobs]
    parameters = _starts(loss, features, seeds, device)
    decay = torch.tensor([job.decay for job in jobs], device=device)[:, None, None]
    optimizer = torch.optim.Adam(parameters, lr=schedule.learning_rate, foreach=True)
    stopping = _Stopping(parameters, schedule.patience or schedule.epochs)
    n = rows.shape[1]
    batch = min(n, schedule.batch_size or n)
    n_steps = schedule.epochs * -(-n // batch)
    step, losses = 0, torch.zeros(len(jobs), device=device)
    for epoch in range(schedule.epochs):
        epoch_losses = torch.zeros_like(losses)
        order = _orders(rows, seeds, batch, epoch)
        for start in range(0, n, batch):
            index, share = _padded_batch(order[:, start : start + batch])
            batch_X, batch_y = _standardised(X, y, index, scaling)
            noise = _noise(loss, features, index.shape[1], seeds, step, device)
            value = loss.value(parameters, Batch(batch_X, batch_y, share, noise, n))
            gradients = torch.autograd.grad(value.sum(), parameters)
            for k, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
                decays = k < 2 * loss.n_layers and k % 2 == 0  # a weight, not a bias
                parameter.grad = gradient + decay * parameter.detach() if decays else gradient
            if schedule.cosine:
                rate = 0.5 * schedule.learning_rate * (1 + np.cos(np.pi * step / n_steps))
                optimizer.param_groups[0]["lr"] = float(rate)
            optimizer.step()
            epoch_losses += value.detach() * (min(batch, n - start) / n)
            step += 1
        losses = torch.where(stopping.running, epoch_losses, losses)
        if schedule.patience is None:
            continue
        index, share = _padded_batch(held)
        held_X, held_y = _standardised(X, y, index, scaling)
        with torch.no_grad():
            validation = loss.validation(parameters, Batch(held_X, held_y, share, [], n))
        if not stopping.update(parameters, validation, epoch + 1):
            break
    if schedule.patience is None:
        stopping.take_all(parameters, schedule.epochs)
    restarts = torch.zeros(len(jobs), dtype=torch.int64)
    return Trained(stopping.best, scaling, losses, stopping.epochs, restarts)


class _Stopping:
    """Which networks of a stack still train, and the best of each so far."""

    def __init__(self, parameters: Sequence[Tensor], patience: int) -> None:
        b, device = len(parameters[0]), parameters[0].device
        self.patience = patience
        self.running = torch.ones(b, dtype=torch.bool, device=device)
        self.epochs = torch.zeros(b, dtype=torch.int64, device=device)
        self._lowest = torch.full((b,), torch.inf, device=device)
        self._at = torch.zeros(b, dtype=torch.int64, device=device)
        self.take_all(parameters, 0)

    def take_all(self, parameters: Sequence[Tensor], epochs: int) -> None:
        self.best = [p.detach().clone() for p in parameters]
        self.epochs[:] = epochs

    def update(self, parameters: Sequence[Tensor], losses: Tensor, epoch: int) -> bool:
        """Record the validation losses (b,) after an epoch; return whether any network goes on."""
        self.epochs[self.running] = epoch
        better = self.running & (losses < self._lowest)
        for kept, now in zip(self.best, parameters, strict=True):
            kept[better] = now.detach()[better]
        self._lowest[better] = losses[better]
        self._at[better] = epoch
        never = self._at == 0  # not finite from the start: what it has become, so that it shows
        for kept, now in zip(self.best, parameters, strict=True):
            kept[never] = now.detach()[never]
        self.running &= better | ((epoch - self._at < self.patience) & losses.isfinite())
        return bool(self.running.any())


def _standardised(X: Tensor, y: Tensor, index: Tensor, scaling: Scaling) -> tuple[Tensor, Tensor]:
    """Rows (b, B, d) and targets (b, B) of each network in its own units, float32."""
    batch_X = (X[index] - scaling.x_mean[:, None]) / scaling.x_sd[:, None]
    batch_y = (y[index] - scaling.y_mean[:, None]) / scaling.y_sd[:, None]
    return batch_X.float(), batch_y.float()


def _orders(rows: Tensor, seeds: Sequence[int], batch: int, epoch: int) -> Tensor:
    """This epoch's order of each network's rows (b, n); a full batch needs none."""
    n = rows.shape[1]
    if batch == n:
        return rows
    orders = np.stack([draws.order(stream_of(seed, epoch, ORDER), n) for seed in seeds])
    return rows.gather(1, torch.from_numpy(orders).to(rows.device))


def _padded_batch(index: Tensor) -> tuple[Tensor, Tensor]:
    """Repeat the first row up to a multiple of 16, and give each row its share of a mean."""
    size = index.shape[1]
    extra = padded(size) - size
    share = torch.zeros(size + extra, device=index.device)
    share[:size] = 1 / size
    return torch.cat([index, index[:, :1].expand(-1, extra)], dim=1), share


def _starts(loss: Loss, features: int, seeds: Sequence[int], device: torch.device) -> list[Tensor]:
    """Parameters (b, ...) with which the networks of these seeds start."""
    drawn = [loss.start(features, torch.Generator().manual_seed(seed)) for seed in seeds]
    return [torch.stack(same).to(device).requires_grad_() for same in zip(*drawn, strict=True)]


def _noise(
    loss: Loss,
    features: int,
    rows: int,
    seeds: Sequence[int],
    step: int,
    device: torch.device,
) -> list[Tensor]:
    drawn = [loss.noise(features, rows, seed, step) for seed in seeds]
    return [torch.stack(same).to(device) for same in zip(*drawn, strict=True)]
