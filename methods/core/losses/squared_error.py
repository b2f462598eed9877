"""Mean squared error of a deterministic network."""

import torch
from torch import Tensor

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.losses.loss import Batch, CompiledLoss, Loss, unchanged
from howrobust.methods.core.networks.dense import Ints, backward, f32, forward
from howrobust.methods.core.networks.stacked import forward as forward_stack
from howrobust.methods.core.networks.stacked import pairs, uniform_layers, widths
from howrobust.methods.core.networks.workspace import CompiledNetwork, Workspace


@compiled
def squared_error(outputs: Floats, y: Floats, share: Floats, rows: int, slopes: Floats) -> float:
    """Compute the share-weighted sum of squared errors and its derivatives.

    Parameters
    ----------
    outputs : ndarray of float32, shape (rows, o)
        Outputs of the network; the first is the mean.
    y, share : ndarray of float32, shape (rows,)
        Targets and weights of the rows.
    rows : int
        Rows of the batch.
    slopes : ndarray of float32, shape (rows, o)
        Overwritten with the derivatives with respect to the first output.

    Returns
    -------
    float
        sum_r share_r (y_r - m_r)^2.
    """
    loss = 0.0
    for r in range(rows):
        error = outputs[r, 0] - y[r]
        loss += share[r] * error * error
        slopes[r, 0] = f32(2) * share[r] * error
    return loss


@compiled
def squared_error_of_rows(net: CompiledNetwork, space: Workspace, rows: int) -> float:
    """Compute the share-weighted sum of squared errors of the rows in ``space``.

    Parameters
    ----------
    net : CompiledNetwork
        Not used.
    space : Workspace
        Outputs, targets and shares; its slopes are overwritten.
    rows : int
        Rows of the batch.

    Returns
    -------
    float
        sum_r share_r (y_r - m_r)^2.
    """
    return squared_error(space.outputs, space.target, space.share, rows, space.slopes)


@compiled
def _gradient(net: CompiledNetwork, space: Workspace, rows: int, stream: Ints) -> float:
    """Loss and gradient of a batch."""
    none = 0 * rows
    forward(net.flat, net.widths, space.activity, rows, space.outputs, space.words, none, stream)
    value = squared_error(space.outputs, space.target, space.share, rows, space.slopes)
    backward(
        net.flat, net.widths, space.activity, rows, space.slopes, 1.0, space.d_activity,
        space.turned, space.gradient,
    )  # fmt: skip
    return value


class SquaredError(Loss):
    r"""Mean squared error of a deterministic network.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.

    Notes
    -----
    :math:`L = \sum_r s_r (y_r - m(x_r))^2`, with shares :math:`s_r = 1/B` in a batch of B rows;
    :math:`\partial L / \partial m_r = 2 s_r (m_r - y_r)`. Weights and biases start at
    U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as those of `torch.nn.Linear` do.
    """

    compiled = CompiledLoss(_gradient, squared_error_of_rows, unchanged)

    def start(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return uniform_layers(widths(features, self.hidden, 1), generator)

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        return []

    def value(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        outputs = forward_stack(pairs(parameters), batch.X)
        return ((batch.y - outputs[..., 0]) ** 2 * batch.share).sum(dim=1)

    def validation(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        return self.value(parameters, batch)
