"""The summary of a predictive distribution that is stored and that metrics see."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from howrobust.distributions.arrays import Array

STORED_LEVELS = (0.0015, 0.005, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 0.995, 0.9985)


@dataclass(frozen=True)
class Forecast:
    """The summary of a predictive distribution at n test points.

    Metrics see nothing else. Where an optional array does not apply, it is empty.

    Parameters
    ----------
    mean : array of shape (n,)
        Mean, in target units.
    aleatoric : array of shape (n,)
        Variance within components: mean_s v^2 for component sds v, or the noise's part of it.
    between : array of shape (n,)
        Variance between components: var_s m with ddof 0 for component means m.
    logpdf : array of shape (n,)
        Log density at the observed y, nats.
    cdf : array of shape (n,)
        F(y).
    crps : array of shape (n,)
        Continuous ranked probability score, in target units.
    pinball : array of shape (n,)
        Quantile loss averaged over the levels .01 to .99, in target units.
    quantiles : array of shape (len(STORED_LEVELS), n)
        Quantiles at `STORED_LEVELS`, in target units.
    smallest_sd : array of shape (n,)
        The least component sd, in target units.
    pit : array of shape (n,)
        Probability integral transform: F(y), randomised for a discrete target.
    n_components : int, default=1
        Number of components.
    nll_error : float, default=0.0
        Monte-Carlo standard error of the mean of -logpdf; 0 where the components are the model.
    crps_error : float, default=0.0
        Bound of the error that quadrature makes in ``crps``, in target units.
    step : float, default=0.0
        Spacing of a discrete target, in target units; 0 for a continuous one.
    logpdf_rounded : array of shape (n,), optional
        log([F(y + d/2) - F(y - d/2)] / d) for a target that is discrete with step d.
    kl : array of shape (n,), optional
        KL(truth || forecast), nats, where the true distribution is known.
    groups : array of int of shape (g, n), optional
        Labels of g groupings of the points, for worst-group coverage.
    variants : int, default=1
        The n points are this many variants of the test rows, one after the other, as a stress
        made them; 1 for clean rows.
    """

    mean: Array
    aleatoric: Array
    between: Array
    logpdf: Array
    cdf: Array
    crps: Array
    pinball: Array
    quantiles: Array
    smallest_sd: Array
    pit: Array
    n_components: int = 1
    nll_error: float = 0.0
    crps_error: float = 0.0
    step: float = 0.0
    logpdf_rounded: Array = field(default_factory=lambda: np.empty(0))
    kl: Array = field(default_factory=lambda: np.empty(0))
    groups: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))
    variants: int = 1

    @property
    def variance(self) -> Array:
        """Total variance (n,): the aleatoric plus the between part."""
        return np.asarray(self.aleatoric + self.between, dtype=np.float64)

    @property
    def sd(self) -> Array:
        """Root of the total variance (n,), in target units."""
        return np.asarray(np.sqrt(self.variance), dtype=np.float64)

    def quantile(self, level: float) -> Array:
        """Return a stored quantile.

        Parameters
        ----------
        level : float
            One of `STORED_LEVELS`.

        Returns
        -------
        array of shape (n,)
            The quantile at each point, in target units.

        Raises
        ------
        ValueError
            If the level is not stored.
        """
        return np.asarray(self.quantiles[STORED_LEVELS.index(level)], dtype=np.float64)
