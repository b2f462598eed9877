"""Deep ensemble: M random restarts with a mean and a variance head.

Lakshminarayanan, Pritzel & Blundell 2017, "Simple and scalable predictive uncertainty estimation
using deep ensembles", without its adversarial term.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from howrobust import seeds
from howrobust.method import Method, Posterior, Problem
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.choice import Words, infer_best
from howrobust.methods.core.engines.training import train
from howrobust.methods.core.engines.training_job import Batch, Job, Objective, Recipe, Schedule
from howrobust.methods.core.engines.warm_up import load
from howrobust.methods.core.limits import SHARED
from howrobust.methods.core.networks.dense import GAUSSIAN_HEADS, LEAST_VARIANCE
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import forward, pairs, uniform_layers, widths
from howrobust.methods.core.problems.problem_pool import Pool
from howrobust.methods.core.sampling.posterior import MemberPosterior
from howrobust.methods.core.sampling.weights import MemberWeights
from howrobust.predictive import Array


class DeepEnsemble(Method):
    """M networks on the same rows, each from its own random start and order of the rows.

    Each minimises the Gaussian negative log-likelihood with heads for the mean and the variance
    (eq. 1); the forecast is their equally weighted mixture (section 2.4).

    ``n_members``: M. ``hidden``: units of each hidden layer. ``weight_decay``: added to the
    gradient of the weights as weight_decay * weight. ``patience``: stop each network after so many
    epochs without a lower loss on the last fifth of its rows, which it then does not train on.
    ``learning_rate``: of several, each problem takes the one with the least nll on the last fifth
    of its rows after training on the others, and then trains on all of them.

    ``preset="lakshminarayanan2017"``: 40 epochs, batches of 100, a constant rate. The paper prints
    0.1, at which these networks diverge; it is chosen among five decades and half-decades instead.
    """

    components = "members"
    noise_model = "variance head of each member"
    epistemic = True

    LIMITS = {**SHARED, "n_members": (0, inf)}
    CHOICES = ("learning_rate",)
    PRESETS = {
        "lakshminarayanan2017": {
            "epochs": 40,
            "batch_size": 100,
            "learning_rate": (0.001, 0.003, 0.01, 0.03, 0.1),
        }
    }

    def __init__(
        self,
        hidden: Sequence[int] = (50,),
        epochs: int = 80,
        batch_size: int | None = 100,
        learning_rate: float | Sequence[float] = 0.01,
        weight_decay: float = 0.0,
        n_members: int = 5,
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
        self.n_members = n_members
        self.patience = patience
        self.preset = preset
        self.device = device
        self.random_state = random_state

    def prepare(self) -> None:
        load()

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        return infer_best(self.settings(), self.CHOICES, problems, self._infer)

    def _infer(self, words: Words, problems: Sequence[Problem]) -> "list[EnsemblePosterior]":
        m = words["n_members"]
        pool = Pool.of(problems)
        jobs = [
            Job(pool.rows(k), seeds.derive(problem.seed, "member", j), words["weight_decay"])
            for k, problem in enumerate(problems)
            for j in range(m)
        ]
        schedule = Schedule.of(words)
        trained = train(GaussianHeads(words["hidden"]), pool.X, pool.y, jobs, schedule)
        layout = Layout(pool.X.shape[1], tuple(words["hidden"]), 2)
        posteriors = []
        for own in (slice(k * m, (k + 1) * m) for k in range(len(problems))):
            members = [(w[own], b[own]) for w, b in pairs(trained.parameters)]
            weights = MemberWeights(layout, members, device=words["device"])
            scaling = trained.scaling.take(own.start)
            posterior = EnsemblePosterior(weights, scaling, trained.losses[own].tolist())
            posterior.restarts = int(trained.restarts[own].sum())
            posteriors.append(posterior)
        return posteriors


class EnsemblePosterior(MemberPosterior):
    """The members and their training losses, whose spread is that of the local minima."""

    def component(self, outputs: Floats, variance: Floats) -> tuple[Array, Array]:
        mean, raw = outputs.astype(np.float64).transpose(1, 0, 2)
        return mean, np.sqrt(np.logaddexp(0.0, raw) + LEAST_VARIANCE)

    def facts(self) -> dict[str, float | list[float]]:
        return {**super().facts(), "restart_losses": self.losses}


class GaussianHeads(Objective):
    """Mean Gaussian negative log-likelihood, less its constant (eq. 1)."""

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        return []

    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return uniform_layers(widths(features, self.hidden, 2), generator)

    def loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        outputs = forward(pairs(parameters), batch.X)
        variance = softplus(outputs[..., 1]) + LEAST_VARIANCE
        terms = 0.5 * variance.log() + 0.5 * (batch.y - outputs[..., 0]) ** 2 / variance
        return (terms * batch.share).sum(dim=1)

    def quiet_loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        return self.loss(parameters, batch)

    def recipe(self, features: int, n: int) -> Recipe:
        return Recipe(GAUSSIAN_HEADS, outputs=2)
