"""Adam, compiled (Kingma & Ba 2015, "Adam: a method for stochastic optimization")."""

import numpy as np

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.arithmetic.products import Floats

f32 = np.float32

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # section 2


@compiled
def adam(
    flat: Floats,
    gradient: Floats,
    first: Floats,
    second: Floats,
    decay: Floats,
    rate: float,
    step: int,
) -> None:
    """One step of Adam on gradient + decay * weight (Kingma & Ba 2015, algorithm 1).

    Parameters
    ----------
    flat : ndarray of float32, shape (k,)
        Parameters, updated in place.
    gradient : ndarray of float32, shape (k,)
        Gradient of the loss.
    first : ndarray of float32, shape (k,)
        First moments, updated in place.
    second : ndarray of float32, shape (k,)
        Second moments, updated in place.
    decay : ndarray of float32, shape (k,)
        Weight decay of each parameter.
    rate : float
        Step size.
    step : int
        Number of the step, from 1.
    """
    size = f32(rate / (1.0 - BETA1**step))
    root = f32(1.0 / np.sqrt(1.0 - BETA2**step))
    b1, b2, c1, c2 = f32(BETA1), f32(BETA2), f32(1 - BETA1), f32(1 - BETA2)
    for i in range(len(flat)):
        g = gradient[i] + decay[i] * flat[i]
        m = b1 * first[i] + c1 * g
        v = b2 * second[i] + c2 * g * g
        first[i] = m
        second[i] = v
        flat[i] -= size * m / (np.sqrt(v) * root + f32(EPSILON))
