"""A model that is fitted already: judged by its own distribution, or by how far it was off."""

from typing import Any

from howrobust.base.method import Posterior, Problem, SingleMethod, Whose
from howrobust.errors import BadInput
from howrobust.methods.wrappers.own_distribution.judged import (
    posterior_of_own,
    stated_by,
    whose_distribution,
)
from howrobust.methods.wrappers.own_distribution.ways import Prediction
from howrobust.methods.wrappers.user_posteriors import Function, PointPosterior, answers


class FittedModel(SingleMethod):
    """A model that is fitted already: a function of X (n, d), or an object with ``predict``.

    What it predicts is (n,) or (n, 1). Nothing is fitted but its noise, where it states no
    distribution: a constant Gaussian whose sd is the root mean square residual on the problem's
    rows. The model must never have seen those rows, nor the rows that are forecast: otherwise its
    sd and its scores are those of a memory. A problem with a ``frame`` is handed over as its table.

    Parameters
    ----------
    model : callable or object
        Function from X (n, d) to (n,) or (n, 1), or an object with ``predict``.
    noise : {"auto", "own", "residual"}, default "auto"
        Whose distribution is forecast, as in `UserModel`.
    distribution : callable, optional
        Takes the model and X, as in `UserModel`.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    keeps_target = True
    components = "one prediction, or as the model states them (own)"
    noise_model = (
        "as the model states it (own); constant, root mean square of residuals on rows that it "
        "never saw (residual)"
    )
    refits = False

    def __init__(
        self,
        model: Any,
        noise: str = "auto",
        distribution: Any = None,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.noise = noise
        self.distribution = distribution
        self.random_state = random_state

    @property
    def takes_tables(self) -> bool:
        """Whether it is given tables: always, as it was fitted to such rows."""
        return True

    def whose_distribution(self) -> Whose:
        if self.noise == "cv_plus":
            raise BadInput('noise="cv_plus" refits a model on folds; a fitted model has "residual"')
        return whose_distribution(self.noise, self.model, self.distribution)

    def stated_by(self) -> str:
        """Return where its own distribution comes from.

        Returns
        -------
        str
            As of `UserModel`.
        """
        return stated_by(self.model, self.distribution)

    def infer(self, problem: Problem) -> Posterior:
        if self.whose_distribution() == "own":
            return posterior_of_own(self.model, problem, self.distribution)
        predicts = callable(getattr(self.model, "predict", None))
        function: Function = Prediction(self.model) if predicts else self.model
        predictions = answers(function, problem.frame, problem.X, problem.seed, problem.index)
        residuals = problem.y - predictions
        return PointPosterior(function, problem, residuals)
