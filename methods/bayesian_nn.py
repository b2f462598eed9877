"""Mean-field variational Bayesian network on torchbnn's layers.

Blundell et al. 2015, "Weight uncertainty in neural networks"; Kingma, Salimans & Welling 2015,
"Variational dropout and the local reparameterization trick".
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array
from howrobust.methods.core.choice import Settings
from howrobust.methods.core.engines.training_job import Rows, Schedule, Trained, TrainingJob
from howrobust.methods.core.losses.evidence_lower_bound import EvidenceLowerBound
from howrobust.methods.core.losses.loss import Loss
from howrobust.methods.core.losses.squared_error_and_kl import SquaredErrorAndKL
from howrobust.methods.core.losses.variational import VariationalLoss
from howrobust.methods.core.network_method import NetworkMethod
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import Layer, pairs
from howrobust.methods.core.problems.scaling import Scaling
from howrobust.methods.core.sampling.exact_moments import exact_moments
from howrobust.methods.core.sampling.posterior import DrawnPosterior
from howrobust.methods.core.sampling.weights import NormalWeights

LOSSES: dict[str, type[VariationalLoss]] = {
    "elbo": EvidenceLowerBound,
    "mse_kl": SquaredErrorAndKL,
}
SAMPLING = ("antithetic", "integrated", "tolerance", "device")


class BayesianNN(NetworkMethod):
    """Bayesian network with independent normal weights, fitted by variational inference.

    Parameters
    ----------
    hidden : sequence of int, default (50,)
        Units of each hidden layer.
    epochs : int, default 500
        Passes over the training rows.
    batch_size : int or None, default 128
        Rows of a mini-batch; None: all rows.
    learning_rate : float, default 0.01
        Step size of Adam.
    weight_decay : float, default 0.0
        Added to the gradient of the weights, not the biases, as ``weight_decay * weight``.
    n_draws : int, default 1000
        Draws of the weights of a forecast.
    antithetic : bool, default False
        Draw in pairs of opposite noise: 6 times fewer draws have the same error of the mean, twice
        as many that of the sd.
    integrated : bool, default True
        Draw the hidden units alone and integrate over the weights of the last layer exactly: on the
        article's network 3 times fewer draws have the same error of the mean, 5 times fewer that of
        the sd.
    tolerance : float or None, default None
        Draw, instead of ``n_draws``, as many networks as bring the Monte-Carlo standard errors of
        the mean and of the sd below this part of the sd at every point.
    prior_sd : float or None, default None
        Prior sd of all weights; None: 1 / sqrt(fan_in) for weights and 1 for biases.
    prior_scale : float, default 1.0
        Multiplies every prior sd.
    loss : {"elbo", "mse_kl"}, default "elbo"
        "elbo": the negative evidence lower bound with a learned constant noise sd, and a cosine
        decay of the learning rate. "mse_kl": squared error plus 0.01 times the divergence per
        weight, which is no evidence lower bound and has no noise model: the noise sd is fitted by
        maximum likelihood on the last fifth of the rows, with a second network that did not train
        on them.
    standardise : bool, default True
        Standardise inputs and target by the training rows.
    patience : int or None, default None
        Epochs without a lower loss on the last fifth of the rows after which training of a network
        stops; it is then not trained on these rows, and returned as it was at the lowest. None: do
        not stop.
    preset : {"article"} or None, default None
        Settings that replace those left at their default: 1-1000-1, prior sd 0.1, "mse_kl", Adam
        with rate 0.01, 2000 full-batch steps, 10,000 draws, no standardisation.
    device : str, default "cpu"
        Device of torch; on "cpu" loops are compiled where numba can be imported.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.

    Notes
    -----
    The losses are `EvidenceLowerBound` and `SquaredErrorAndKL`. ``antithetic``, ``integrated`` and
    ``tolerance`` change what a forecast costs and its Monte-Carlo error, not what it estimates.
    """

    components = "posterior draws"
    noise_model = "constant; learned (elbo) or fitted on validation rows (mse_kl)"
    LIMITS = {
        **NetworkMethod.LIMITS,
        "n_draws": (0, math.inf),
        "tolerance": (0, math.inf),
        "prior_sd": (0, math.inf),
        "prior_scale": (0, math.inf),
    }
    PRESETS = {
        "article": {
            "hidden": (1000,),
            "epochs": 2000,
            "batch_size": None,
            "learning_rate": 0.01,
            "n_draws": 10_000,
            "integrated": False,
            "prior_sd": 0.1,
            "loss": "mse_kl",
            "standardise": False,
        }
    }

    def __init__(
        self,
        hidden: Sequence[int] = (50,),
        epochs: int = 500,
        batch_size: int | None = 128,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        n_draws: int = 1000,
        antithetic: bool = False,
        integrated: bool = True,
        tolerance: float | None = None,
        prior_sd: float | None = None,
        prior_scale: float = 1.0,
        loss: str = "elbo",
        standardise: bool = True,
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
        self.antithetic = antithetic
        self.integrated = integrated
        self.tolerance = tolerance
        self.prior_sd = prior_sd
        self.prior_scale = prior_scale
        self.loss = loss
        self.standardise = standardise

    def _loss(self, settings: Settings) -> VariationalLoss:
        if settings["loss"] not in LOSSES:
            raise ValueError(f"loss must be 'elbo' or 'mse_kl', not {settings['loss']!r}")
        kind = LOSSES[settings["loss"]]
        return kind(settings["hidden"], settings["prior_sd"], settings["prior_scale"])

    def _schedule(self, settings: Settings) -> Schedule:
        return Schedule.of(settings, cosine=settings["loss"] == "elbo")

    def _jobs(self, settings: Settings, problem: Problem, rows: Rows) -> list[TrainingJob]:
        seed = seeds.derive(problem.seed, "bayesian")
        job = TrainingJob(rows, seed, settings["weight_decay"])
        return [job] if settings["loss"] == "elbo" else [job, job.without_validation()]

    def _posterior(
        self, settings: Settings, problem: Problem, loss: Loss, networks: Trained
    ) -> "WeightPosterior":
        assert isinstance(loss, VariationalLoss)
        posterior = _one(settings, loss, networks, 0)
        if settings["loss"] == "mse_kl":
            # The likelihood of the noise mixes draws of whole networks.
            held_out = _one({**settings, "integrated": False}, loss, networks, 1)
            posterior.fit_noise(held_out, problem)
        return posterior

    def to_module(self) -> nn.Sequential:
        """Return the trained network as torchbnn's own module, in standardised units.

        Returns
        -------
        nn.Sequential
            `torchbnn.BayesLinear` layers with ReLU between.

        Notes
        -----
        It maps (x - x_mean) / x_sd to (y - y_mean) / y_sd, with the ``scaling`` of ``posterior_``,
        and draws new weights at every call, as torchbnn does. torchbnn knows one prior sd per
        layer, so with ``prior_sd`` None its biases carry the weights' prior: its KL divergence is
        then not the one that was trained with.
        """
        check_is_fitted(self, "posterior_")
        posterior = self.posterior_
        assert isinstance(posterior, WeightPosterior)
        return posterior.to_module()


def _one(settings: Settings, loss: VariationalLoss, networks: Trained, k: int) -> "WeightPosterior":
    """Posterior of the k-th network."""
    one = [p[k : k + 1] for p in networks.parameters]
    means, log_sds = ([p[0].double() for p in part] for part in loss.split(one))
    scaling, features = networks.scaling.take(k), means[0].shape[0]
    posterior = WeightPosterior(
        pairs(means),
        pairs([log_sd.exp() for log_sd in log_sds]),
        scaling,
        **{name: settings[name] for name in ("n_draws", *SAMPLING)},
    )
    posterior.prior_sds = loss.prior_sds(features)
    posterior.kl = float(loss.kl_sum(one)[0])
    posterior.restarts = int(networks.restarts[k])
    if isinstance(loss, EvidenceLowerBound):
        posterior.noise_sd = float(networks.parameters[-1][k].exp()) * float(scaling.y_sd)
    return posterior


class WeightPosterior(DrawnPosterior):
    """Independent normal weights: means and sds, layers (in, out), (1, out), standardised units.

    ``prior_sds`` of weights and biases in turn; ``kl``: divergence from the prior in nats.

    Parameters
    ----------
    means : sequence of Layer
        Layers (in, out), (1, out).
    sds : sequence of Layer
        Layers (in, out), (1, out).
    scaling : Scaling
        Units in which the networks were trained.
    n_draws : int
        Draws of a forecast.
    antithetic : bool, default False
        Draw in pairs of opposite noise.
    integrated : bool, default False
        Integrate over the last layer exactly.
    tolerance : float or None, default None
        Monte-Carlo error at which drawing ends, as a part of the sd; None: ``n_draws``.
    device : str, default "cpu"
        Device of torch.
    """

    def __init__(
        self,
        means: list[Layer],
        sds: list[Layer],
        scaling: Scaling,
        n_draws: int,
        antithetic: bool = False,
        integrated: bool = False,
        tolerance: float | None = None,
        device: str = "cpu",
    ) -> None:
        layout = Layout(len(means[0][0]), tuple(w.shape[1] for w, _ in means[:-1]), 1)
        weights = NormalWeights(layout, means, sds, antithetic, integrated, device=device)
        super().__init__(weights, scaling, n_draws, tolerance)
        self.means = means
        self.sds = sds
        self.prior_sds: list[float] = []
        self.kl = float("nan")

    def exact_moments(self, X: Array) -> tuple[Array, Array]:
        """Mean (n,) and variance (n,) of the network's output at X (n, d), noise left out.

        In target units; see `exact_moments`. Raises ValueError for more than one hidden layer.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Inputs.

        Returns
        -------
        tuple of ndarray, shape (n,)
            Mean and variance of the output, in target units, noise left out.

        Raises
        ------
        ValueError
            Where there is more than one hidden layer.
        """
        inputs = (X - self.scaling.x_mean.numpy()) / self.scaling.x_sd.numpy()
        mean, variance = exact_moments(self.means, self.sds, inputs)
        y_mean, y_sd = float(self.scaling.y_mean), float(self.scaling.y_sd)
        return y_mean + y_sd * mean, y_sd**2 * variance

    def facts(self) -> dict[str, float | list[float]]:
        return {**super().facts(), "kl_nats": self.kl}

    def to_module(self) -> nn.Sequential:
        """Return torchbnn layers with these means and log sds, and ReLU between.

        Returns
        -------
        nn.Sequential
            `torchbnn.BayesLinear` layers with ReLU between, in standardised units.
        """
        import torchbnn

        modules: list[nn.Module] = []
        for (mean_w, mean_b), (sd_w, sd_b), prior in zip(
            self.means, self.sds, self.prior_sds[::2], strict=True
        ):
            fan_in, fan_out = mean_w.shape
            # torchbnn draws its start from the global stream.
            with torch.random.fork_rng(devices=[]):
                layer = torchbnn.BayesLinear(0.0, prior, fan_in, fan_out)
            with torch.no_grad():
                layer.weight_mu.copy_(mean_w.T)
                layer.bias_mu.copy_(mean_b[0])
                layer.weight_log_sigma.copy_(sd_w.T.log())
                layer.bias_log_sigma.copy_(sd_b[0].log())
            modules += [layer, nn.ReLU()]
        return nn.Sequential(*modules[:-1])
