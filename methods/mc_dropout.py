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
from howrobust.methods.core.choice import Words, infer_best
from howrobust.methods.core.engines.training import train
from howrobust.methods.core.engines.training_job import Batch, Job, Objective, Recipe, Schedule
from howrobust.methods.core.engines.warm_up import load
from howrobust.methods.core.limits import SHARED
from howrobust.methods.core.networks.dense import NOISE, SQUARED_ERROR
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import (
    forward,
    glorot_layers,
    linear,
    padded,
    pairs,
    widths,
)
from howrobust.methods.core.problems.problem_pool import Pool
from howrobust.methods.core.random_numbers import streams as draws
from howrobust.methods.core.random_numbers.philox import stream_of
from howrobust.methods.core.sampling.posterior import DrawnPosterior
from howrobust.methods.core.sampling.weights import DroppedWeights


class MCDropout(Method):
    """One network trained with dropout before every weight layer, the input included.

    The loss is the squared error on standardised y with L2 on the weights of strength
    length_scale^2 (1 - dropout) / (2 n tau) (the paper's eq. 7, solved for the weight decay). A
    forecast mixes ``n_draws`` masks, each shared by all rows, with noise of precision ``tau``
    (original target units).

    ``tau`` None: the noise is fitted by maximum likelihood on the last fifth of the rows, with a
    second network that did not train on them; the L2 strength is then ``weight_decay`` / 2.
    ``dropout``, ``tau``: of several values, each problem takes the pair with the least nll on the
    last fifth of its rows after training on the others, and then trains on all of them.
    ``patience``: see `DeepEnsemble`. ``tolerance``: draw, instead of ``n_draws``, as many masks as
    bring the Monte-Carlo errors of the mean and of the sd below that part of the sd, everywhere;
    ``n_components`` of the forecast says how many it took.

    Presets leave ``tau``, which has the target's units, to the caller. ``"gal2016"``: 400 epochs,
    batches of 32, 10,000 masks; ``"gal2016-10x"``: 4,000 epochs; ``"gal2018"``: the later code's
    4,000 epochs in batches of 128 and its choice among four rates of dropout.
    """

    components = "dropout masks"
    noise_model = "constant; precision given, or fitted on validation rows"

    LIMITS = {
        **SHARED,
        "n_draws": (0, inf),
        "tolerance": (0, inf),
        "dropout": (0, 1),
        "tau": (0, inf),
        "length_scale": (0, inf),
    }
    CHOICES = ("dropout", "tau")
    PRESETS = {
        "gal2016": {"epochs": 400, "batch_size": 32, "n_draws": 10_000},
        "gal2016-10x": {"epochs": 4000, "batch_size": 32, "n_draws": 10_000},
        "gal2018": {
            "epochs": 4000,
            "batch_size": 128,
            "n_draws": 10_000,
            "dropout": (0.005, 0.01, 0.05, 0.1),
        },
    }

    def __init__(
        self,
        hidden: Sequence[int] = (50,),
        epochs: int = 400,
        batch_size: int | None = 32,
        learning_rate: float = 0.001,
        weight_decay: float = 1e-6,
        n_draws: int = 1000,
        tolerance: float | None = None,
        dropout: float | Sequence[float] = 0.05,
        tau: float | Sequence[float] | None = None,
        length_scale: float = 1e-2,
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
        self.n_draws = n_draws
        self.tolerance = tolerance
        self.dropout = dropout
        self.tau = tau
        self.length_scale = length_scale
        self.patience = patience
        self.preset = preset
        self.device = device
        self.random_state = random_state

    def prepare(self) -> None:
        load()

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        return infer_best(self.settings(), self.CHOICES, problems, self._infer)

    def _infer(self, words: Words, problems: Sequence[Problem]) -> list[DrawnPosterior]:
        pool = Pool.of(problems)
        fitted = words["tau"] is None
        jobs = [self._job(problem, pool.rows(k), words) for k, problem in enumerate(problems)]
        if fitted:
            # The second network leaves out the validation rows; the first sees all of them.
            jobs += [job.without_validation() for job in jobs]
        schedule = Schedule.of(words)
        objective = DropoutError(words["hidden"], words["dropout"])
        trained = train(objective, pool.X, pool.y, jobs, schedule)
        layout = Layout(pool.X.shape[1], tuple(words["hidden"]), 1)
        posteriors = []
        for k in range(len(jobs)):
            network = [(w[k].double(), b[k].double()) for w, b in pairs(trained.parameters)]
            weights = DroppedWeights(layout, network, words["dropout"], device=words["device"])
            scaling = trained.scaling.take(k)
            posterior = DrawnPosterior(weights, scaling, words["n_draws"], words["tolerance"])
            posterior.restarts = int(trained.restarts[k])
            posteriors.append(posterior)
        for k, problem in enumerate(problems):
            if fitted:
                posteriors[k].fit_noise(posteriors[len(problems) + k], problem)
            else:
                posteriors[k].noise_sd = float(words["tau"] ** -0.5)
        return posteriors[: len(problems)]

    @staticmethod
    def _job(problem: Problem, rows: np.ndarray[Any, Any], words: Words) -> Job:
        decay = words["weight_decay"]
        if words["tau"] is not None:
            # The gradient of reg w^2 is 2 reg w.
            keep = 1 - words["dropout"]
            decay = words["length_scale"] ** 2 * keep / (len(rows) * words["tau"])
        return Job(rows, seeds.derive(problem.seed, "dropout"), decay)


class DropoutError(Objective):
    """Mean squared error under a fresh mask per row, unit and step."""

    def __init__(self, hidden: Sequence[int], dropout: float) -> None:
        super().__init__(hidden)
        self.dropout = dropout

    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return glorot_layers(widths(features, self.hidden, 1), generator)

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        sizes = (features, *self.hidden)
        return [mask(rows, m, self.dropout, (seed, step, NOISE + k)) for k, m in enumerate(sizes)]

    def loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        activity = batch.X
        for k, ((weight, bias), mask) in enumerate(
            zip(pairs(parameters), batch.noise, strict=True)
        ):
            activity = linear((torch.relu(activity) if k else activity) * mask, weight, bias)
        return ((batch.y - activity[..., 0]) ** 2 * batch.share).sum(dim=1)

    def quiet_loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        outputs = forward(pairs(parameters), batch.X)
        return ((batch.y - outputs[..., 0]) ** 2 * batch.share).sum(dim=1)

    def recipe(self, features: int, n: int) -> Recipe:
        return Recipe(SQUARED_ERROR, dropout=self.dropout)


def mask(rows: int, units: int, dropout: float, stream: tuple[int, int, int]) -> Tensor:
    """Mask (rows, units) of a named stream: 0, or 1 / (1 - dropout) where a unit is kept."""
    across = padded(units)
    words = draws.words(stream_of(*stream), rows * across).reshape(rows, across)[:, :units]
    kept = torch.from_numpy(words >= draws.threshold(dropout))
    return kept / (1 - dropout)
