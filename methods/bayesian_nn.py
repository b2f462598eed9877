"""Mean-field variational Bayesian network on torchbnn's layers.

Blundell et al. 2015, "Weight uncertainty in neural networks"; Kingma, Salimans & Welling 2015,
"Variational dropout and the local reparameterization trick".
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from howrobust import seeds
from howrobust.method import Method, Posterior, Problem
from howrobust.methods.core.engines.training import train
from howrobust.methods.core.engines.training_job import (
    Batch,
    Job,
    Objective,
    Recipe,
    Scaling,
    Schedule,
    Trained,
)
from howrobust.methods.core.engines.warm_up import load
from howrobust.methods.core.limits import SHARED
from howrobust.methods.core.networks.dense import ERROR_AND_MEAN_KL, EVIDENCE_BOUND, NOISE
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import (
    Layer,
    forward,
    linear,
    padded,
    pairs,
    uniform_layers,
    widths,
)
from howrobust.methods.core.problems.problem_pool import Pool
from howrobust.methods.core.random_numbers import streams as draws
from howrobust.methods.core.random_numbers.philox import stream_of
from howrobust.methods.core.sampling.exact_moments import exact_moments
from howrobust.methods.core.sampling.posterior import DrawnPosterior
from howrobust.methods.core.sampling.weights import NormalWeights
from howrobust.predictive import Array

ARTICLE_KL_WEIGHT = 0.01
START_LOG_SD = -4.0
SAMPLING = ("antithetic", "integrated", "tolerance", "device")


class BayesianNN(Method):
    """Normal weights, fitted by variational inference.

    ``loss="elbo"`` minimises the negative evidence lower bound per row, NLL + KL_sum / n, with a
    learned constant noise sd, local reparameterisation and a cosine decay of the learning rate.
    ``loss="mse_kl"`` minimises MSE + 0.01 KL_mean, KL_mean being the KL divergence over the NUMBER
    OF WEIGHTS (torchbnn's default): that is not the evidence lower bound and has no noise model, so
    the noise sd is fitted by maximum likelihood on the last fifth of the rows with a second network
    that did not train on them. One weight draw per step is shared by the batch, as in torchbnn.

    ``integrated``: a draw fixes the hidden units, and the last layer's weights are integrated over
    exactly: on the article's network 3 times fewer draws have the same error of the mean, 5 times
    fewer that of the sd. ``antithetic``: draws come in pairs of opposite noise: 6 times fewer for
    the mean, twice as many for the sd. ``tolerance`` and ``patience``: see `MCDropout`. These
    change what a forecast costs and its Monte-Carlo error, not what it estimates.

    ``prior_sd`` None: 1 / sqrt(fan_in) for weights and 1 for biases; a number: for all of them.
    ``prior_scale`` multiplies them all.
    ``preset="article"``: 1-1000-1, prior sd 0.1, ``mse_kl``, Adam 0.01, 2000 full-batch steps,
    10,000 draws, raw units.
    """

    components = "posterior draws"
    noise_model = "constant; learned (elbo) or fitted on validation rows (mse_kl)"
    epistemic = True
    LIMITS = {
        **SHARED,
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
        self.hidden = hidden
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_draws = n_draws
        self.antithetic = antithetic
        self.integrated = integrated
        self.tolerance = tolerance
        self.prior_sd = prior_sd
        self.prior_scale = prior_scale
        self.loss = loss
        self.standardise = standardise
        self.patience = patience
        self.preset = preset
        self.device = device
        self.random_state = random_state

    def prepare(self) -> None:
        load()

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        words = self.settings()
        if words["loss"] not in ("elbo", "mse_kl"):
            raise ValueError(f"loss must be 'elbo' or 'mse_kl', not {words['loss']!r}")
        elbo = words["loss"] == "elbo"
        kind = EvidenceBound if elbo else ErrorAndMeanKL
        objective = kind(words["hidden"], words["prior_sd"], words["prior_scale"])
        pool = Pool.of(problems)
        jobs = [
            Job(pool.rows(k), seeds.derive(problem.seed, "bayesian"), words["weight_decay"])
            for k, problem in enumerate(problems)
        ]
        if not elbo:
            jobs += [job.without_validation() for job in jobs]
        schedule = Schedule.of(words, cosine=elbo)
        trained = train(objective, pool.X, pool.y, jobs, schedule)
        posteriors = [_posterior(objective, trained, k, words) for k in range(len(problems))]
        if not elbo:
            # The likelihood of the noise mixes draws of whole networks.
            drawn = {**words, "integrated": False}
            for k, (own, problem) in enumerate(zip(posteriors, problems, strict=True)):
                own.fit_noise(_posterior(objective, trained, len(problems) + k, drawn), problem)
        return posteriors

    def to_module(self) -> nn.Sequential:
        """Return the trained network as torchbnn's own module, in standardised units.

        It maps (x - x_mean) / x_sd to (y - y_mean) / y_sd, with the ``scaling`` of ``posterior_``,
        and draws new weights at every call, as torchbnn does. torchbnn knows one prior sd per
        layer, so with ``prior_sd`` None its biases carry the weights' prior: its KL divergence is
        then not the one that was trained with.
        """
        check_is_fitted(self, "posterior_")
        posterior = self.posterior_
        assert isinstance(posterior, WeightPosterior)
        return posterior.to_module()


class VariationalObjective(Objective):
    """Means and log sds of normal weights under a normal prior of mean 0."""

    def __init__(
        self, hidden: Sequence[int], prior_sd: float | None, prior_scale: float = 1.0
    ) -> None:
        super().__init__(hidden)
        self.prior_sd = prior_sd
        self.prior_scale = prior_scale

    def prior_sds(self, features: int) -> list[float]:
        """Prior sd of each weight and bias, in the order of the parameters."""
        shape = widths(features, self.hidden, 1)
        if self.prior_sd is not None:
            return [self.prior_scale * self.prior_sd] * (2 * len(shape))
        each = [sd for fan_in, _ in shape for sd in (1 / math.sqrt(fan_in), 1.0)]
        return [self.prior_scale * sd for sd in each]

    def split(self, parameters: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """(means, log sds), each [weight, bias, ...]."""
        count = 2 * self.n_layers
        return parameters[:count], parameters[count : 2 * count]

    def kl_sum(self, parameters: list[Tensor]) -> Tensor:
        """KL(posterior || prior) of each network (b,), summed over weights.

        log(s1/s0) + (s0^2 + m0^2) / (2 s1^2) - 1/2 for N(m0, s0^2) against N(0, s1^2).
        """
        means, log_sds = self.split(parameters)
        priors = self.prior_sds(means[0].shape[-2])
        total = torch.zeros(len(means[0]), device=means[0].device)
        for mean, log_sd, prior in zip(means, log_sds, priors, strict=True):
            square = ((2 * log_sd).exp() + mean**2) / (2 * prior**2)
            total = total + (math.log(prior) - log_sd + square - 0.5).sum(dim=(1, 2))
        return total

    def squares(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        """Mean squared error (b,) of the networks at the means of their weights."""
        outputs = forward(pairs(self.split(parameters)[0]), batch.X)
        return ((batch.y - outputs[..., 0]) ** 2 * batch.share).sum(dim=1)

    def n_weights(self, parameters: list[Tensor]) -> int:
        """Weights and biases of one network."""
        return sum(mean[0].numel() for mean in self.split(parameters)[0])


class EvidenceBound(VariationalObjective):
    """NLL + KL_sum / n with a learned noise sd: the last parameter, log sd (1, 1)."""

    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        means = uniform_layers(widths(features, self.hidden, 1), generator)
        return [*means, *(torch.full_like(m, START_LOG_SD) for m in means), torch.zeros(1, 1)]

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        drawn = []
        for k, units in enumerate((*self.hidden, 1)):
            across = padded(units) if k < len(self.hidden) else 1
            noise = draws.normals(stream_of(seed, step, NOISE + k), rows * across)
            drawn.append(torch.from_numpy(noise.reshape(rows, across)[:, :units].copy()))
        return drawn

    def quiet_loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        log_noise = parameters[-1][:, 0, 0]
        return 0.5 * self.squares(parameters, batch) * (-2 * log_noise).exp() + log_noise

    def recipe(self, features: int, n: int) -> Recipe:
        return Recipe(EVIDENCE_BOUND, prior_sds=tuple(self.prior_sds(features)), kl_scale=1 / n)

    def loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        means, log_sds = self.split(parameters)
        activity = batch.X
        layers = zip(pairs(means), pairs(log_sds), batch.noise, strict=True)
        for k, ((weight, bias), (log_w, log_b), noise) in enumerate(layers):
            activity = torch.relu(activity) if k else activity
            # Local reparameterisation: the pre-activations are normal given the inputs (eq. 6).
            variance = linear(activity**2, (2 * log_w).exp(), (2 * log_b).exp())
            activity = linear(activity, weight, bias) + variance.sqrt() * noise
        log_noise = parameters[-1][:, :, 0]
        squares = (batch.y - activity[..., 0]) ** 2 * (-2 * log_noise).exp()
        nll = ((0.5 * squares + log_noise) * batch.share).sum(dim=1) + 0.5 * math.log(2 * math.pi)
        return nll + self.kl_sum(parameters) / batch.n


class ErrorAndMeanKL(VariationalObjective):
    """MSE + 0.01 KL_sum / (number of weights), one weight draw per step: the article's loss."""

    def initial(self, features: int, generator: torch.Generator) -> list[Tensor]:
        means = uniform_layers(widths(features, self.hidden, 1), generator)
        # torchbnn starts every sd at the prior's.
        priors = self.prior_sds(features)
        logs = [torch.full_like(m, math.log(sd)) for m, sd in zip(means, priors, strict=True)]
        return [*means, *logs]

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        layout = Layout(features, self.hidden, 1)
        flat = draws.normals(stream_of(seed, step, NOISE), layout.size)
        return [torch.from_numpy(p[0]) for layer in layout.unpack(flat[None]) for p in layer]

    def quiet_loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        return self.squares(parameters, batch)

    def recipe(self, features: int, n: int) -> Recipe:
        weights = sum((a + 1) * b for a, b in widths(features, self.hidden, 1))
        return Recipe(
            ERROR_AND_MEAN_KL,
            prior_sds=tuple(self.prior_sds(features)),
            kl_scale=ARTICLE_KL_WEIGHT / weights,
        )

    def loss(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        means, log_sds = self.split(parameters)
        drawn = [m + s.exp() * e for m, s, e in zip(means, log_sds, batch.noise, strict=True)]
        errors = batch.y - forward(pairs(drawn), batch.X)[..., 0]
        mean_kl = self.kl_sum(parameters) / self.n_weights(parameters)
        return (errors**2 * batch.share).sum(dim=1) + ARTICLE_KL_WEIGHT * mean_kl


def _posterior(
    objective: VariationalObjective, trained: Trained, k: int, words: dict[str, Any]
) -> "WeightPosterior":
    one = [p[k : k + 1] for p in trained.parameters]
    means, log_sds = ([p[0].double() for p in part] for part in objective.split(one))
    scaling, features = trained.scaling.take(k), means[0].shape[0]
    posterior = WeightPosterior(
        pairs(means),
        pairs([log_sd.exp() for log_sd in log_sds]),
        scaling,
        **{name: words[name] for name in ("n_draws", *SAMPLING)},
    )
    posterior.prior_sds = objective.prior_sds(features)
    posterior.kl = float(objective.kl_sum(one)[0])
    posterior.restarts = int(trained.restarts[k])
    if isinstance(objective, EvidenceBound):
        posterior.noise_sd = float(trained.parameters[-1][k].exp()) * float(scaling.y_sd)
    return posterior


class WeightPosterior(DrawnPosterior):
    """Independent normal weights: means and sds, layers (in, out), (1, out), standardised units.

    ``prior_sds`` of weights and biases in turn; ``kl``: divergence from the prior in nats.
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
        """
        inputs = (X - self.scaling.x_mean.numpy()) / self.scaling.x_sd.numpy()
        mean, variance = exact_moments(self.means, self.sds, inputs)
        y_mean, y_sd = float(self.scaling.y_mean), float(self.scaling.y_sd)
        return y_mean + y_sd * mean, y_sd**2 * variance

    def facts(self) -> dict[str, float | list[float]]:
        return {**super().facts(), "kl_nats": self.kl}

    def to_module(self) -> nn.Sequential:
        """Return torchbnn layers with these means and log sds, and ReLU between."""
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
