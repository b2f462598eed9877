"""Sums of normal distribution functions and densities at equally spaced nodes, compiled.

Phi is 0 or 1 to 1e-16 at nodes further than 8.3 sds from a component's mean: they are counted, not
evaluated. Within, Phi and phi come from a table by a Taylor series.
"""

import numpy as np
from scipy.special import ndtr

from howrobust.compiled import available, compiled
from howrobust.distributions.arrays import Array

_REACH = 8.3  # Phi(-8.3) = 5e-17
_PER_UNIT = 64
_CENTRES = np.arange(-round(_REACH * _PER_UNIT) - 1, round(_REACH * _PER_UNIT) + 2) / _PER_UNIT
_TABLE = np.stack([_CENTRES, ndtr(_CENTRES), np.exp(-0.5 * _CENTRES**2) / np.sqrt(2 * np.pi)])


def add_normals(first: Array, width: Array, means: Array, sds: Array, sums: Array) -> None:
    """Add the functions Phi and phi / v of components to running sums.

    Parameters
    ----------
    first : array of shape (n,)
        Leftmost node of each point, in target units.
    width : array of shape (n,)
        Distance of neighbouring nodes: node k is first + k width, k < G.
    means : array of shape (s, n)
        Component means m, in target units.
    sds : array of shape (s, n)
        Component sds v, in target units.
    sums : array of shape (2, G, n)
        Sums over components of Phi((t - m) / v) and of phi((t - m) / v) / v at the nodes t;
        changed in place.
    """
    if not available():
        for k in range(sums.shape[1]):
            z = (first + k * width - means) / sds
            sums[0, k] += ndtr(z).sum(axis=0)
            sums[1, k] += (np.exp(-0.5 * z**2) / sds).sum(axis=0) / np.sqrt(2 * np.pi)
        return
    added = np.zeros((len(first), 2, sums.shape[1]))
    m, v = (np.ascontiguousarray(part.T) for part in (means, sds))
    _add(first, width, m, v, _TABLE, added)
    sums += added.transpose(1, 2, 0)


@compiled
def _add(first: Array, width: Array, means: Array, sds: Array, table: Array, added: Array) -> None:
    """Sum as `add_normals` does for components (n, s), into ``added`` (n, 2, G).

    About the centre c nearest to z, t = z - c is at most 1/128 and
    Phi(z) = Phi(c) + phi(c) (t - He1 t^2/2 + He2 t^3/6 - He3 t^4/24 + He4 t^5/120) + 1e-14 and
    phi(z) is its derivative to 1e-12, with Hermite's polynomials He at c.
    """
    n, nodes = len(first), added.shape[2]
    whole = np.zeros(nodes + 1)
    last = table.shape[1] - 1
    for i in range(n):
        whole[:] = 0
        cumulative, density = added[i, 0], added[i, 1]
        for s in range(means.shape[1]):
            inverse = 1 / sds[i, s]
            start, step = (first[i] - means[i, s]) * inverse, width[i] * inverse
            low = min(max(np.ceil((-_REACH - start) / step), 0), nodes)
            high = min(max(np.floor((_REACH - start) / step) + 1, 0), nodes)
            whole[int(high)] += 1
            for k in range(int(low), int(high)):
                z = start + k * step
                c = min(max(int((z - table[0, 0]) * _PER_UNIT + 0.5), 0), last)
                centre, density_at_centre = table[0, c], table[2, c]
                t = z - centre
                he2 = centre * centre - 1
                he3 = centre * (he2 - 2)
                he4 = centre * he3 - 3 * he2
                series = 1 - t / 2 * (centre - t / 3 * (he2 - t / 4 * (he3 - t / 5 * he4)))
                slope = 1 - t * (centre - t / 2 * (he2 - t / 3 * (he3 - t / 4 * he4)))
                cumulative[k] += table[1, c] + density_at_centre * t * series
                density[k] += density_at_centre * slope * inverse
        above = 0.0
        for k in range(nodes):
            above += whole[k]
            cumulative[k] += above
