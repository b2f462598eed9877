"""Numerical integration and inversion of distribution functions, with stated errors.

`CellGrid` carries F and f = F' at equally spaced nodes and interpolates with cubic Hermite cells.
On a cell of width h the error e of that interpolation satisfies (Green's function of the clamped
beam) max |e| <= h^4/384 max |F''''| and integral |e| <= h^4/384 integral |F''''|. For a mixture of
Gaussians with sds >= v, max |F''''| <= 0.5506/v^4 (the maximum of |phi'''|) and
integral |F''''| <= 1.511/v^3 (the total variation of phi''), which gives the bounds below.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from howrobust.distributions.accumulators import Accumulator
from howrobust.distributions.arrays import Array
from howrobust.distributions.normal_sums import add_normals

TOTAL_VARIATION = 1.511  # the integral of |phi'''|
_REACH = 8.0  # the grid spans the mean -+ _REACH total sds
_NODES_PER_SD = 2.0  # h = v / 2, where the cap on nodes allows it
_MOST_NODES = 513
_LEGENDRE = np.polynomial.legendre.leggauss(48)
_LEGENDRE_OF_CELLS = np.polynomial.legendre.leggauss(16)
_CUBIC_SQUARED = np.polynomial.legendre.leggauss(4)


def invert_cdf(
    function: Callable[[Array], tuple[Array, Array]],
    levels: Array,
    start: Array,
    lower: Array,
    upper: Array,
) -> Array:
    """Solve F(t) = level by Newton's method, safeguarded by bisection.

    Parameters
    ----------
    function : callable
        Takes t, an array of shape (k, n), and returns F(t) and F'(t) of that shape.
    levels : array of shape (k,)
        Levels in (0, 1).
    start : array of shape (k, n)
        Where the search starts, in target units; clipped to the bracket.
    lower, upper : array of shape (k, n)
        The bracket, in target units: F(lower) <= level <= F(upper).

    Returns
    -------
    array of shape (k, n)
        The solutions, exact to 1e-12 of the width of the bracket.
    """
    target = levels[:, None]
    lower, upper = np.array(lower), np.array(upper)
    width = np.maximum(upper - lower, np.finfo(float).tiny)
    t = np.clip(np.broadcast_to(start, lower.shape), lower, upper)
    for _ in range(100):
        value, slope = function(t)
        above = value > target
        upper = np.where(above, t, upper)
        lower = np.where(above, lower, t)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            new = t - (value - target) / slope
        inside = (new >= lower) & (new <= upper)  # False for NaN
        new = np.where(inside, new, 0.5 * (lower + upper))
        if (np.abs(new - t) <= 1e-12 * width + 4e-16 * np.abs(t)).all():
            return new
        t = new
    return t


def crps_of_cdf(cdf: Callable[[Array], Array], y: Array, ends: Array) -> Array:
    """Return the continuous ranked probability score from F.

    Parameters
    ----------
    cdf : callable
        F: takes t, an array of shape (k, n), and returns F(t) of that shape.
    y : array of shape (n,)
        Observed targets.
    ends : array of shape (m, n)
        Ends of m - 1 cells, ascending, in target units, m at least 2: F is taken to be 0 below the
        first and 1 above the last, and is smooth on a cell.

    Returns
    -------
    array of shape (n,)
        The score at each point, in target units.

    Notes
    -----
    The score is the integral of (F(t) - 1{y <= t})^2 (Gneiting & Raftery 2007, eq. 20), by
    Gauss-Legendre quadrature on each cell, that of y cut there: 48 nodes where there is one cell,
    otherwise 16 on each.
    """
    nodes, weights = _LEGENDRE if len(ends) == 2 else _LEGENDRE_OF_CELLS
    split = np.clip(y, ends[0], ends[-1])
    total = np.zeros(y.shape)
    for a, b in pairwise(np.sort(np.vstack([ends, split]), axis=0)):
        t = a + (b - a) * (nodes[:, None] + 1) / 2
        F = cdf(t)
        total += weights @ np.where(a >= split, (1 - F) ** 2, F**2) * (b - a) / 2
    return total + np.abs(y - split)


@dataclass
class CellGrid(Accumulator):
    """F and f of a mixture at G equally spaced nodes around each of n points.

    All components are added before F or f is read.

    Parameters
    ----------
    first : array of shape (n,)
        Leftmost node, in target units.
    width : array of shape (n,)
        Width h of the cells between nodes, in target units.
    smallest_sd : array of shape (n,)
        Least sd of the components, in target units.
    sums : array of shape (2, G, n)
        Sums of Phi and of phi / v over the components that were added.
    count : int, default=0
        Number of components that were added.
    """

    first: Array
    width: Array
    smallest_sd: Array
    sums: Array
    count: int = 0

    @classmethod
    def around(cls, mean: Array, sd: Array, smallest_sd: Array) -> "CellGrid":
        """Return a grid without components, over mean -+ 8 sd.

        Parameters
        ----------
        mean, sd : array of shape (n,)
            Mean and total sd of the mixture, in target units.
        smallest_sd : array of shape (n,)
            Least sd of its components: nodes are half of it apart, and at most 513.

        Returns
        -------
        CellGrid
            The grid, of the same number of nodes at each point.

        Raises
        ------
        FloatingPointError
            If a mean or an sd is not finite.
        """
        if not (np.isfinite(mean).all() and np.isfinite(sd).all()):
            raise FloatingPointError("the forecast's mean or sd is not finite")
        wanted = np.ceil(2 * _REACH * _NODES_PER_SD * float(np.max(sd / smallest_sd)))
        count = int(np.clip(wanted, 33, _MOST_NODES - 1)) + 1
        width = 2 * _REACH * sd / (count - 1)
        return cls(mean - _REACH * sd, width, smallest_sd, np.zeros((2, count, len(mean))))

    def add(self, means: Array, sds: Array) -> None:
        add_normals(self.first, self.width, means, sds, self.sums)
        self.count += len(means)

    @cached_property
    def cumulative(self) -> Array:
        """Values (G, n) of F at the nodes."""
        return np.asarray(self.sums[0] / self.count, dtype=np.float64)

    @cached_property
    def density(self) -> Array:
        """Values (G, n) of f at the nodes."""
        return np.asarray(self.sums[1] / self.count, dtype=np.float64)

    @property
    def crps_error(self) -> float:
        """Bound of the error of `crps`, in target units.

        It is twice the integral of |e|, and that of the tails which the grid cuts off. Below
        the grid F <= F(first) and the integral of F is E(first - Y)+, at most
        sqrt(F(first) (_REACH^2 + 1)) sds by Cauchy and Schwarz; above it likewise.
        """
        inside = 2 * TOTAL_VARIATION / 384 * self.width**4 / self.smallest_sd**3
        sd = self.width * (self.sums.shape[1] - 1) / (2 * _REACH)
        tails = np.stack([self.cumulative[0], 1 - self.cumulative[-1]]).clip(0)
        outside = (tails**1.5).sum(axis=0) * np.sqrt(_REACH**2 + 1) * sd
        return float(np.max(inside + outside))

    def cdf(self, t: Array) -> Array:
        """Return the interpolated distribution function.

        Parameters
        ----------
        t : array of shape (k, n)
            Points, in target units.

        Returns
        -------
        array of shape (k, n)
            F(t); F of the first or the last node beyond the grid.
        """
        return self._interpolate(t)[0]

    def quantile(self, levels: Array) -> Array:
        """Return quantiles, by Newton's method within a cell.

        Parameters
        ----------
        levels : array of shape (k,)
            Levels in (0, 1).

        Returns
        -------
        array of shape (k, n)
            Quantiles, in target units; the end of the grid for a level beyond its mass.
        """
        cells = self.sums.shape[1] - 1
        cumulative = self.cumulative
        index = np.stack([(cumulative <= level).sum(axis=0) for level in levels]) - 1
        index = np.clip(index, 0, cells - 1)
        lower = self.first + index * self.width
        upper = lower + self.width
        return invert_cdf(self._interpolate, levels, 0.5 * (lower + upper), lower, upper)

    def crps(self, y: Array) -> Array:
        """Return the continuous ranked probability score, to within `crps_error`.

        Parameters
        ----------
        y : array of shape (n,)
            Observed targets.

        Returns
        -------
        array of shape (n,)
            The score at each point, in target units.

        Notes
        -----
        F is a cubic on each cell, so four Gauss-Legendre nodes integrate its square exactly.
        """
        cells = self.sums.shape[1] - 1
        last = self.first + cells * self.width
        split = np.clip(y, self.first, last)
        index = np.clip(np.floor((split - self.first) / self.width), 0, cells - 1).astype(np.int64)
        total = np.abs(y - split)
        for k in range(cells):
            left = self.first + k * self.width
            # The one cell that holds y is cut there; the cells below count F^2, above (1 - F)^2.
            cut = np.where(index == k, split, np.where(index > k, left + self.width, left))
            total += self._integral(left, cut, above=False)
            total += self._integral(cut, left + self.width, above=True)
        return total

    def _integral(self, start: Array, end: Array, above: bool) -> Array:
        """Integral of F^2, or of (1 - F)^2, between two points of one cell (n,)."""
        nodes, weights = _CUBIC_SQUARED
        t = start + (end - start) * (nodes[:, None] + 1) / 2
        value = self._interpolate(t)[0]
        squares = (1 - value) ** 2 if above else value**2
        return np.asarray(weights @ squares * (end - start) / 2, dtype=np.float64)

    def _interpolate(self, t: Array) -> tuple[Array, Array]:
        """Cubic Hermite F and F' at t (k, n)."""
        cells = self.sums.shape[1] - 1
        position = (t - self.first) / self.width
        index = np.clip(np.floor(position), 0, cells - 1).astype(np.int64)
        u = np.clip(position - index, 0.0, 1.0)
        column = np.arange(t.shape[-1])
        cumulative, rise = self.cumulative, self.density * self.width
        f0, f1 = cumulative[index, column], cumulative[index + 1, column]
        d0, d1 = rise[index, column], rise[index + 1, column]
        a = 2 * (f0 - f1) + d0 + d1
        b = 3 * (f1 - f0) - 2 * d0 - d1
        value = f0 + u * (d0 + u * (b + u * a))
        slope = (d0 + u * (2 * b + 3 * a * u)) / self.width
        return np.clip(value, 0.0, 1.0), slope
