"""Normal distributions summed at equally spaced nodes, compiled: what a streamed quantile costs.

A component is 0 or 1, to 1e-16, at all but the nodes within 8.3 of its sds; those are counted, not
evaluated. Within, Phi and phi come from a table by a Taylor series.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from howrobust.compiled import available, compiled

Array = NDArray[np.float64]

REACH = 8.3  # Phi(-8.3) = 5e-17
PER_UNIT = 64
CENTRES = np.arange(-round(REACH * PER_UNIT) - 1, round(REACH * PER_UNIT) + 2) / PER_UNIT
TABLE = np.stack([CENTRES, ndtr(CENTRES), np.exp(-0.5 * CENTRES**2) / np.sqrt(2 * np.pi)])


def add_normals(first: Array, width: Array, means: Array, sds: Array, sums: Array) -> None:
    """Add sum_s Phi and sum_s phi / v of components (s, n) to ``sums`` (2, G, n).

    Nodes are first + k width, k < G, for first and width (n,).
    """
    if not available():
        for k in range(sums.shape[1]):
            z = (first + k * width - means) / sds
            sums[0, k] += ndtr(z).sum(axis=0)
            sums[1, k] += (np.exp(-0.5 * z**2) / sds).sum(axis=0) / np.sqrt(2 * np.pi)
        return
    found = np.zeros((len(first), 2, sums.shape[1]))
    m, v = (np.ascontiguousarray(part.T) for part in (means, sds))
    _add(first, width, m, v, TABLE, found)
    sums += found.transpose(1, 2, 0)


@compiled
def _add(first: Array, width: Array, means: Array, sds: Array, table: Array, found: Array) -> None:
    """`add_normals` for components (n, s) into ``found`` (n, 2, G).

    About the centre c nearest to z, t = z - c is at most 1/128 and
    Phi(z) = Phi(c) + phi(c) (t - He1 t^2/2 + He2 t^3/6 - He3 t^4/24 + He4 t^5/120) + 1e-14 and
    phi(z) is its derivative to 1e-12, with Hermite's polynomials He at c.
    """
    n, nodes = len(first), found.shape[2]
    whole = np.zeros(nodes + 1)
    last = table.shape[1] - 1
    for i in range(n):
        whole[:] = 0
        cumulative, density = found[i, 0], found[i, 1]
        for s in range(means.shape[1]):
            inverse = 1 / sds[i, s]
            start, step = (first[i] - means[i, s]) * inverse, width[i] * inverse
            low = min(max(np.ceil((-REACH - start) / step), 0), nodes)
            high = min(max(np.floor((REACH - start) / step) + 1, 0), nodes)
            whole[int(high)] += 1
            for k in range(int(low), int(high)):
                z = start + k * step
                c = min(max(int((z - table[0, 0]) * PER_UNIT + 0.5), 0), last)
                centre, density_there = table[0, c], table[2, c]
                t = z - centre
                he2 = centre * centre - 1
                he3 = centre * (he2 - 2)
                he4 = centre * he3 - 3 * he2
                series = 1 - t / 2 * (centre - t / 3 * (he2 - t / 4 * (he3 - t / 5 * he4)))
                slope = 1 - t * (centre - t / 2 * (he2 - t / 3 * (he3 - t / 4 * he4)))
                cumulative[k] += table[1, c] + density_there * t * series
                density[k] += density_there * slope * inverse
        above = 0.0
        for k in range(nodes):
            above += whole[k]
            cumulative[k] += above
