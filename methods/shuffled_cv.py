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
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.engines.training import train
from howrobust.methods.core.engines.training_job import (
    Batch,
    Job,
    Objective,
    Recipe,
    Scaling,
    Schedule,
    Trained,
    scaling_of,
)
from howrobust.methods.core.engines.warm_up import load
from howrobust.methods.core.limits import SHARED
from howrobust.methods.core.networks.dense import SQUARED_ERROR
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import Layer, forward, pairs, uniform_layers, widths
from howrobust.methods.core.problems.problem_pool import Pool, validation_start
from howrobust.methods.core.sampling.noise import fit_noise_sd, noise_floor
from howrobust.methods.core.sampling.posterior import MemberPosterior
from howrobust.methods.core.sampling.weights import MemberWeights
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
        patience: int | None = None,
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
        self.patience = patience
        self.preset = preset
        self.device = device
        self.random_state = random_state

    def prepare(self) -> None:
        load()

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
        schedule = Schedule.of(words)
        trained = train(SquaredError(words["hidden"]), pool.X, pool.y, jobs, schedule)
        posteriors, start = [], 0
        for problem, out in zip(problems, held, strict=True):
            own = slice(start, start + len(out))
            posteriors.append(_posterior(trained, own, problem, out, words["device"]))
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


def folded(trained: Trained, own: slice, shared: Scaling) -> list[Layer]:
    """Layers (s, in, out) of the networks in ``own`` in units that they share.

    Each network standardises by its own rows: where x = M + S u, it sees (M - m + S u) / s, so W
    becomes (S / s) W and the bias gains ((M - m) / s) W; the output is scaled back the same way.
    """
    layers = [(w[own].double(), b[own].double()) for w, b in pairs(trained.parameters)]
    scaling = trained.scaling.take(own)
    weight, bias = layers[0]
    shift = ((shared.x_mean - scaling.x_mean) / scaling.x_sd)[:, None]
    layers[0] = ((shared.x_sd / scaling.x_sd)[:, :, None] * weight, bias + shift @ weight)
    factor = (scaling.y_sd / shared.y_sd)[:, None, None]
    offset = ((scaling.y_mean - shared.y_mean) / shared.y_sd)[:, None, None]
    weight, bias = layers[-1]
    layers[-1] = (weight * factor, bias * factor + offset)
    return layers


def _posterior(
    trained: Trained, own: slice, problem: Problem, held: list[Rows], device: str
) -> "ShuffledPosterior":
    """Fit the noise on the rows that each network left out."""
    shared = Scaling(*map(torch.as_tensor, scaling_of(problem.X, problem.y, standardise=True)))
    layers = folded(trained, own, shared)
    layout = Layout(problem.X.shape[1], tuple(w.shape[-1] for w, _ in layers[:-1]), 1)
    weights = MemberWeights(layout, layers, device=device)
    posterior = ShuffledPosterior(weights, shared, trained.losses[own].tolist())
    posterior.restarts = int(trained.restarts[own].sum())
    means = [posterior.block(problem.X[out], slice(s, s + 1), 0)[0] for s, out in enumerate(held)]
    rows = np.concatenate(held)
    order = np.argsort(rows, kind="stable")
    flat = np.concatenate(means, axis=1)[0, order]
    present, rows = np.unique(rows[order], return_inverse=True)
    posterior.noise_floor = noise_floor(problem.y)
    posterior.noise_sd = fit_noise_sd(flat, rows, problem.y[present], posterior.noise_floor)
    return posterior


class ShuffledPosterior(MemberPosterior):
    """The networks of every fold, and one noise sd, in target units."""

    noise_sd = float("nan")
    noise_floor = 0.0

    def component(self, outputs: Floats, variance: Floats) -> tuple[Array, Array]:
        return np.asarray(outputs[:, 0]), np.array(self.noise_sd / float(self.scaling.y_sd))

    def facts(self) -> dict[str, float | list[float]]:
        noise = {"noise_sd": self.noise_sd, "noise_floor": self.noise_floor}
        return {**super().facts(), **noise, "fold_losses": self.losses}


class SquaredError(Objective):
    """Mean squared error of a deterministic network."""

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        return []

    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return uniform_layers(widths(features, self.hidden, 1), generator)

    def loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        outputs = forward(pairs(parameters), batch.X)
        return ((batch.y - outputs[..., 0]) ** 2 * batch.share).sum(dim=1)

    def quiet_loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        return self.loss(parameters, batch)

    def recipe(self, features: int, n: int) -> Recipe:
        return Recipe(SQUARED_ERROR)
