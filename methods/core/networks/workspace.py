"""What compiled training holds in memory: one network, and the buffers of one step."""

from typing import NamedTuple

import numpy as np

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.networks.dense import Ints
from howrobust.methods.core.random_numbers.philox import Words


class CompiledNetwork(NamedTuple):
    """One network in training, its loss and what belongs to each number of its vector.

    Parameters
    ----------
    loss : int
        Position of the loss among those that are registered.
    widths : ndarray of int64, shape (layers + 1,)
        See `Layout.widths`.
    flat : ndarray of float32, shape (k,)
        Parameters: blocks of P numbers, then what a loss adds to the weights.
    decay : ndarray of float32, shape (k,)
        Added to the gradient as ``decay * flat``.
    real : ndarray of float32, shape (P,)
        1 where a number is a weight or bias, 0 where it is padding.
    log_priors : ndarray of float32, shape (P,)
        Log sd of the normal prior of each weight; 0 where the loss has none.
    constants : ndarray of float64, shape (c,)
        Numbers that the compiled form of the loss needs, in an order of its own.
    """

    loss: int
    widths: Ints
    flat: Floats
    decay: Floats
    real: Floats
    log_priors: Floats
    constants: Floats


class Workspace(NamedTuple):
    """Buffers of one training step on a batch of at most ``rows`` rows.

    Parameters
    ----------
    activity, ratio : ndarray of float32, shape (layers, rows, width)
        Inputs of each layer, and their counterparts in a pass for variances.
    d_activity : ndarray of float32, shape (3, rows, width)
        Gradients with respect to activities.
    buffer : ndarray of float32, shape (rows, width)
        Intermediate result of a product.
    turned : ndarray of float32, shape (width (width + 1),)
        A transposed matrix of weights.
    noise : ndarray of float32, shape (m,)
        Standard normals of one step, m at least as many as it needs.
    words : ndarray of uint32, shape (m,)
        Random words of one step.
    outputs, slopes : ndarray of float32, shape (rows, 2)
        Outputs of the network, and the derivatives of the loss with respect to them.
    target, share : ndarray of float32, shape (rows,)
        Standardised targets, and each row's weight in the mean; 0 for padding.
    drawn, squares : ndarray of float32, shape (P,)
        Weights of one draw or a gradient, and variances of the weights.
    gradient : ndarray of float32, shape (k,)
        Gradient of the loss with respect to ``flat``.
    """

    activity: Floats
    ratio: Floats
    d_activity: Floats
    buffer: Floats
    turned: Floats
    noise: Floats
    words: Words
    outputs: Floats
    slopes: Floats
    target: Floats
    share: Floats
    drawn: Floats
    squares: Floats
    gradient: Floats


@compiled
def workspace_of(net: CompiledNetwork, d: int, rows: int, n: int) -> Workspace:
    """Allocate the buffers of a step.

    Parameters
    ----------
    net : CompiledNetwork
        The network to train.
    d : int
        Features.
    rows : int
        Most rows of a batch, a multiple of 4.
    n : int
        Training rows.

    Returns
    -------
    Workspace
        Buffers, all 0.
    """
    last, P = len(net.widths) - 2, len(net.real)
    wide = (d + 15) // 16 * 16
    for k in range(1, last + 1):
        wide = max(wide, net.widths[k])
    most = (max(rows * wide, n) + 63) // 64 * 64
    return Workspace(
        np.zeros((last + 1, rows, wide), np.float32),
        np.zeros((last + 1, rows, wide), np.float32),
        np.zeros((3, rows, wide), np.float32),
        np.zeros((rows, wide), np.float32),
        np.zeros(wide * (wide + 1), np.float32),
        np.zeros(max(most, P), np.float32),
        np.zeros(most, np.uint32),
        np.zeros((rows, 2), np.float32),
        np.zeros((rows, 2), np.float32),
        np.zeros(rows, np.float32),
        np.zeros(rows, np.float32),
        np.zeros(P, np.float32),
        np.zeros(P, np.float32),
        np.zeros_like(net.flat),
    )
