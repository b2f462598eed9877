"""The one door to training: many networks, each on its own rows and seed.

Law 2: what a network becomes is a function of its own job alone. On a CPU one compiled loop trains
one network at a time (`alone`); where nothing compiles, and on a GPU, torch trains stacks of them
(`stacked`).
"""

from collections.abc import Callable, Sequence
from contextvars import copy_context

import numpy as np
import torch
from numpy.typing import NDArray

from howrobust.base.fit_progress import announce, keeper, listening
from howrobust.compiled import available
from howrobust.methods.core.engines.compiled_engine import train_compiled
from howrobust.methods.core.engines.kept_networks import KeptNetworks
from howrobust.methods.core.engines.torch_engine import train_in_torch
from howrobust.methods.core.engines.training_job import Schedule, Trained, TrainingJob, joined
from howrobust.methods.core.losses.loss import Loss

ATTEMPTS = 3
Engine = Callable[..., Trained]


def train(
    loss: Loss,
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    jobs: Sequence[TrainingJob],
    schedule: Schedule,
) -> Trained:
    """Train one network per job on rows of the pool X (N, d), y (N,), and return them in order.

    A network whose parameters end up not finite begins again from a seed that derives from its own,
    up to twice; its neighbours are not touched. Raises FloatingPointError, naming the first network
    that still is not finite. Networks that the fit's `Keeper` holds are not trained again.

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

    Returns
    -------
    Trained
        Networks in the order of the jobs.

    Raises
    ------
    FloatingPointError
        Where a network has parameters that are not finite after three starts.
    """
    alone = schedule.device == "cpu" and available()
    engine = train_compiled if alone else train_in_torch
    trained = _continued(engine, loss, X, y, jobs, schedule)
    for attempt in range(1, ATTEMPTS):
        lost = (~trained.finite()).nonzero()[:, 0].tolist()
        if not lost:
            return trained
        others = [jobs[k].restarted(attempt) for k in lost]
        again = _continued(engine, loss, X, y, others, schedule)
        again.restarts[:] = attempt
        order = torch.arange(len(jobs))
        order[lost] = len(jobs) + torch.arange(len(lost))
        trained = joined([trained, again], order)
    lost = (~trained.finite()).nonzero()[:, 0].tolist()
    if lost:
        raise FloatingPointError(
            f"training diverged {ATTEMPTS} times: network {lost[0]} of {len(jobs)} has parameters "
            "that are not finite; use a smaller learning_rate"
        )
    return trained


def _continued(
    engine: Engine,
    loss: Loss,
    X: NDArray[np.float64],
    y: NDArray[np.float64],
    jobs: Sequence[TrainingJob],
    schedule: Schedule,
) -> Trained:
    """Train the networks that no earlier attempt has kept, and keep them as they are finished."""
    place = keeper()
    # On a GPU a network may round by the size of its stack, which a cut would change.
    if place is None or schedule.device != "cpu":
        return engine(loss, X, y, jobs, schedule)
    kept = KeptNetworks(place, engine.__name__, loss, X, y, schedule)
    positions, before = kept.find(jobs)
    if before is None:
        return engine(loss, X, y, jobs, schedule, kept.offer_of)
    left = sorted(set(range(len(jobs))) - set(positions))
    parts = [before]
    if left:
        with listening(_shifted(len(positions))):
            others = [jobs[k] for k in left]
            parts.append(engine(loss, X, y, others, schedule, kept.offer_of))
    return joined(parts, torch.tensor(np.argsort([*positions, *left])))


def _shifted(before: int) -> Callable[[int, int], None]:
    """Return a listener that counts networks of earlier attempts, too."""
    outer = copy_context()
    return lambda done, total: outer.run(announce, before + done, before + total)
