"""Stacks of multilayer perceptrons: b networks of one shape, evaluated together.

A layer is (weight (b, in, out), bias (b, 1, out)); a network is a list of layers with ReLU between.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.functional import pad

Layer = tuple[Tensor, Tensor]

# A matrix whose sides are multiples of 16 float32 starts on a 64-byte boundary in every network of
# a stack, so the product takes the same instructions wherever the network stands: law 2, bit for
# bit. Unpadded, 13-50-1 differed between positions in its last bits.
BLOCK = 16


def padded(size: int) -> int:
    """Return the next multiple of `BLOCK`.

    Parameters
    ----------
    size : int
        Numbers to hold.

    Returns
    -------
    int
        Least multiple of 16 that is at least ``size``.
    """
    return -(-size // BLOCK) * BLOCK


def linear(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """inputs (b, B, in) @ weight (b, in, out) + bias (b, 1, out), in blocks of 16; B is a multiple.

    A network's result does not depend on its place in the stack, on a CPU bit for bit.

    Parameters
    ----------
    inputs : Tensor, shape (b, B, in)
        Inputs; B is a multiple of 16.
    weight : Tensor, shape (b, in, out)
        Weights.
    bias : Tensor, shape (b, 1, out)
        Biases.

    Returns
    -------
    Tensor, shape (b, B, out)
        Products.
    """
    fan_in, fan_out = weight.shape[-2:]
    rows, columns = padded(fan_in) - fan_in, padded(fan_out) - fan_out
    product = torch.baddbmm(
        pad(bias, (0, columns)), pad(inputs, (0, rows)), pad(weight, (0, columns, 0, rows))
    )
    return product[..., :fan_out]


def forward(layers: Sequence[Layer], inputs: Tensor) -> Tensor:
    """Outputs (b, B, out) of b networks for inputs (b, B, d); B is a multiple of 16.

    Parameters
    ----------
    layers : sequence of Layer
        Layers (b, in, out), (b, 1, out).
    inputs : Tensor, shape (b, B, d)
        Inputs; B is a multiple of 16.

    Returns
    -------
    Tensor, shape (b, B, out)
        Outputs.
    """
    *hidden, last = layers
    for weight, bias in hidden:
        inputs = torch.relu(linear(inputs, weight, bias))
    return linear(inputs, *last)


def widths(features: int, hidden: Sequence[int], outputs: int) -> list[tuple[int, int]]:
    """(in, out) of every layer.

    Parameters
    ----------
    features : int
        Inputs of the networks.
    hidden : sequence of int
        Units of each hidden layer.
    outputs : int
        Outputs of the network.

    Returns
    -------
    list of (int, int)
        (in, out) of every layer.
    """
    sizes = [features, *hidden, outputs]
    return list(pairwise(sizes))


def uniform_layers(shape: Sequence[tuple[int, int]], generator: torch.Generator) -> list[Tensor]:
    """One network's [weight (in, out), bias (1, out), ...], all ~ U(+-1/sqrt(fan_in)).

    The start of `torch.nn.Linear` and of torchbnn's means, drawn in their order and layout.

    Parameters
    ----------
    shape : sequence of (int, int)
        (in, out) of every layer.
    generator : torch.Generator
        Source of the random numbers.

    Returns
    -------
    list of Tensor
        [weight (in, out), bias (1, out), ...].
    """
    parameters = []
    for fan_in, fan_out in shape:
        bound = 1 / math.sqrt(fan_in)
        weight = torch.empty(fan_out, fan_in).uniform_(-bound, bound, generator=generator)
        parameters += [
            weight.T.contiguous(),
            torch.empty(1, fan_out).uniform_(-bound, bound, generator=generator),
        ]
    return parameters


def glorot_layers(shape: Sequence[tuple[int, int]], generator: torch.Generator) -> list[Tensor]:
    """One network's layers with weights ~ U(+-sqrt(6 / (in + out))) and biases 0.

    Glorot & Bengio 2010, eq. 16.

    Parameters
    ----------
    shape : sequence of (int, int)
        (in, out) of every layer.
    generator : torch.Generator
        Source of the random numbers.

    Returns
    -------
    list of Tensor
        [weight (in, out), bias (1, out), ...].
    """
    parameters = []
    for fan_in, fan_out in shape:
        bound = math.sqrt(6 / (fan_in + fan_out))
        weight = torch.empty(fan_in, fan_out).uniform_(-bound, bound, generator=generator)
        parameters += [weight, torch.zeros(1, fan_out)]
    return parameters


def pairs(parameters: Sequence[Tensor]) -> list[Layer]:
    """Group parameters into layers.

    Parameters
    ----------
    parameters : sequence of Tensor, shapes (b, in, out) and (b, 1, out) in turn
        [weight, bias, weight, bias, ...].

    Returns
    -------
    list of Layer
        (weight, bias) of every layer.
    """
    return list(zip(parameters[::2], parameters[1::2], strict=True))
