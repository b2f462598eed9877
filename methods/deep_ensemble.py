"""Deep ensemble: M random restarts with a mean and a variance head.

Lakshminarayanan, Pritzel & Blundell 2017, "Simple and scalable predictive uncertainty estimation
using deep ensembles", without its adversarial term.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from howrobust import seeds
from howrobust.method import Method, Posterior, Problem
from howrobust.methods.core.limits import SHARED
from howrobust.methods.core.network import forward, pairs, uniform_layers, widths
from howrobust.methods.core.sampling import MemberPosterior
from howrobust.methods.core.stack import Pool
from howrobust.methods.core.training import Batch, Job, Objective, Schedule, train

LEAST_VARIANCE = 1e-6  # added to the variance head, in standardised units (the paper's footnote 2)


class DeepEnsemble(Method):
    """M networks on the same rows, each from its own random start and order of the rows.

    Each minimises the Gaussian negative log-likelihood with heads for the mean and the variance
    (eq. 1); the forecast is their equally weighted mixture (section 2.4).

    ``n_members``: M. ``hidden``: units of each hidden layer. ``weight_decay``: added to the
    gradient of the weights as weight_decay * weight.
    """

    components = "members"
    noise_model = "variance head of each member"
    epistemic = True

    LIMITS = {**SHARED, "n_members": (0, inf)}

    def __init__(
        self,
        hidden: Sequence[int] = (50,),
        epochs: int = 80,
        batch_size: int | None = 100,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        n_members: int = 5,
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
        self.preset = preset
        self.device = device
        self.random_state = random_state

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        words = self.settings()
        m = words["n_members"]
        pool = Pool.of(problems)
        jobs = [
            Job(pool.rows(k), seeds.derive(problem.seed, "member", j), words["weight_decay"])
            for k, problem in enumerate(problems)
            for j in range(m)
        ]
        schedule = Schedule(
            words["epochs"], words["batch_size"], words["learning_rate"], device=words["device"]
        )
        trained = train(GaussianHeads(words["hidden"]), pool.X, pool.y, jobs, schedule)
        return [
            EnsemblePosterior(
                [(w[own].double(), b[own].double()) for w, b in pairs(trained.parameters)],
                trained.scaling.take(own.start),
                trained.losses[own].tolist(),
            )
            for own in (slice(k * m, (k + 1) * m) for k in range(len(problems)))
        ]


class EnsemblePosterior(MemberPosterior):
    """The members' layers and their training losses, whose spread is that of the local minima."""

    def component(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return outputs[..., 0], (softplus(outputs[..., 1]) + LEAST_VARIANCE).sqrt()

    def facts(self) -> dict[str, float | list[float]]:
        return {"restart_losses": self.losses}


class GaussianHeads(Objective):
    """Mean Gaussian negative log-likelihood, less its constant (eq. 1)."""

    def noise(self, features: int, rows: int, generator: torch.Generator) -> list[Tensor]:
        return []

    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return uniform_layers(widths(features, self.hidden, 2), generator)

    def loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        outputs = forward(pairs(parameters), batch.X)
        variance = softplus(outputs[..., 1]) + LEAST_VARIANCE
        terms = 0.5 * variance.log() + 0.5 * (batch.y - outputs[..., 0]) ** 2 / variance
        return (terms * batch.share).sum(dim=1)
