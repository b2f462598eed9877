"""Gaussian negative log-likelihood with a mean head and a variance head.

Lakshminarayanan, Pritzel & Blundell 2017, "Simple and scalable predictive uncertainty estimation
using deep ensembles".
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.elementary import exp, log
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.losses.loss import (
    Batch,
    CompiledLoss,
    CompiledSettings,
    Loss,
    unchanged,
)
from howrobust.methods.core.networks.dense import Ints, backward, f32, forward
from howrobust.methods.core.networks.stacked import forward as forward_stack
from howrobust.methods.core.networks.stacked import pairs, uniform_layers, widths
from howrobust.methods.core.networks.workspace import CompiledNetwork, Workspace

LEAST_VARIANCE = 1e-6  # added to the variance head, standardised (footnote 2)


@compiled
def _gaussian_nll(outputs: Floats, y: Floats, share: Floats, rows: int, slopes: Floats) -> float:
    """Loss and its derivatives with respect to both outputs."""
    loss = 0.0
    for r in range(rows):
        t = outputs[r, 1]
        e = exp(-abs(t))
        softplus = max(t, f32(0)) + log(f32(1) + e)
        sigmoid = (f32(1) if t >= 0 else e) / (f32(1) + e)
        variance = softplus + f32(LEAST_VARIANCE)
        error = outputs[r, 0] - y[r]
        square = error * error / variance
        loss += share[r] * f32(0.5) * (log(variance) + square)
        slopes[r, 0] = share[r] * error / variance
        slopes[r, 1] = share[r] * f32(0.5) * (f32(1) - square) / variance * sigmoid
    return loss


@compiled
def _gradient(net: CompiledNetwork, space: Workspace, rows: int, stream: Ints) -> float:
    """Loss and gradient of a batch."""
    none = 0 * rows
    forward(net.flat, net.widths, space.activity, rows, space.outputs, space.words, none, stream)
    value = _gaussian_nll(space.outputs, space.target, space.share, rows, space.slopes)
    backward(
        net.flat, net.widths, space.activity, rows, space.slopes, 1.0, space.d_activity,
        space.turned, space.gradient,
    )  # fmt: skip
    return value


@compiled
def _error(net: CompiledNetwork, space: Workspace, rows: int) -> float:
    """Share-weighted sum of the negative log-likelihoods of the rows in ``space``."""
    return _gaussian_nll(space.outputs, space.target, space.share, rows, space.slopes)


class GaussianNLL(Loss):
    r"""Mean Gaussian negative log-likelihood, less its constant.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.

    Notes
    -----
    :math:`L = \sum_r s_r [\log v_r + (y_r - m_r)^2 / v_r] / 2` with
    :math:`v = \log(1 + e^t) + 10^{-6}` for the outputs m and t (eq. 1 and footnote 2), without the
    adversarial term. Its derivatives are :math:`s (m - y) / v` and
    :math:`s (1 - (y - m)^2 / v) \sigma(t) / (2 v)`. Weights and biases start as those of
    `SquaredError` do.
    """

    compiled = CompiledLoss(_gradient, _error, unchanged)

    def start(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return uniform_layers(widths(features, self.hidden, 2), generator)

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        return []

    def value(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        outputs = forward_stack(pairs(parameters), batch.X)
        variance = softplus(outputs[..., 1]) + LEAST_VARIANCE
        terms = 0.5 * variance.log() + 0.5 * (batch.y - outputs[..., 0]) ** 2 / variance
        return (terms * batch.share).sum(dim=1)

    def validation(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        return self.value(parameters, batch)

    def compiled_settings(self, features: int, n: int) -> CompiledSettings:
        return CompiledSettings(outputs=2)
