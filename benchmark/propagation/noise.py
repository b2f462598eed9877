"""Noise of the inputs: independent or correlated, drawn in blocks of 256 rows."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from scipy import stats
from scipy.special import ndtr

from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput
from howrobust.seeds import generator

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 256
ROUNDING = 1e-8  # of a correlation matrix that is computed or typed


@runtime_checkable
class Frozen(Protocol):
    """What the frozen distributions of `scipy.stats` have in common."""

    def ppf(self, q: Any) -> Any:
        """Return quantiles.

        Parameters
        ----------
        q : float or array of any shape
            Probabilities.

        Returns
        -------
        float or array of the same shape
            Quantiles.
        """

    def mean(self) -> Any:
        """Return the mean.

        Returns
        -------
        float
            The mean.
        """

    def std(self) -> Any:
        """Return the standard deviation.

        Returns
        -------
        float
            The standard deviation.
        """

    def support(self) -> Any:
        """Return where the distribution begins and ends.

        Returns
        -------
        tuple of (float, float)
            Both ends.
        """


@dataclass(frozen=True)
class Margin:
    """The noise of one input, which is added to its value.

    Parameters
    ----------
    column : hashable
        Name of the input.
    distribution : Frozen
        Distribution of the noise, in the unit of the input.
    mean, sd : float
        Its mean and its standard deviation, which is finite and greater than 0.
    gaussian : bool
        Whether it is a Gaussian.
    """

    column: Hashable
    distribution: Frozen
    mean: float
    sd: float
    gaussian: bool

    def at(self, normal: Array) -> Array:
        """Return the noise whose standard normal scores are given.

        Parameters
        ----------
        normal : array of shape (n,)
            Standard normal scores z.

        Returns
        -------
        array of shape (n,)
            F^-1(Phi(z)), F the distribution function of the noise.
        """
        if self.gaussian:
            return self.mean + self.sd * normal
        return np.asarray(self.distribution.ppf(ndtr(normal)), dtype=np.float64)

    def text(self, unit: str = "") -> str:
        """Return the input with its noise, such as "F ± 50 N".

        Parameters
        ----------
        unit : str, default=""
            Unit of the input.

        Returns
        -------
        str
            The sd of a Gaussian without bias; the distribution of any other noise.
        """
        end = f" {unit}" if unit else ""
        if self.gaussian and self.mean == 0:
            return f"{self.column} ± {self.sd:g}{end}"
        if self.gaussian:
            return f"{self.column} {self.mean:+g} ± {self.sd:g}{end}"
        return f"{self.column} + {_frozen_text(self.distribution)}{end}"


@dataclass(frozen=True)
class Noise:
    """The joint distribution of the noise of k inputs.

    Parameters
    ----------
    margins : tuple of Margin
        The noise of each input.
    correlation : array of shape (k, k), optional
        Correlation of the standard normal scores (a Gaussian copula); None for independent noise.
    """

    margins: tuple[Margin, ...]
    correlation: Array | None = None

    @property
    def columns(self) -> tuple[Hashable, ...]:
        """Names of the k inputs."""
        return tuple(margin.column for margin in self.margins)

    @property
    def mean(self) -> Array:
        """Means (k,)."""
        return np.array([margin.mean for margin in self.margins])

    @property
    def sd(self) -> Array:
        """Standard deviations (k,)."""
        return np.array([margin.sd for margin in self.margins])

    @property
    def covariance(self) -> Array | None:
        """Covariance (k, k); None where correlated noise is not Gaussian: it has no closed form."""
        if self.correlation is None:
            return np.diag(self.sd**2)
        if all(margin.gaussian for margin in self.margins):
            return self.correlation * np.outer(self.sd, self.sd)
        return None

    def quantile(self, p: float) -> Array:
        """Return one quantile of the noise of each input.

        Parameters
        ----------
        p : float
            Probability.

        Returns
        -------
        array of shape (k,)
            Quantiles.
        """
        return np.array([float(margin.distribution.ppf(p)) for margin in self.margins])

    def draw(self, count: int, seed: int, stream: str) -> Array:
        """Return draws of the noise.

        Block b of 256 rows of an input is drawn by the generator of (seed, stream, name of the
        input, b): it does not depend on the number of draws, nor on which other inputs are noisy.

        Parameters
        ----------
        count : int
            Number of draws.
        seed : int
            Seed that they derive from.
        stream : str
            Name of the stream; streams are independent.

        Returns
        -------
        array of shape (count, k)
            Noise, in the units of the inputs.
        """
        blocks = -(-count // BLOCK)
        normal = np.empty((blocks * BLOCK, len(self.margins)))
        for j, column in enumerate(self.columns):
            for b in range(blocks):
                rng = generator(seed, "propagate", stream, str(column), b)
                normal[b * BLOCK : (b + 1) * BLOCK, j] = rng.standard_normal(BLOCK)
        normal = normal[:count]
        if self.correlation is not None:
            normal = normal @ _factor(self.correlation).T
        scores = zip(self.margins, normal.T, strict=True)
        return np.column_stack([margin.at(z) for margin, z in scores])


def noise_of(noise: Mapping[Hashable, Any], correlation: "Array | pd.DataFrame | None") -> Noise:
    """Return the noise that a user describes.

    Parameters
    ----------
    noise : mapping of hashable to float or frozen distribution
        By input: the sd of a Gaussian of mean 0, or a frozen distribution of `scipy.stats`.
    correlation : array or pandas.DataFrame of shape (k, k), or None
        Correlations, in the order of ``noise``, or labelled by input; None: independent.

    Returns
    -------
    Noise
        The noise.

    Raises
    ------
    BadInput
        For no noise at all, noise of 0, NaN or infinite sd, and for an impossible correlation.
    """
    if not isinstance(noise, Mapping) or not noise:
        raise BadInput(
            'noise must map inputs to standard deviations or distributions, as in {"F": 50}'
        )
    margins = tuple(_margin(column, given) for column, given in noise.items())
    return Noise(margins, _correlation(correlation, list(noise)))


def _margin(column: Hashable, given: Any) -> Margin:
    """Return the noise of one input; BadInput for what is none."""
    if isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool):
        sd = float(given)
        if not 0 < sd < np.inf:
            raise BadInput(
                f"the noise of {column!r} is {sd:g}; give a standard deviation greater than 0, or "
                "leave the input out"
            )
        return Margin(column, stats.norm(0, sd), 0.0, sd, True)
    if not isinstance(given, Frozen) or not hasattr(given, "args"):  # norm, but not norm(0, 10)
        raise BadInput(
            f"the noise of {column!r} is {given!r}; give a standard deviation or a frozen "
            "distribution such as scipy.stats.uniform(-1, 2)"
        )
    mean, sd = float(given.mean()), float(given.std())
    if not np.isfinite([mean, sd]).all():
        raise BadInput(
            f"the noise of {column!r}, {_frozen_text(given)}, has no finite mean and standard "
            "deviation; correct its parameters, or cut it off as scipy.stats.truncnorm is"
        )
    if sd == 0:
        raise BadInput(f"the noise of {column!r} is always {mean:g}; add it to the point instead")
    return Margin(column, given, mean, sd, _frozen_text(given).startswith("norm("))


def _frozen_text(distribution: Any) -> str:
    """Return a frozen distribution as it is written, such as "uniform(-1, 2)"."""
    words = [*map(_value_text, distribution.args)]
    words += [f"{name}={_value_text(value)}" for name, value in distribution.kwds.items()]
    return f"{distribution.dist.name}({', '.join(words)})"


def _value_text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, Real) else str(value)


def _correlation(given: "Array | pd.DataFrame | None", columns: list[Hashable]) -> Array | None:
    """Return the correlation matrix in the order of the columns; None where all are independent."""
    if given is None:
        return None
    k = len(columns)
    if not isinstance(given, np.ndarray) and hasattr(given, "loc"):
        if set(given.columns) != set(columns) or set(given.index) != set(columns):
            raise BadInput(
                f"the rows and columns of correlation must be the noisy inputs, {_names(columns)}"
            )
        given = given.loc[columns, columns].to_numpy()
    matrix: Array = np.asarray(given, dtype=np.float64)
    if matrix.shape != (k, k):
        raise BadInput(
            f"correlation has the shape {matrix.shape}; for the noisy inputs {_names(columns)} it "
            f"must be ({k}, {k})"
        )
    symmetric = np.allclose(matrix, matrix.T, atol=ROUNDING)
    if not (np.isfinite(matrix).all() and symmetric and np.allclose(np.diag(matrix), 1)):
        raise BadInput("correlation must be a symmetric matrix with ones on its diagonal")
    if np.linalg.eigvalsh(matrix).min() < -ROUNDING:
        raise BadInput(
            "correlation is not a correlation matrix: it has a negative eigenvalue, so no noise "
            "can have all these correlations at once; make them smaller"
        )
    return None if np.array_equal(matrix, np.eye(k)) else matrix


def _names(columns: list[Hashable]) -> str:
    return ", ".join(map(str, columns))


def _factor(correlation: Array) -> Array:
    """Return L with L L' = R: Cholesky's, or the symmetric root of a singular matrix."""
    try:
        return np.asarray(np.linalg.cholesky(correlation), dtype=np.float64)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(correlation)
        root: Array = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        return root
