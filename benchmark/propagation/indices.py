"""Sobol' indices: the share of the variance of an output that each noisy input brings.

With independent noise, V[y] = sum V_i + sum V_ij + ...; the first-order index is V_i / V[y], and
the total index that of all terms with input i (Saltelli et al. 2010).
"""

from dataclasses import dataclass

import numpy as np

from howrobust.distributions.arrays import Array
from howrobust.propagation.moments import Split
from howrobust.propagation.noise import Noise


@dataclass(frozen=True)
class Shares:
    """Sobol' indices of k inputs with their standard errors.

    Parameters
    ----------
    first, first_se : array of shape (k,)
        First-order indices.
    total, total_se : array of shape (k,)
        Total indices.
    """

    first: Array
    first_se: Array
    total: Array
    total_se: Array


def shares(parts: Split, noise: Noise, A: Array, B: Array, y_B: Array, y_AB: Array) -> Shares:
    """Return the Sobol' indices of an output.

    Parameters
    ----------
    parts : Split
        The output at the draws A, its variance greater than 0.
    noise : Noise
        The noise, independent between inputs.
    A, B : array of shape (n, k)
        Two independent sets of its draws.
    y_B : array of shape (n,)
        Outputs at B.
    y_AB : array of shape (k, n)
        Outputs at A with input i from B, for each i.

    Returns
    -------
    Shares
        The indices; of a linear function they are exact.

    Notes
    -----
    With the output split into a linear part of slopes w and the rest r, which is uncorrelated with
    every input, V_i = w_i^2 s_i^2 + V_i(r), and the same of totals. V_i(r) is estimated by
    mean(r_B (r_AB - r_A)) and the total by mean((r_A - r_AB)^2) / 2 (Saltelli et al. 2010, table 2,
    (b) and (f)). Standard errors are those of the means of first-order influence functions.
    """
    n = len(A)
    slopes, mean = parts.slopes, noise.mean
    r_A = parts.rest
    r_B = y_B - parts.intercept - (B - mean) @ slopes
    variances = np.empty((2, A.shape[1]))
    errors = np.empty((2, A.shape[1]))
    of_slopes = (slopes * noise.sd) ** 2
    for i, y in enumerate(y_AB):
        change = slopes[i] * (B[:, i] - A[:, i])
        r_AB = y - parts.intercept - parts.linear - change
        # What a draw says of the slope: the same term for both indices.
        slope = 2 * slopes[i] * (A[:, i] - mean[i]) * r_A
        for which, terms in enumerate((r_B * (r_AB - r_A), 0.5 * (r_A - r_AB) ** 2)):
            variances[which, i] = of_slopes[i] + terms.mean()
            share = variances[which, i] / parts.variance
            influence = slope + terms - terms.mean() - share * parts.influence
            errors[which, i] = influence.std() / (parts.variance * np.sqrt(n))
    first, total = variances / parts.variance
    return Shares(first, errors[0], total, errors[1])
