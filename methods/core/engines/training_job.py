"""What training takes and gives: training jobs and a schedule; trained networks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howrobust import seeds
from howrobust.methods.core.problems.problem_pool import validation_start
from howrobust.methods.core.problems.scaling import Scaling

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class TrainingJob:
    """One network to train.

    ``rows``: indices (n,) into the pool, in the order of the problem's rows. ``decay``: added to
    the gradient of the weights (not the biases) as decay * weight.

    Parameters
    ----------
    rows : ndarray of int64, shape (n,)
        Indices into the pool, in the order of the problem's rows.
    seed : int
        Seed of start, order and noise.
    decay : float, default 0.0
        Added to the gradient of the weights (not the biases) as ``decay * weight``.
    """

    rows: NDArray[np.int64]
    seed: int
    decay: float = 0.0

    def without_validation(self) -> "TrainingJob":
        """Return the same network on all but the validation rows.

        Returns
        -------
        TrainingJob
            The network without the last fifth of its rows.
        """
        return replace(self, rows=self.rows[: validation_start(len(self.rows))])

    def restarted(self, attempt: int) -> "TrainingJob":
        """Return the same network from another start, whose seed derives from its own.

        Parameters
        ----------
        attempt : int
            Number of the restart, from 1.

        Returns
        -------
        TrainingJob
            The network with another seed.
        """
        return replace(self, seed=seeds.derive(self.seed, "restart", attempt))


@dataclass(frozen=True)
class Schedule:
    """Adam's settings. ``batch_size`` None is full batch; ``cosine`` decays the rate to 0.

    ``patience``: stop a network after so many epochs without a lower loss on the last fifth of its
    rows, which it then does not train on, and return it as it was at the lowest; None never stops.

    Parameters
    ----------
    epochs : int
        Passes over the rows.
    batch_size : int or None
        Rows of a batch; None: all.
    learning_rate : float
        Step size.
    cosine : bool, default False
        Decay the step size to 0 as a cosine.
    standardise : bool, default True
        Standardise by the network's own rows.
    device : str, default "cpu"
        Device of torch.
    patience : int or None, default None
        Epochs without a lower validation loss before training ends; None: no end.
    """

    epochs: int
    batch_size: int | None
    learning_rate: float
    cosine: bool = False
    standardise: bool = True
    device: str = "cpu"
    patience: int | None = None

    @classmethod
    def of(cls, settings: dict[str, Any], cosine: bool = False) -> "Schedule":
        """Return the schedule in a method's settings.

        Parameters
        ----------
        settings : dict
            Settings of a method.
        cosine : bool, default False
            Decay the step size to 0 as a cosine.

        Returns
        -------
        Schedule
            Settings of Adam.
        """
        shared = ("epochs", "batch_size", "learning_rate", "device", "patience")
        standardise = settings.get("standardise", True)
        return cls(
            **{name: settings[name] for name in shared}, cosine=cosine, standardise=standardise
        )

    def parts(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(rows to train on, rows to stop on); none of the latter where patience is None.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Rows of a network.

        Returns
        -------
        tuple of ndarray of int64
            Rows to train on, and rows by whose loss training stops.

        Raises
        ------
        ValueError
            Where patience leaves no row to train on.
        """
        start = len(rows) if self.patience is None else validation_start(len(rows))
        if start == 0:
            raise ValueError(f"patience needs at least 2 rows to train on, not {len(rows)}")
        return rows[:start], rows[start:]


@dataclass(frozen=True)
class Trained:
    """Networks after training.

    ``parameters`` [(b, ...), ...] as the objective draws them; ``losses`` (b,): the mean loss of
    each over its last epoch; ``epochs`` (b,): how many it took; ``restarts`` (b,): how often it
    diverged and began again.

    Parameters
    ----------
    parameters : list of Tensor, shape (b, ...)
        [weight, bias, ...] of b networks.
    scaling : Scaling
        Units in which the networks were trained.
    losses : Tensor, shape (b,)
        Mean loss of each over its last epoch.
    epochs : Tensor of int64, shape (b,)
        Epochs of each.
    restarts : Tensor of int64, shape (b,)
        How often each diverged and started again.
    """

    parameters: list[Tensor]
    scaling: Scaling
    losses: Tensor
    epochs: Tensor
    restarts: Tensor

    def take(self, own: slice) -> "Trained":
        """Return some of the networks.

        Parameters
        ----------
        own : slice
            Their positions.

        Returns
        -------
        Trained
            The networks at these positions.
        """
        return Trained(
            [p[own] for p in self.parameters],
            self.scaling.take(own),
            self.losses[own],
            self.epochs[own],
            self.restarts[own],
        )

    def finite(self) -> Tensor:
        """Say of each network (b,) whether its loss and all its parameters are finite.

        Returns
        -------
        Tensor of bool, shape (b,)
            Whether loss and parameters are finite.
        """
        parts = [p.flatten(1).isfinite().all(dim=1) for p in self.parameters]
        return torch.stack([self.losses.isfinite(), *parts]).all(dim=0)


def joined(parts: Sequence[Trained], order: Tensor) -> Trained:
    """Lay networks one after the other, then take them in ``order``.

    Parameters
    ----------
    parts : sequence of Trained
        Networks to join.
    order : Tensor of int64, shape (b,)
        Positions among the networks laid one after the other.

    Returns
    -------
    Trained
        Networks of all parts in the given order.
    """

    def join(tensors: list[Tensor]) -> Tensor:
        return torch.cat(tensors).cpu()[order]

    scalings = [part.scaling for part in parts]
    return Trained(
        [join(list(same)) for same in zip(*(part.parameters for part in parts), strict=True)],
        Scaling(
            join([s.x_mean for s in scalings]),
            join([s.x_sd for s in scalings]),
            join([s.y_mean for s in scalings]),
            join([s.y_sd for s in scalings]),
        ),
        join([part.losses for part in parts]),
        join([part.epochs for part in parts]),
        join([part.restarts for part in parts]),
    )
