"""Negative evidence lower bound of a network with normal weights.

Blundell et al. 2015, "Weight uncertainty in neural networks"; Kingma, Salimans & Welling 2015,
"Variational dropout and the local reparameterization trick".
"""

import math

import numpy as np
import torch
from torch import Tensor

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.elementary import exp
from howrobust.methods.core.losses.loss import Batch, CompiledLoss, CompiledSettings
from howrobust.methods.core.losses.squared_error import squared_error, squared_error_of_rows
from howrobust.methods.core.losses.variational import VariationalLoss, add_divergence
from howrobust.methods.core.networks.dense import NOISE, Ints, f32
from howrobust.methods.core.networks.local_reparameterisation import backward_local, forward_local
from howrobust.methods.core.networks.stacked import linear, padded, pairs, uniform_layers, widths
from howrobust.methods.core.networks.workspace import CompiledNetwork, Workspace
from howrobust.methods.core.random_numbers.philox import stream_of
from howrobust.methods.core.random_numbers.streams import normals

START_LOG_SD = -4.0
LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)


@compiled
def _gradient(net: CompiledNetwork, space: Workspace, rows: int, stream: Ints) -> float:
    """Loss and gradient of the negative evidence lower bound per row, by local draws."""
    P, squares = len(net.real), space.squares
    means, logs, log_noise = net.flat[:P], net.flat[P : 2 * P], net.flat[2 * P]
    d_means, d_logs = space.gradient[:P], space.gradient[P : 2 * P]
    for i in range(P):
        squares[i] = net.real[i] * exp(f32(2) * logs[i])
    forward_local(
        means, squares, net.widths, space.activity, rows, space.outputs, space.ratio,
        space.buffer, space.noise, stream,
    )  # fmt: skip
    precision = exp(f32(-2) * log_noise)
    value = squared_error(space.outputs, space.target, space.share, rows, space.slopes)
    for r in range(rows):
        space.slopes[r, 0] *= f32(0.5) * precision
    backward_local(
        means, squares, net.widths, space.activity, rows, space.slopes, space.ratio,
        space.buffer, space.d_activity, space.turned, d_means, space.drawn,
    )  # fmt: skip
    for i in range(P):
        d_logs[i] = f32(2) * space.drawn[i] * squares[i]
    space.gradient[2 * P] = f32(1.0 - value * precision)
    divergence = add_divergence(
        means, logs, net.log_priors, net.real, net.constants[0], d_means, d_logs
    )
    return float(0.5 * value * precision + log_noise + LOG_SQRT_2PI + divergence)


@compiled
def _validation(net: CompiledNetwork, error: float) -> float:
    """Negative log-likelihood, less its constant, from a mean squared error."""
    log_noise = np.float64(net.flat[len(net.flat) - 64])
    return float(0.5 * error * np.exp(-2.0 * log_noise) + log_noise)


class EvidenceLowerBound(VariationalLoss):
    r"""Negative evidence lower bound per row, with a learned constant noise sd.

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
    :math:`L = \sum_r s_r [(y_r - m_r)^2 / (2 \sigma^2) + \log \sigma] + \log \sqrt{2 \pi} +
    \mathrm{KL} / n` (Blundell et al., eq. 2, per row), with normal pre-activations drawn by local
    reparameterisation (Kingma, Salimans & Welling, eq. 6). Means start as the weights of
    `SquaredError` do, log sds at -4 and the log noise sd, the last parameter (1, 1), at 0.
    """

    compiled = CompiledLoss(_gradient, squared_error_of_rows, _validation)

    def start(self, features: int, generator: torch.Generator) -> list[Tensor]:
        means = uniform_layers(widths(features, self.hidden, 1), generator)
        return [*means, *(torch.full_like(m, START_LOG_SD) for m in means), torch.zeros(1, 1)]

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        drawn = []
        for k, units in enumerate((*self.hidden, 1)):
            across = padded(units) if k < len(self.hidden) else 1
            noise = normals(stream_of(seed, step, NOISE + k), rows * across)
            drawn.append(torch.from_numpy(noise.reshape(rows, across)[:, :units].copy()))
        return drawn

    def value(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        means, log_sds = self.split(parameters)
        activity = batch.X
        layers = zip(pairs(means), pairs(log_sds), batch.noise, strict=True)
        for k, ((weight, bias), (log_w, log_b), noise) in enumerate(layers):
            activity = torch.relu(activity) if k else activity
            # Pre-activations are normal given the inputs.
            variance = linear(activity**2, (2 * log_w).exp(), (2 * log_b).exp())
            activity = linear(activity, weight, bias) + variance.sqrt() * noise
        log_noise = parameters[-1][:, :, 0]
        squares = (batch.y - activity[..., 0]) ** 2 * (-2 * log_noise).exp()
        nll = ((0.5 * squares + log_noise) * batch.share).sum(dim=1) + 0.5 * math.log(2 * math.pi)
        return nll + self.kl_sum(parameters) / batch.n

    def validation(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        log_noise = parameters[-1][:, 0, 0]
        return 0.5 * self.squares(parameters, batch) * (-2 * log_noise).exp() + log_noise

    def compiled_settings(self, features: int, n: int) -> CompiledSettings:
        return CompiledSettings(prior_sds=tuple(self.prior_sds(features)), constants=(1 / n,))
