"""Normal weights under a normal prior: what the variational losses share."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.elementary import exp
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.losses.loss import Batch, Loss
from howrobust.methods.core.networks.dense import f32
from howrobust.methods.core.networks.stacked import forward, pairs, widths


@compiled
def add_divergence(
    means: Floats,
    logs: Floats,
    log_priors: Floats,
    real: Floats,
    scale: float,
    d_means: Floats,
    d_logs: Floats,
) -> float:
    """Add the gradient of a scaled divergence from the prior, and return its value.

    Parameters
    ----------
    means, logs : ndarray of float32, shape (P,)
        Means and log sds of the weights.
    log_priors : ndarray of float32, shape (P,)
        Log sd of the prior of each weight.
    real : ndarray of float32, shape (P,)
        1 where a number is a weight or bias, 0 where it is padding.
    scale : float
        Factor of the divergence.
    d_means, d_logs : ndarray of float32, shape (P,)
        Gradients, to which those of the divergence are added.

    Returns
    -------
    float
        scale KL(posterior || prior), in nats.
    """
    total = f32(0)
    factor = f32(scale)
    for i in range(len(means)):
        precision = exp(f32(-2) * log_priors[i])
        square = exp(f32(2) * (logs[i] - log_priors[i]))
        mean = means[i]
        total += real[i] * (
            log_priors[i] - logs[i] + f32(0.5) * (square + mean * mean * precision) - f32(0.5)
        )
        d_means[i] += factor * real[i] * mean * precision
        d_logs[i] += factor * real[i] * (square - f32(1))
    return float(scale * total)


class VariationalLoss(Loss):
    r"""A loss with the divergence of normal weights from a normal prior of mean 0.

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
    Parameters are [means, log sds], each [weight, bias, ...]. For :math:`N(m_0, s_0^2)` against
    :math:`N(0, s_1^2)` the divergence is
    :math:`\log(s_1 / s_0) + (s_0^2 + m_0^2) / (2 s_1^2) - 1/2`; its derivatives are
    :math:`m_0 / s_1^2` and, with respect to :math:`\log s_0`, :math:`s_0^2 / s_1^2 - 1`.
    A compiled vector is [means (P,), log sds (P,), any others], P as in `Layout`.
    """

    def __init__(
        self, hidden: Sequence[int], prior_sd: float | None = None, prior_scale: float = 1.0
    ) -> None:
        super().__init__(hidden)
        self.prior_sd = prior_sd
        self.prior_scale = prior_scale

    def prior_sds(self, features: int) -> list[float]:
        """Return the prior sd of each weight matrix and bias.

        Parameters
        ----------
        features : int
            Inputs of the network.

        Returns
        -------
        list of float
            One number per weight matrix and bias, in the order of the parameters.
        """
        shape = widths(features, self.hidden, 1)
        if self.prior_sd is not None:
            return [self.prior_scale * self.prior_sd] * (2 * len(shape))
        each = [sd for fan_in, _ in shape for sd in (1 / math.sqrt(fan_in), 1.0)]
        return [self.prior_scale * sd for sd in each]

    def split(self, parameters: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Split parameters into means and log sds.

        Parameters
        ----------
        parameters : list of Tensor, each of shape (b, ...)
            Parameters in the order of `start`.

        Returns
        -------
        tuple of list of Tensor
            Means and log sds, each [weight, bias, ...].
        """
        count = 2 * self.n_layers
        return parameters[:count], parameters[count : 2 * count]

    def kl_sum(self, parameters: list[Tensor]) -> Tensor:
        """Compute the divergence of each network from the prior, summed over weights.

        Parameters
        ----------
        parameters : list of Tensor, shape (b, ...)
            Parameters of b networks.

        Returns
        -------
        Tensor, shape (b,)
            KL(posterior || prior), in nats.
        """
        means, log_sds = self.split(parameters)
        priors = self.prior_sds(means[0].shape[-2])
        total = torch.zeros(len(means[0]), device=means[0].device)
        for mean, log_sd, prior in zip(means, log_sds, priors, strict=True):
            square = ((2 * log_sd).exp() + mean**2) / (2 * prior**2)
            total = total + (math.log(prior) - log_sd + square - 0.5).sum(dim=(1, 2))
        return total

    def squares(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        """Compute the mean squared error of the networks at the means of their weights.

        Parameters
        ----------
        parameters : list of Tensor, shape (b, ...)
            Parameters of b networks.
        batch : Batch
            Rows.

        Returns
        -------
        Tensor, shape (b,)
            Mean squared error of each network, standardised.
        """
        outputs = forward(pairs(self.split(parameters)[0]), batch.X)
        return ((batch.y - outputs[..., 0]) ** 2 * batch.share).sum(dim=1)
