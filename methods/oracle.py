"""The true distribution of a synthetic data set: the best forecast possible on clean data."""

from typing import Any

from howrobust.base.data import Truth
from howrobust.base.method import Posterior, Problem, SingleMethod
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import Predictive


class Oracle(SingleMethod):
    """Predicts the true p(y | x) at the inputs it is given.

    Raises ValueError where the truth is not known. Under input
    stress it is not robust: it trusts the inputs it sees.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    components = "the truth"
    noise_model = "the truth"
    sees_truth = True
    deterministic = True

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        if problem.truth is None:
            raise ValueError("the oracle needs a synthetic data set, whose truth is known")
        return OraclePosterior(problem.truth)


class OraclePosterior(Posterior):
    """The truth behind the data.

    Parameters
    ----------
    truth : Truth
        Distribution that generated the data.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        return self.truth.predictive(X)
