"""The truth of a synthetic set, as a forecast: the best that any method can do on clean data."""

from typing import Any

from howrobust.base.data import Truth
from howrobust.base.method import Posterior, Problem, SingleMethod
from howrobust.distributions.predictive import Array, Predictive


class Oracle(SingleMethod):
    """Predicts the true p(y | x) at the inputs it is given.

    The one method that is told the truth; raises ValueError where none is known. Under input
    stress it is not robust: it trusts the inputs it sees.
    """

    components = "the truth"
    noise_model = "the truth"
    sees_truth = True

    def __init__(self, random_state: Any = None) -> None:
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        if problem.truth is None:
            raise ValueError("the oracle needs a synthetic data set, whose truth is known")
        return OraclePosterior(problem.truth)


class OraclePosterior(Posterior):
    """The truth behind the data."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        return self.truth.predictive(X)
