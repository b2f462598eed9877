"""Training one network after the other, each by one call of the compiled loop.

Law 2 holds because nothing is shared: a network's rows, weights and random numbers are its own.
Networks are spread over threads; the loop holds no lock.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howrobust.base.fit_progress import announce
from howrobust.compiled import threads
from howrobust.methods.core.engines.compiled_loop import COMPILED_LOSSES, train_network
from howrobust.methods.core.engines.kept_networks import Offer, ignored
from howrobust.methods.core.engines.training_job import (
    Schedule,
    Trained,
    TrainingJob,
)
from howrobust.methods.core.losses.loss import Loss
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.workspace import CompiledNetwork
from howrobust.methods.core.problems.scaling import Scaling, scaling_of
from howrobust.methods.core.random_numbers.philox import stream_of

Array = NDArray[np.float64]
_Network = tuple[list[NDArray[np.float32]], list[Array], float, int]


def train_compiled(
    loss: Loss,
    X: Array,
    y: Array,
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
    layout = Layout(X.shape[1], loss.hidden, loss.compiled_settings(X.shape[1], 1).outputs)

    def one(job: TrainingJob) -> _Network:
        return _train(loss, layout, X, y, job, schedule)

    workers = min(threads() or torch.get_num_threads(), len(jobs))
    offer = offer_of(jobs)
    results: list[_Network] = []
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for result in pool.map(one, jobs):
            results.append(result)
            announce(len(results), len(jobs))
            offer(len(results), lambda own: _stacked(results[own]))
    return _stacked(results)


def _stacked(networks: Sequence[_Network]) -> Trained:
    def stack(arrays: Sequence[NDArray[np.floating]]) -> Tensor:
        return torch.from_numpy(np.stack(arrays))

    parameters, scalings, losses, epochs = zip(*networks, strict=True)
    return Trained(
        [stack(same) for same in zip(*parameters, strict=True)],
        Scaling(*(stack(same) for same in zip(*scalings, strict=True))),
        torch.tensor(losses, dtype=torch.float32),
        torch.tensor(epochs),
        torch.zeros(len(networks), dtype=torch.int64),
    )


def _train(
    loss: Loss, layout: Layout, X: Array, y: Array, job: TrainingJob, schedule: Schedule
) -> _Network:
    """One network: its parameters, scaling, last loss and epochs."""
    rows, held = schedule.parts(job.rows)
    scaling = scaling_of(X[rows], y[rows], schedule.standardise)
    generator = torch.Generator().manual_seed(job.seed)
    start = loss.start(X.shape[1], generator)
    net = _network(loss, layout, start, len(rows), job.decay)
    last_loss, epochs = train_network(
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
    return _parameters(layout, net.flat, len(start)), scaling, last_loss, epochs


def _network(
    loss: Loss, layout: Layout, start: Sequence[Tensor], n: int, weight_decay: float
) -> CompiledNetwork:
    """A network with these parameters, to be trained on n rows."""
    settings = loss.compiled_settings(layout.features, n)
    parameters = [p.numpy()[None] for p in start]
    flat = _flat(layout, parameters)
    decay = np.zeros_like(flat)
    decay[: layout.size] = weight_decay * layout.weights
    log_priors = np.zeros(layout.size, np.float32)
    if settings.prior_sds:
        priors = zip(parameters, settings.prior_sds, strict=False)  # one per mean; log sds follow
        log_priors = _flat(layout, [np.full_like(p, np.log(sd)) for p, sd in priors])
    return CompiledNetwork(
        COMPILED_LOSSES.index(loss.compiled),
        layout.widths,
        flat,
        decay,
        layout.real,
        log_priors,
        np.array(settings.constants, np.float64),
    )


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
    parameters: list[NDArray[np.float32]] = []
    for group in range(count // (2 * (len(layout.hidden) + 1))):
        start = group * layout.size
        for weight, bias in layout.unpack(flat[None, start : start + layout.size]):
            parameters += [weight[0], bias[0]]
    if count > len(parameters):
        parameters.append(flat[None, -64:-63])
    return parameters
