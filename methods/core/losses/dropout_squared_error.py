"""Mean squared error under dropout.

Gal & Ghahramani 2016, "Dropout as a Bayesian approximation".
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.losses.loss import (
    Batch,
    CompiledLoss,
    CompiledSettings,
    Loss,
    unchanged,
)
from howrobust.methods.core.losses.squared_error import squared_error, squared_error_of_rows
from howrobust.methods.core.networks.dense import NOISE, Ints, backward, forward
from howrobust.methods.core.networks.stacked import forward as forward_stack
from howrobust.methods.core.networks.stacked import glorot_layers, linear, padded, pairs, widths
from howrobust.methods.core.networks.workspace import CompiledNetwork, Workspace
from howrobust.methods.core.random_numbers.philox import stream_of
from howrobust.methods.core.random_numbers.streams import threshold, uniform_words


@compiled
def _gradient(net: CompiledNetwork, space: Workspace, rows: int, stream: Ints) -> float:
    """Loss and gradient of a batch; the constant is the dropout rate times 2^32."""
    least, outputs, slopes = int(net.constants[0]), space.outputs, space.slopes
    forward(net.flat, net.widths, space.activity, rows, outputs, space.words, least, stream)
    value = squared_error(outputs, space.target, space.share, rows, slopes)
    kept = 1.0 / (1.0 - least / 4294967296.0)
    backward(
        net.flat, net.widths, space.activity, rows, slopes, kept, space.d_activity, space.turned,
        space.gradient,
    )  # fmt: skip
    return value


class DropoutSquaredError(Loss):
    r"""Mean squared error under a new mask per row, unit and step.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.
    dropout : float, default 0.05
        Probability p that an input of a layer is set to 0; others are scaled by 1 / (1 - p).

    Notes
    -----
    :math:`L = \sum_r s_r (y_r - m(x_r; z_r))^2` with masks :math:`z_r` before every weight layer,
    the first included: the data term of the paper's eq. 1. Its penalty is the weight decay of
    training. Validation rows see no mask. Weights start at U(+-sqrt(6 / (in + out))), biases at 0
    (Glorot & Bengio 2010, eq. 16).
    """

    compiled = CompiledLoss(_gradient, squared_error_of_rows, unchanged)

    def __init__(self, hidden: Sequence[int], dropout: float = 0.05) -> None:
        super().__init__(hidden)
        self.dropout = dropout

    def start(self, features: int, generator: torch.Generator) -> list[Tensor]:
        return glorot_layers(widths(features, self.hidden, 1), generator)

    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        sizes = (features, *self.hidden)
        return [_mask(rows, m, self.dropout, (seed, step, NOISE + k)) for k, m in enumerate(sizes)]

    def value(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        activity = batch.X
        for k, ((weight, bias), mask) in enumerate(
            zip(pairs(parameters), batch.noise, strict=True)
        ):
            activity = linear((torch.relu(activity) if k else activity) * mask, weight, bias)
        return ((batch.y - activity[..., 0]) ** 2 * batch.share).sum(dim=1)

    def validation(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        outputs = forward_stack(pairs(parameters), batch.X)
        return ((batch.y - outputs[..., 0]) ** 2 * batch.share).sum(dim=1)

    def compiled_settings(self, features: int, n: int) -> CompiledSettings:
        return CompiledSettings(constants=(float(threshold(self.dropout)),))


def _mask(rows: int, units: int, dropout: float, stream: tuple[int, int, int]) -> Tensor:
    """Mask (rows, units) of a named stream: 0, or 1 / (1 - dropout) where a unit is kept."""
    across = padded(units)
    words = uniform_words(stream_of(*stream), rows * across).reshape(rows, across)[:, :units]
    kept = torch.from_numpy(words >= threshold(dropout))
    return kept / (1 - dropout)
