"""Shuffled cross-validation: how much does a deterministic network move with its training rows?"""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from howrobust import seeds
from howrobust.method import Method, Posterior, Problem
from howrobust.methods.core.limits import SHARED
from howrobust.methods.core.network import Layer, forward, pairs, uniform_layers, widths
from howrobust.methods.core.noise import fit_noise_sd, noise_floor
from howrobust.methods.core.sampling import MemberPosterior, evaluate
from howrobust.methods.core.stack import Pool, validation_start
from howrobust.methods.core.training import Batch, Job, Objective, Scaling, Schedule, Trained, train
from howrobust.predictive import Array

Rows = NDArray[np.int64]


class ShuffledCV(Method):
    """A deterministic network trained on K folds of R shuffles of its rows: K R networks.

    All start from the same weights, so that what differs between them is the rows they saw. The
    forecast is their equally weighted mixture; its noise sd is fitted by maximum likelihood on
    out-of-fold predictions, row i using only networks that did not train on i.

    ``n_folds``: K >= 2, or 1 for a hold-out of the last fifth of each shuffle. ``n_shuffles``: R.
    Raises ValueError where there are more folds than rows.
    """

    components = "networks on shuffled folds"
    noise_model = "constant; fitted on out-of-fold predictions"

    LIMITS = {**SHARED, "n_folds": (0, inf), "n_shuffles": (0, inf)}

    def __init__(
        self,
        hidden: Sequence[int] = (50,),
        epochs: int = 200,
        batch_size: int | None = 100,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        n_folds: int = 5,
        n_shuffles: int = 4,
        preset: str | None = None,
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_folds = n_folds
        self.n_shuffles = n_shuffles
        self.preset = preset
        self.device = device
        self.random_state = random_state

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        words = self.settings()
        pool = Pool.of(problems)
        held = [folds(len(p.y), words["n_folds"], words["n_shuffles"], p.seed) for p in problems]
        jobs = [
            Job(
                np.delete(pool.rows(k), out),
                seeds.derive(problem.seed, "network"),
                words["weight_decay"],
            )
            for k, problem in enumerate(problems)
            for out in held[k]
        ]
        schedule = Schedule(
            words["epochs"], words["batch_size"], words["learning_rate"], device=words["device"]
        )
        trained = train(SquaredError(words["hidden"]), pool.X, pool.y, jobs, schedule)
        posteriors, start = [], 0
        for problem, out in zip(problems, held, strict=True):
            own = slice(start, start + len(out))
            posteriors.append(_posterior(folded(trained, own), problem, out, trained.losses[own]))
            start = own.stop
        return posteriors


def folds(n: int, n_folds: int, n_shuffles: int, seed: int) -> list[Rows]:
    """Held-out rows of every network: K folds of each of R shuffles of n rows."""
    if n_folds > n:
        raise ValueError(f"n_folds must be at most the number of rows, {n}, not {n_folds}")
    held: list[Rows] = []
    for r in range(n_shuffles):
        order = seeds.generator(seed, "shuffle", r).permutation(n)
        if n_folds == 1:
            held.append(order[validation_start(n) :])
        else:
            held += np.array_split(order, n_folds)
    return held


def folded(trained: Trained, own: slice) -> list[Layer]:
    """Layers (s, in, out) of the networks in ``own`` on raw x and raw y, float64.

    Each network standardises by its own rows: x enters as (x - m) / s, so W becomes W / s and the
    bias loses (m / s) W; the output is scaled back the same way.
    """
    layers = [(w[own].double(), b[own].double()) for w, b in pairs(trained.parameters)]
    scaling = trained.scaling.take(own)
    weight, bias = layers[0]
    weight = weight / scaling.x_sd[:, :, None]
    layers[0] = (weight, bias - scaling.x_mean[:, None] @ weight)
    y_mean, y_sd = scaling.y_mean[:, None, None], scaling.y_sd[:, None, None]
    weight, bias = layers[-1]
    layers[-1] = (weight * y_sd, bias * y_sd + y_mean)
    return layers


def _posterior(
    layers: list[Layer], problem: Problem, held: list[Rows], losses: Tensor
) -> "ShuffledPosterior":
    """Fit the noise on the rows that each network left out."""
    means = [
        evaluate([(w[s : s + 1], b[s : s + 1]) for w, b in layers], torch.tensor(problem.X[out]))
        for s, out in enumerate(held)
    ]
    rows = np.concatenate(held)
    order = np.argsort(rows, kind="stable")
    flat: Array = torch.cat([m.flatten() for m in means]).numpy()[order]
    present, rows = np.unique(rows[order], return_inverse=True)
    floor = noise_floor(problem.y)
    noise_sd = fit_noise_sd(flat, rows, problem.y[present], floor)
    features = problem.X.shape[1]
    zeros, ones = torch.zeros(features).double(), torch.ones(features).double()
    raw = Scaling(zeros, ones, zeros[0], ones[0])
    return ShuffledPosterior(layers, raw, losses.tolist(), noise_sd, floor)


class ShuffledPosterior(MemberPosterior):
    """The networks of every fold, and one noise sd, in target units."""

    def __init__(
        self,
        members: list[Layer],
        scaling: Scaling,
        losses: list[float],
        noise_sd: float,
        floor: float,
    ) -> None:
        super().__init__(members, scaling, losses)
        self.noise_sd = noise_sd
        self.floor = floor

    def component(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return outputs[..., 0], torch.tensor(self.noise_sd, dtype=torch.float64)

    def facts(self) -> dict[str, float | list[float]]:
        return {"noise_sd": self.noise_sd, "noise_floor": self.floor, "fold_losses": self.losses}


class SquaredError(Objective):
    """Mean squared error of a deterministic network."""

    def noise(self, features: int, rows: int, generator: torch.Generator) -> list[Tensor]:
        return []

    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return uniform_layers(widths(features, self.hidden, 1), generator)

    def loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        outputs = forward(pairs(parameters), batch.X)
        return ((batch.y - outputs[..., 0]) ** 2 * batch.share).sum(dim=1)
