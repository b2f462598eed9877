"""MC dropout: dropout kept on at prediction.

Gal & Ghahramani 2016, "Dropout as a Bayesian approximation", and the authors' later code.
"""

from collections.abc import Sequence
from math import inf
from typing import Any

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.methods.core.choice import Settings
from howrobust.methods.core.engines.training_job import Rows, Trained, TrainingJob
from howrobust.methods.core.losses.dropout_squared_error import DropoutSquaredError
from howrobust.methods.core.losses.loss import Loss
from howrobust.methods.core.network_method import NetworkMethod
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import pairs
from howrobust.methods.core.sampling.posterior import DrawnPosterior
from howrobust.methods.core.sampling.weights import DroppedWeights


class MCDropout(NetworkMethod):
    """Monte-Carlo dropout: one network with dropout before every weight layer, also at prediction.

    A forecast mixes networks under random masks, each mask shared by all rows, with Gaussian noise
    of constant sd.

    Parameters
    ----------
    hidden : sequence of int, default (50,)
        Units of each hidden layer.
    epochs : int, default 400
        Passes over the training rows.
    batch_size : int or None, default 32
        Rows of a mini-batch; None: all rows.
    learning_rate : float, default 0.001
        Step size of Adam.
    weight_decay : float, default 1e-6
        Added to the gradient of the weights as ``weight_decay * weight`` where ``tau`` is None.
    n_draws : int, default 1000
        Masks of a forecast.
    tolerance : float or None, default None
        Draw, instead of ``n_draws``, as many masks as bring the Monte-Carlo standard errors of the
        mean and of the sd below this part of the sd at every point; ``n_components`` of the
        forecast says how many that were.
    dropout : float or sequence of float, default 0.05
        Probability that an input of a layer is set to 0.
    tau : float, sequence of float or None, default None
        Precision of the noise, in original target units to the power -2. None: the noise is fitted
        by maximum likelihood on the last fifth of the rows, with a second network that did not
        train on them. Of several values of ``dropout`` and ``tau``, each problem takes the pair
        with the least nll on the last fifth of its rows after training on the others, and then
        trains on all of them.
    length_scale : float, default 0.01
        Prior length scale, which gives the strength of the weight decay where ``tau`` is given.
    patience : int or None, default None
        Epochs without a lower loss on the last fifth of the rows after which training of a network
        stops; it is then not trained on these rows, and returned as it was at the lowest. None: do
        not stop.
    preset : {"gal2016", "gal2016-10x", "gal2018"} or None, default None
        Settings that replace those left at their default; ``tau``, which has the target's units, is
        left to the caller. "gal2016": 400 epochs, batches of 32, 10,000 masks; "gal2016-10x": 4,000
        epochs; "gal2018": the authors' later code, 4,000 epochs in batches of 128, and a choice
        among four rates of dropout.
    device : str, default "cpu"
        Device of torch; on "cpu" loops are compiled where numba can be imported.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.

    Notes
    -----
    Gal & Ghahramani 2016, "Dropout as a Bayesian approximation", and the authors' later code. The
    loss is `DropoutSquaredError` with an L2 penalty of strength
    length_scale^2 (1 - dropout) / (2 n tau): eq. 7, solved for the weight decay.
    """

    components = "dropout masks"
    noise_model = "constant; precision given, or fitted on validation rows"

    LIMITS = {
        **NetworkMethod.LIMITS,
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
        super().__init__(
            hidden, epochs, batch_size, learning_rate, weight_decay, patience, preset, device,
            random_state,
        )  # fmt: skip
        self.n_draws = n_draws
        self.tolerance = tolerance
        self.dropout = dropout
        self.tau = tau
        self.length_scale = length_scale

    def _loss(self, settings: Settings) -> Loss:
        return DropoutSquaredError(settings["hidden"], settings["dropout"])

    def _jobs(self, settings: Settings, problem: Problem, rows: Rows) -> list[TrainingJob]:
        tau, decay = settings["tau"], settings["weight_decay"]
        if tau is not None:
            # The gradient of reg w^2 is 2 reg w.
            decay = settings["length_scale"] ** 2 * (1 - settings["dropout"]) / (len(rows) * tau)
        job = TrainingJob(rows, seeds.derive(problem.seed, "dropout"), decay)
        return [job, job.without_validation()] if tau is None else [job]

    def _posterior(
        self, settings: Settings, problem: Problem, loss: Loss, networks: Trained
    ) -> DrawnPosterior:
        posterior, *held_out = (_one(settings, networks, k) for k in range(len(networks.losses)))
        if held_out:
            posterior.fit_noise(held_out[0], problem)
        else:
            posterior.noise_sd = float(settings["tau"] ** -0.5)
        return posterior


def _one(settings: Settings, networks: Trained, k: int) -> DrawnPosterior:
    """Posterior of the k-th network, its noise still unknown."""
    network = [(w[k].double(), b[k].double()) for w, b in pairs(networks.parameters)]
    layout = Layout(len(network[0][0]), tuple(settings["hidden"]), 1)
    weights = DroppedWeights(layout, network, settings["dropout"], device=settings["device"])
    scaling = networks.scaling.take(k)
    posterior = DrawnPosterior(weights, scaling, settings["n_draws"], settings["tolerance"])
    posterior.restarts = int(networks.restarts[k])
    return posterior
