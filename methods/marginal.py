"""The distribution of the training target, the same at every x: a baseline."""

from typing import Any

import numpy as np

from howrobust.base.data import discrete_step
from howrobust.base.method import Posterior, Problem, SingleMethod
from howrobust.distributions.arrays import Array
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.predictive import Predictive

COMPONENTS = 50
MOST_ROWS = 1_000  # that narrow the kernels: 50 of them would leave gaps between


class Marginal(SingleMethod):
    """A kernel density estimate of the training target.

    At most 50 components at evenly spaced quantiles of y, moved to have y's mean, with Silverman's
    bandwidth 0.9 min(sd, IQR / 1.34) n^(-1/5) (Silverman 1986, eq. 3.31), n the rows, but 1,000 at
    most: that of more rows would leave gaps between 50 kernels. On a target that repeats
    on a step the bandwidth is at least half of it: spikes at the values would beat any regression.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    components = "kernels"
    noise_model = "Silverman's bandwidth"
    deterministic = True

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        y = problem.y
        size = min(len(y), COMPONENTS)
        centres = np.quantile(y, (np.arange(size) + 0.5) / size)
        centres += y.mean() - centres.mean()
        sd = y.std() or 1.0
        iqr = np.subtract(*np.quantile(y, [0.75, 0.25])) / 1.34
        width = max(0.9 * min(sd, iqr or sd) * min(len(y), MOST_ROWS) ** -0.2, discrete_step(y) / 2)
        return MarginalPosterior(centres, float(width))


class MarginalPosterior(Posterior):
    """Kernel centres (S,) and one bandwidth.

    Parameters
    ----------
    centres : ndarray, shape (S,)
        Kernel centres, in target units.
    width : float
        Bandwidth, in target units.
    """

    def __init__(self, centres: Array, width: float) -> None:
        self.centres = centres
        self.width = width

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        return GaussianMixture(np.repeat(self.centres[:, None], len(X), axis=1), self.width)

    def facts(self) -> dict[str, float | list[float]]:
        return {"bandwidth": self.width}
