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
    """

    rows: NDArray[np.int64]
    seed: int
    decay: float = 0.0

    def without_validation(self) -> "TrainingJob":
        """Return the same network on all but the validation rows."""
        return replace(self, rows=self.rows[: validation_start(len(self.rows))])

    def restarted(self, attempt: int) -> "TrainingJob":
        """Return the same network from another start, whose seed derives from its own."""
        return replace(self, seed=seeds.derive(self.seed, "restart", attempt))


@dataclass(frozen=True)
class Schedule:
    """Adam's settings. ``batch_size`` None is full batch; ``cosine`` decays the rate to 0.

    ``patience``: stop a network after so many epochs without a lower loss on the last fifth of its
    rows, which it then does not train on, and return it as it was at the lowest; None never stops.
    """

    epochs: int
    batch_size: int | None
    learning_rate: float
    cosine: bool = False
    standardise: bool = True
    device: str = "cpu"
    patience: int | None = None

    @classmethod
    def of(cls, words: dict[str, Any], cosine: bool = False) -> "Schedule":
        """Return the schedule in a method's settings."""
        shared = ("epochs", "batch_size", "learning_rate", "device", "patience")
        standardise = words.get("standardise", True)
        return cls(**{w: words[w] for w in shared}, cosine=cosine, standardise=standardise)

    def parts(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(rows to train on, rows to stop on); none of the latter where patience is None."""
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
        """Say of each network (b,) whether its loss and all its parameters are finite."""
        parts = [p.flatten(1).isfinite().all(dim=1) for p in self.parameters]
        return torch.stack([self.losses.isfinite(), *parts]).all(dim=0)


def joined(parts: Sequence[Trained], order: Tensor) -> Trained:
    """Lay networks one after the other, then take them in ``order``."""

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
