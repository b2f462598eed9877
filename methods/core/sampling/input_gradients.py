"""How the losses of a network posterior change with its inputs, by backpropagation in float64."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from howrobust.distributions.arrays import Array
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.networks.stacked import Layer
from howrobust.methods.core.problems.scaling import Scaling

Component = Callable[[Floats, Floats], tuple[Array, Array]]

STEP = 2.0**-17  # about the cube root of float64's rounding, where a central difference errs least


def input_gradients(
    layers: Sequence[Layer],
    spread: Floats,
    scaling: Scaling,
    component: Component,
    X: Array,
    y: Array,
) -> tuple[Array, Array]:
    """Gradients (n, d) of (y - mu)^2 and of -log p(y | x) with respect to X (n, d), target units.

    mu and p are those of the mixture of ``layers`` (S, in, out), (S, 1, out), with ``spread`` as
    `Weights.spread` has it. Rows are independent: one pass back from the sum gives all of them.

    Parameters
    ----------
    layers : sequence of Layer
        Layers (S, in, out), (S, 1, out) of the draws.
    spread : ndarray, shape (m + 1,) or (0,)
        See `Weights.spread`.
    scaling : Scaling
        Units in which the networks were trained.
    component : callable
        See `NetworkPosterior.component`.
    X : ndarray, shape (n, d)
        Inputs.
    y : ndarray, shape (n,)
        Target.

    Returns
    -------
    tuple of ndarray, shape (n, d)
        Gradients of the squared error and of the negative log density.
    """
    points = torch.tensor(X, requires_grad=True)
    inputs = (points - scaling.x_mean) / scaling.x_sd
    hidden = inputs.expand(len(layers[0][0]), *X.shape)
    for weight, bias in layers[:-1]:
        hidden = torch.relu(torch.baddbmm(bias, hidden, weight))
    weight, bias = layers[-1]
    outputs = torch.baddbmm(bias, hidden, weight)  # (S, n, o)
    variance = hidden.new_empty(len(hidden), 0)
    if len(spread):
        last = torch.tensor(spread, dtype=torch.float64)
        variance = hidden**2 @ last[:-1] + last[-1]
    sds = _sds(component, outputs.transpose(1, 2), variance)
    errors = (torch.tensor(y) - scaling.y_mean) / scaling.y_sd - outputs[..., 0]
    square = (scaling.y_sd * errors.mean(dim=0)) ** 2
    nll = -torch.logsumexp(-0.5 * (errors / sds) ** 2 - sds.log(), dim=0)
    (of_square,) = torch.autograd.grad(square.sum(), points, retain_graph=True)
    (of_nll,) = torch.autograd.grad(nll.sum(), points)
    return of_square.numpy(), of_nll.numpy()


def _sds(component: Component, outputs: Tensor, variance: Tensor) -> Tensor:
    """Sds (S, n) | scalar of `NetworkPosterior.component`, with their slopes.

    Where variance is a summand of sd^2, the slope is 1 / (2 sd). Slopes in outputs (S, o, n) after
    the first are central differences, of a relative error near 1e-10: `component` is NumPy, and an
    output is not written a second time for torch.
    """
    held, spare = outputs.detach().numpy(), variance.detach().numpy()
    value = torch.as_tensor(component(held, spare)[1])
    sds = value
    if variance.numel():
        sds = sds + (variance - variance.detach()) / (2 * value)
    for k in range(1, held.shape[1]):
        step = np.zeros((1, held.shape[1], 1))
        step[0, k] = STEP
        above, below = (component(held + sign * step, spare)[1] for sign in (1, -1))
        slope = torch.as_tensor((above - below) / (2 * STEP))
        sds = sds + slope * (outputs[:, k] - outputs[:, k].detach())
    return sds
