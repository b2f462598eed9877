"""Exact moments of a mean-field network with one hidden layer of rectified units."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from howrobust.distributions.arrays import Array
from howrobust.methods.core.networks.stacked import Layer


def exact_moments(means: Sequence[Layer], sds: Sequence[Layer], X: Array) -> tuple[Array, Array]:
    """Mean (n,) and variance (n,) of the output at X (n, d), over independent normal weights.

    ``means`` and ``sds`` are two layers (in, out), (1, out). Given x the pre-activations are
    independent normals N(m, s^2), with m = x W + b and s^2 = x^2 S^2 + t^2; a rectified one has
    E h = m Phi(z) + s phi(z) and E h^2 = (m^2 + s^2) Phi(z) + m s phi(z), z = m / s (Frey & Hinton
    1999, "Variational learning in nonlinear Gaussian belief networks", section 3.2); the output's
    moments are sums over units. Raises ValueError for another number of layers.

    Parameters
    ----------
    means : sequence of Layer
        Two layers (in, out), (1, out).
    sds : sequence of Layer
        Two layers (in, out), (1, out).
    X : ndarray, shape (n, d)
        Inputs.

    Returns
    -------
    tuple of ndarray, shape (n,)
        Mean and variance of the output.

    Raises
    ------
    ValueError
        Where there is not exactly one hidden layer.

    Examples
    --------
    >>> import torch
    >>> one, none = torch.ones(1, 1).double(), torch.zeros(1, 1).double()
    >>> mean, variance = exact_moments(
    ...     [(none, none), (one, none)], [(none, one), (none, none)], np.zeros((1, 1))
    ... )
    >>> np.round(mean, 4), np.round(variance + mean**2, 4)
    (array([0.3989]), array([0.5]))
    """
    if len(means) != 2:
        raise ValueError(f"exact moments need one hidden layer, not {len(means) - 1}")
    (W, b), (w, c) = ((p.double().numpy() for p in layer) for layer in means)
    (S, t), (v, u) = ((p.double().numpy() for p in layer) for layer in sds)
    m = X @ W + b
    s = np.sqrt(X**2 @ S**2 + t**2)
    z = np.divide(m, s, out=np.where(m > 0, np.inf, -np.inf), where=s > 0)
    below, density = ndtr(z), np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    first = m * below + s * density
    second = (m**2 + s**2) * below + m * s * density
    mean = first @ w + c
    variance = second @ (w**2 + v**2) - first**2 @ w**2 + u**2
    return mean[:, 0], variance[:, 0]
