"""What training takes and gives: jobs, a schedule, an objective; networks, scalings, losses."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howrobust import seeds
from howrobust.methods.core.problems.problem_pool import validation_start
from howrobust.predictive import Array


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

    def restarted(self, attempt: int) -> "Job":
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


def scaling_of(X: Array, y: Array, standardise: bool) -> list[Array]:
    """Means and sds (d,) of a network's own rows, and those of its target: law 6."""
    if not standardise:
        d = X.shape[1]
        return [np.zeros(d), np.ones(d), np.array(0.0), np.array(1.0)]
    x_mean, x_sd, y_mean, y_sd = X.mean(0), X.std(0), np.array(y.mean()), np.array(y.std())
    # A constant column's sd is rounding, not 0, when its value has no short binary form.
    x_sd[x_sd <= 1e-12 * np.abs(x_mean)] = 1.0
    if y_sd <= 1e-12 * np.abs(y_mean):
        y_sd = np.array(1.0)
    return [x_mean, x_sd, y_mean, y_sd]


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


@dataclass(frozen=True)
class Recipe:
    """What the compiled loop must know of an objective: see `kernels.network`.

    ``kind`` is one of its four losses; ``prior_sds`` are those of the parameters, in their order;
    ``kl_scale`` multiplies the divergence.
    """

    kind: int
    outputs: int = 1
    dropout: float = 0.0
    prior_sds: tuple[float, ...] = ()
    kl_scale: float = 0.0


class Objective(ABC):
    """What networks with these ``hidden`` layers minimise."""

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
    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        """Draw one network's random numbers for one step on ``rows`` rows."""

    @abstractmethod
    def loss(self, parameters: list[Tensor], batch: "Batch") -> Tensor:
        """Loss (b,) of a batch, in standardised units."""

    @abstractmethod
    def quiet_loss(self, parameters: list[Tensor], batch: "Batch") -> Tensor:
        """Loss (b,) without noise or penalty, by which training stops; ``batch.noise`` is empty."""

    @abstractmethod
    def recipe(self, features: int, n: int) -> Recipe:
        """Say the same to the compiled loop, for n training rows."""


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
