"""Training one network after the other, each by one call of the compiled loop.

Law 2 holds because nothing is shared: a network's rows, weights and random numbers are its own.
Networks are spread over threads; the loop holds no lock.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howrobust.compiled import threads
from howrobust.method import announce
from howrobust.methods.core.engines.compiled_loop import Network, train_network
from howrobust.methods.core.engines.training_job import (
    Job,
    Objective,
    Scaling,
    Schedule,
    Trained,
    scaling_of,
)
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.random_numbers import streams as draws
from howrobust.methods.core.random_numbers.philox import stream_of

Array = NDArray[np.float64]


def train_alone(
    objective: Objective, X: Array, y: Array, jobs: Sequence[Job], schedule: Schedule
) -> Trained:
    """Train one network per job on rows of the pool X (N, d), y (N,), in order."""
    layout = Layout(X.shape[1], objective.hidden, objective.recipe(X.shape[1], 1).outputs)

    def one(job: Job) -> tuple[list[NDArray[np.float32]], list[Array], float, int]:
        return _train(objective, layout, X, y, job, schedule)

    workers = min(threads() or torch.get_num_threads(), len(jobs))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = []
        for result in pool.map(one, jobs):
            found.append(result)
            announce(len(found), len(jobs))

    def stack(arrays: Sequence[NDArray[np.floating]]) -> Tensor:
        return torch.from_numpy(np.stack(arrays))

    parameters, scalings, losses, epochs = zip(*found, strict=True)
    return Trained(
        [stack(same) for same in zip(*parameters, strict=True)],
        Scaling(*(stack(same) for same in zip(*scalings, strict=True))),
        torch.tensor(losses, dtype=torch.float32),
        torch.tensor(epochs),
        torch.zeros(len(jobs), dtype=torch.int64),
    )


def _train(
    objective: Objective, layout: Layout, X: Array, y: Array, job: Job, schedule: Schedule
) -> tuple[list[NDArray[np.float32]], list[Array], float, int]:
    """One network: its parameters, scaling, last loss and epochs."""
    rows, held = schedule.parts(job.rows)
    scaling = scaling_of(X[rows], y[rows], schedule.standardise)
    recipe = objective.recipe(X.shape[1], len(rows))
    generator = torch.Generator().manual_seed(job.seed)
    start = [p.numpy()[None] for p in objective.initial(X.shape[1], generator)]
    flat = _flat(layout, start)
    decay = np.zeros_like(flat)
    decay[: layout.size] = job.decay * layout.weights
    log_priors = np.zeros(layout.size, np.float32)
    if recipe.prior_sds:
        priors = zip(start, recipe.prior_sds, strict=False)  # one per mean; log sds follow
        log_priors = _flat(layout, [np.full_like(p, np.log(sd)) for p, sd in priors])
    net = Network(
        recipe.kind,
        layout.widths,
        flat,
        decay,
        layout.real,
        log_priors,
        float(recipe.kl_scale),
        draws.threshold(recipe.dropout),
    )
    loss, epochs = train_network(
        net,
        *_standardised(X, y, rows, scaling),
        *_standardised(X, y, held, scaling),
        schedule.epochs,
        min(len(rows), schedule.batch_size or len(rows)),
        float(schedule.learning_rate),
        schedule.cosine,
        schedule.patience or 0,
        stream_of(job.seed),
    )
    return _parameters(layout, flat, len(start)), scaling, loss, epochs


def _standardised(
    X: Array, y: Array, rows: NDArray[np.int64], scaling: list[Array]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    x_mean, x_sd, y_mean, y_sd = scaling
    return (
        ((X[rows] - x_mean) / x_sd).astype(np.float32),
        ((y[rows] - y_mean) / y_sd).astype(np.float32),
    )


def _flat(layout: Layout, parameters: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """[weight, bias, ...] of shape (1, ...) as one vector: a block per group of layers.

    What is left over, a log noise sd, opens a block of 64; a second group always has one.
    """
    per, groups = 2 * (len(layout.hidden) + 1), []
    for start in range(0, len(parameters) - per + 1, per):
        group = parameters[start : start + per]
        groups.append(layout.pack(list(zip(group[::2], group[1::2], strict=True)))[0])
    if len(groups) > 1:
        rest = np.zeros(64, np.float32)
        if len(parameters) % per:
            rest[0] = parameters[-1].item()
        groups.append(rest)
    return np.concatenate(groups)


def _parameters(layout: Layout, flat: NDArray[np.float32], count: int) -> list[NDArray[np.float32]]:
    """Undo `_flat`, for so many parameters (1, ...) less their first axis."""
    found: list[NDArray[np.float32]] = []
    for group in range(count // (2 * (len(layout.hidden) + 1))):
        start = group * layout.size
        for weight, bias in layout.unpack(flat[None, start : start + layout.size]):
            found += [weight[0], bias[0]]
    if count > len(found):
        found.append(flat[None, -64:-63])
    return found
