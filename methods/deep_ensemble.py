"""Deep ensemble: M random restarts with a mean and a variance head.

Lakshminarayanan, Pritzel & Blundell 2017, "Simple and scalable predictive uncertainty estimation
using deep ensembles", without its adversarial term.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.choice import Settings
from howrobust.methods.core.engines.training_job import Rows, Trained, TrainingJob
from howrobust.methods.core.losses.gaussian_nll import LEAST_VARIANCE, GaussianNLL
from howrobust.methods.core.losses.loss import Loss
from howrobust.methods.core.network_method import NetworkMethod
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import pairs
from howrobust.methods.core.sampling.posterior import MemberPosterior
from howrobust.methods.core.sampling.weights import MemberWeights


class DeepEnsemble(NetworkMethod):
    """Deep ensemble: networks on the same rows from random starts and orders of the rows.

    Each network has heads for the mean and the variance. The forecast is the equally weighted
    mixture of the networks.

    Parameters
    ----------
    hidden : sequence of int, default (50,)
        Units of each hidden layer.
    epochs : int, default 80
        Passes over the training rows.
    batch_size : int or None, default 100
        Rows of a mini-batch; None: all rows.
    learning_rate : float or sequence of float, default 0.01
        Step size of Adam. Of several, each problem takes the one with the least nll on the last
        fifth of its rows after training on the others, and then trains on all of them.
    weight_decay : float, default 0.0
        Added to the gradient of the weights, not the biases, as ``weight_decay * weight``.
    n_members : int, default 5
        Networks of the ensemble.
    patience : int or None, default None
        Epochs without a lower loss on the last fifth of the rows after which training of a network
        stops; it is then not trained on these rows, and returned as it was at the lowest. None: do
        not stop.
    preset : {"lakshminarayanan2017"} or None, default None
        Settings that replace those left at their default: 40 epochs, batches of 100 and a constant
        rate. The paper prints 0.1, at which these networks diverge; the rate is chosen among five
        values from 0.001 to 0.1 instead.
    device : str, default "cpu"
        Device of torch; on "cpu" loops are compiled where numba can be imported.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.

    Notes
    -----
    Lakshminarayanan, Pritzel & Blundell 2017: the loss is that of eq. 1 (`GaussianNLL`), the
    mixture that of section 2.4; the adversarial term is left out.

    Examples
    --------
    >>> import numpy as np
    >>> from howrobust.methods import DeepEnsemble
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> model = DeepEnsemble(epochs=2, random_state=0).fit(X, X[:, 0] ** 2)
    >>> model.predict(X).shape
    (40,)
    """

    components = "members"
    noise_model = "variance head of each member"

    LIMITS = {**NetworkMethod.LIMITS, "n_members": (0, inf)}
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
        super().__init__(
            hidden, epochs, batch_size, learning_rate, weight_decay, patience, preset, device,
            random_state,
        )  # fmt: skip
        self.n_members = n_members

    def _loss(self, settings: Settings) -> Loss:
        return GaussianNLL(settings["hidden"])

    def _jobs(self, settings: Settings, problem: Problem, rows: Rows) -> list[TrainingJob]:
        members = [seeds.derive(problem.seed, "member", j) for j in range(settings["n_members"])]
        return [TrainingJob(rows, seed, settings["weight_decay"]) for seed in members]

    def _posterior(
        self, settings: Settings, problem: Problem, loss: Loss, networks: Trained
    ) -> "EnsemblePosterior":
        layout = Layout(problem.X.shape[1], loss.hidden, 2)
        weights = MemberWeights(layout, pairs(networks.parameters), device=settings["device"])
        scaling = networks.scaling.take(0)
        posterior = EnsemblePosterior(weights, scaling, networks.losses.tolist())
        posterior.restarts = int(networks.restarts.sum())
        return posterior


class EnsemblePosterior(MemberPosterior):
    """The members and their training losses, whose spread is that of the local minima.

    Parameters
    ----------
    weights : Weights
        Source of the weights of each draw.
    scaling : Scaling
        Units in which the networks were trained.
    losses : list of float
        Training loss of each network.
    """

    def component(self, outputs: Floats, variance: Floats) -> tuple[Array, Array]:
        mean, raw = outputs.astype(np.float64).transpose(1, 0, 2)
        return mean, np.sqrt(np.logaddexp(0.0, raw) + LEAST_VARIANCE)

    def facts(self) -> dict[str, float | list[float]]:
        return {**super().facts(), "restart_losses": self.losses}
