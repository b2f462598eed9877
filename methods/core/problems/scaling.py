"""Units in which a network is trained: inputs and target standardised by its own rows."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from howrobust.distributions.arrays import Array


def scaling_of(X: Array, y: Array, standardise: bool) -> list[Array]:
    """Means and sds (d,) of a network's own rows, and those of its target: law 6.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Inputs.
    y : ndarray, shape (n,)
        Target.
    standardise : bool
        Whether to standardise; if not, means are 0 and sds 1.

    Returns
    -------
    list of ndarray
        Mean (d,) and sd (d,) of the inputs, mean () and sd () of the target.
    """
    if not standardise:
        d = X.shape[1]
        return [np.zeros(d), np.ones(d), np.array(0.0), np.array(1.0)]
    x_mean, x_sd, y_mean, y_sd = X.mean(0), X.std(0), np.array(y.mean()), np.array(y.std())
    # A constant column's sd is rounding, not 0, when its value has no short binary form.
    x_sd[x_sd <= 1e-12 * np.abs(x_mean)] = 1.0
    if y_sd <= 1e-12 * np.abs(y_mean):
        y_sd = np.array(1.0)
    return [x_mean, x_sd, y_mean, y_sd]


@dataclass(frozen=True)
class Scaling:
    """x -> (x - x_mean) / x_sd and back for y; (b, d) and (b,), float64; an sd of 0 becomes 1.

    Parameters
    ----------
    x_mean : Tensor of float64, shape (b, d)
        Means of the inputs.
    x_sd : Tensor of float64, shape (b, d)
        Sds of the inputs.
    y_mean : Tensor of float64, shape (b,)
        Means of the target.
    y_sd : Tensor of float64, shape (b,)
        Sds of the target.
    """

    x_mean: Tensor
    x_sd: Tensor
    y_mean: Tensor
    y_sd: Tensor

    def take(self, k: int | slice | list[int]) -> "Scaling":
        """Return the scaling of some networks.

        Parameters
        ----------
        k : int, slice or list of int
            Positions.

        Returns
        -------
        Scaling
            The scalings at these positions.
        """
        return Scaling(self.x_mean[k], self.x_sd[k], self.y_mean[k], self.y_sd[k])
