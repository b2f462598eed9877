"""Squared error and a mean divergence: the loss of torchbnn's examples and of the article."""

import math

import torch
from torch import Tensor

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.elementary import exp
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.losses.loss import (
    Batch,
    CompiledLoss,
    CompiledSettings,
    unchanged,
)
from howrobust.methods.core.losses.squared_error import squared_error, squared_error_of_rows
from howrobust.methods.core.losses.variational import VariationalLoss, add_divergence
from howrobust.methods.core.networks.dense import NOISE, Ints, backward, forward
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import forward as forward_stack
from howrobust.methods.core.networks.stacked import pairs, uniform_layers, widths
from howrobust.methods.core.networks.workspace import CompiledNetwork, Workspace
from howrobust.methods.core.random_numbers.philox import fill_normals, stream_of
from howrobust.methods.core.random_numbers.streams import normals

KL_WEIGHT = 0.01


@compiled
def _draw_weights(
    means: Floats,
    logs: Floats,
    real: Floats,
    noise: Floats,
    stream: Ints,
    weights: Floats,
) -> None:
    """weights = mean + sd noise, keeping the noise."""
    stream[3] = NOISE
    fill_normals(noise, stream)
    for i in range(len(means)):
        noise[i] *= real[i] * exp(logs[i])
        weights[i] = means[i] + noise[i]


@compiled
def _gradient(net: CompiledNetwork, space: Workspace, rows: int, stream: Ints) -> float:
    """Loss and gradient of the squared error plus a divergence, by one draw of the weights."""
    P, weights = len(net.real), space.drawn
    means, logs, noise = net.flat[:P], net.flat[P : 2 * P], space.noise[:P]
    d_means, d_logs = space.gradient[:P], space.gradient[P : 2 * P]
    _draw_weights(means, logs, net.real, noise, stream, weights)
    forward(weights, net.widths, space.activity, rows, space.outputs, space.words, 0 * P, stream)
    value = squared_error(space.outputs, space.target, space.share, rows, space.slopes)
    backward(
        weights, net.widths, space.activity, rows, space.slopes, 1.0, space.d_activity,
        space.turned, d_means,
    )  # fmt: skip
    for i in range(P):
        d_logs[i] = d_means[i] * noise[i]
    return value + add_divergence(
        means, logs, net.log_priors, net.real, net.constants[0], d_means, d_logs
    )


class SquaredErrorAndKL(VariationalLoss):
    r"""Mean squared error plus 0.01 times the divergence per weight.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    prior_sd : float or None, default None
        Prior sd of all weights; None: 1 / sqrt(fan_in) for weights and 1 for biases.
    prior_scale : float, default 1.0
        Multiplies every prior sd.

    Notes
    -----
    :math:`L = \sum_r s_r (y_r - m(x_r; w))^2 + 0.01\, \mathrm{KL} / P`, P being the number of
    weights and biases and w one draw per step that the batch shares: torchbnn's `BKLLoss` with
    ``reduction="mean"``. It is no evidence lower bound. Means start as the weights of
    `SquaredError` do, and every sd at that of its prior, as in torchbnn.
    """

    compiled = CompiledLoss(_gradient, squared_error_of_rows, unchanged)

    def start(self, features: int, generator: torch.Generator) -> list[Tensor]:
        means = uniform_layers(widths(features, self.hidden, 1), generator)
        priors = self.prior_sds(features)
        logs = [torch.full_like(m, math.log(sd)) for m, sd in zip(means, priors, strict=True)]
        return [*means, *logs]

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        layout = Layout(features, self.hidden, 1)
        flat = normals(stream_of(seed, step, NOISE), layout.size)
        return [torch.from_numpy(p[0]) for layer in layout.unpack(flat[None]) for p in layer]

    def value(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        means, log_sds = self.split(parameters)
        drawn = [m + s.exp() * e for m, s, e in zip(means, log_sds, batch.noise, strict=True)]
        errors = batch.y - forward_stack(pairs(drawn), batch.X)[..., 0]
        mean_kl = self.kl_sum(parameters) / sum(mean[0].numel() for mean in means)
        return (errors**2 * batch.share).sum(dim=1) + KL_WEIGHT * mean_kl

    def validation(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        return self.squares(parameters, batch)

    def compiled_settings(self, features: int, n: int) -> CompiledSettings:
        weights = sum((a + 1) * b for a, b in widths(features, self.hidden, 1))
        return CompiledSettings(
            prior_sds=tuple(self.prior_sds(features)), constants=(KL_WEIGHT / weights,)
        )
