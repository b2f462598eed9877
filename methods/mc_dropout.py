"""MC dropout: dropout kept on at prediction.

Gal & Ghahramani 2016, "Dropout as a Bayesian approximation", and the authors' later code.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
import torch
from torch import Tensor

from howrobust import seeds
from howrobust.method import Method, Posterior, Problem
from howrobust.methods.core.limits import SHARED
from howrobust.methods.core.network import Layer, glorot_layers, linear, pairs, widths
from howrobust.methods.core.sampling import BLOCK_DRAWS, DrawnPosterior
from howrobust.methods.core.stack import Pool
from howrobust.methods.core.training import Batch, Job, Objective, Scaling, Schedule, train


class MCDropout(Method):
    """One network trained with dropout before every weight layer, the input included.

    The loss is the squared error on standardised y with L2 on the weights of strength
    length_scale^2 (1 - dropout) / (2 n tau) (the paper's eq. 7, solved for the weight decay). A
    forecast mixes ``n_draws`` masks, each shared by all rows, with noise of precision ``tau``
    (original target units).

    ``tau`` None: the noise is fitted by maximum likelihood on the last fifth of the rows, with a
    second network that did not train on them; the L2 strength is then ``weight_decay`` / 2.
    """

    components = "dropout masks"
    noise_model = "constant; precision given, or fitted on validation rows"

    LIMITS = {
        **SHARED,
        "n_draws": (0, inf),
        "dropout": (0, 1),
        "tau": (0, inf),
        "length_scale": (0, inf),
    }

    def __init__(
        self,
        hidden: Sequence[int] = (50,),
        epochs: int = 400,
        batch_size: int | None = 32,
        learning_rate: float = 0.001,
        weight_decay: float = 1e-6,
        n_draws: int = 1000,
        dropout: float = 0.05,
        tau: float | None = None,
        length_scale: float = 1e-2,
        preset: str | None = None,
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_draws = n_draws
        self.dropout = dropout
        self.tau = tau
        self.length_scale = length_scale
        self.preset = preset
        self.device = device
        self.random_state = random_state

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        words = self.settings()
        pool = Pool.of(problems)
        fitted = words["tau"] is None
        jobs = [self._job(problem, pool.rows(k), words) for k, problem in enumerate(problems)]
        if fitted:
            # The second network leaves out the validation rows; the first sees all of them.
            jobs += [job.without_validation() for job in jobs]
        schedule = Schedule(
            words["epochs"], words["batch_size"], words["learning_rate"], device=words["device"]
        )
        objective = DropoutError(words["hidden"], words["dropout"])
        trained = train(objective, pool.X, pool.y, jobs, schedule)
        posteriors = [
            DropoutPosterior(
                [(w[k].double(), b[k].double()) for w, b in pairs(trained.parameters)],
                trained.scaling.take(k),
                words["n_draws"],
                words["dropout"],
            )
            for k in range(len(jobs))
        ]
        for k, problem in enumerate(problems):
            if fitted:
                posteriors[k].fit_noise(posteriors[len(problems) + k], problem)
            else:
                posteriors[k].noise_sd = float(words["tau"] ** -0.5)
        return posteriors[: len(problems)]

    @staticmethod
    def _job(problem: Problem, rows: np.ndarray[Any, Any], words: dict[str, Any]) -> Job:
        decay = words["weight_decay"]
        if words["tau"] is not None:
            # The gradient of reg w^2 is 2 reg w.
            keep = 1 - words["dropout"]
            decay = words["length_scale"] ** 2 * keep / (len(rows) * words["tau"])
        return Job(rows, seeds.derive(problem.seed, "dropout"), decay)


class DropoutPosterior(DrawnPosterior):
    """One network and its dropout rate; every draw is a mask on the inputs of each layer."""

    def __init__(
        self, network: list[Layer], scaling: Scaling, n_draws: int, dropout: float
    ) -> None:
        super().__init__(scaling, n_draws)
        self.network = network
        self.dropout = dropout

    def layers(self, block: slice, generator: torch.Generator) -> list[Layer]:
        # A mask on a layer's inputs is the same mask on the rows of its weights.
        drawn = []
        for weight, bias in self.network:
            uniform = torch.rand(BLOCK_DRAWS, len(weight), 1, generator=generator)
            mask = (uniform >= self.dropout).double() / (1 - self.dropout)
            drawn.append((mask * weight, bias.expand(BLOCK_DRAWS, -1, -1)))
        return drawn


class DropoutError(Objective):
    """Mean squared error under a fresh mask per row, unit and step."""

    def __init__(self, hidden: Sequence[int], dropout: float) -> None:
        super().__init__(hidden)
        self.dropout = dropout

    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return glorot_layers(widths(features, self.hidden, 1), generator)

    def noise(self, features: int, rows: int, generator: torch.Generator) -> list[Tensor]:
        sizes = (features, *self.hidden)
        return [
            (torch.rand(rows, size, generator=generator) >= self.dropout) / (1 - self.dropout)
            for size in sizes
        ]

    def loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        activity = batch.X
        for k, ((weight, bias), mask) in enumerate(
            zip(pairs(parameters), batch.noise, strict=True)
        ):
            activity = linear((torch.relu(activity) if k else activity) * mask, weight, bias)
        return ((batch.y - activity[..., 0]) ** 2 * batch.share).sum(dim=1)
