"""A torch module that is trained already, as a model that predicts."""

from typing import TYPE_CHECKING

from torch import nn

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import Predictive
from howrobust.methods.core.problems.scaling import scaling_of
from howrobust.methods.wrappers.torch_modules.kind import numbers_of
from howrobust.methods.wrappers.torch_modules.posterior import ModulePosterior
from howrobust.methods.wrappers.torch_modules.probe import kind_of, seems_to_state

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 1000
SEED = 0  # of forecasts that are given none


class TrainedModule:
    """A torch module that is trained already, from X (n, d) to y in the units of both.

    A copy in evaluation mode is asked, on the module's own device, in float64 where the module
    takes its dtype from its input, in float32 where it cannot. Its output is as in
    `TorchRegressor`. A module that draws, as torchbnn's layers do, or one with dropout and
    ``draws``, is a mixture of its draws.

    Parameters
    ----------
    module : nn.Module
        The trained module.
    draws : int or None, default None
        Draws of a forecast, with dropout on. None: 1000 if the module draws in evaluation mode,
        else one forecast without dropout.
    """

    def __init__(self, module: nn.Module, draws: int | None = None) -> None:
        self.module = module
        self.draws = draws

    def predict(self, X: "Array | pd.DataFrame") -> Array:
        """Return the module's output, or the mean of its draws.

        Parameters
        ----------
        X : ndarray or DataFrame, shape (n, d)
            Inputs.

        Returns
        -------
        ndarray, shape (n,)
            Predictions.
        """
        inputs = numbers_of(X)
        return self._posterior(inputs).mean(inputs, SEED)

    def states_distribution(self) -> bool:
        """Return whether the module draws, or has a second output, as far as can be seen.

        Returns
        -------
        bool
            Whether it states a distribution.
        """
        return self.draws is not None or seems_to_state(self.module)

    def predict_distribution(self, X: "Array | pd.DataFrame") -> Predictive:
        """Return the Gaussian, or the mixture of draws, of a module with a second output.

        Parameters
        ----------
        X : ndarray or DataFrame, shape (n, d)
            Inputs.

        Returns
        -------
        Predictive
            p(y | x) at each input.

        Raises
        ------
        ValueError
            For a module with one output, whose noise `posterior` fits on other rows.
        """
        inputs = numbers_of(X)
        posterior = self._posterior(inputs)
        if posterior.kind.n_outputs == 1:
            raise ValueError("the module has one output: its noise is to be fitted by posterior")
        return posterior.predictive(inputs, seed=SEED)

    def posterior(self, problem: Problem) -> ModulePosterior:
        """Return the module as a posterior, its noise fitted where it has no second output.

        Parameters
        ----------
        problem : Problem
            Rows that the module never saw. The noise sd is that of the greatest likelihood of its
            mixture on them.

        Returns
        -------
        ModulePosterior
            The posterior.
        """
        frame = problem.frame
        inputs = problem.X if frame is None else numbers_of(frame.decode(problem.X))
        posterior = self._posterior(inputs)
        posterior.frame = frame
        if posterior.kind.n_outputs == 1:
            posterior.fit_noise(
                problem.X, problem.y, problem.y, seeds.derive(problem.seed, "noise")
            )
        return posterior

    def _posterior(self, X: Array) -> ModulePosterior:
        dropout = self.draws is not None
        kind = kind_of(self.module, X, draws=dropout)
        units = scaling_of(X, X[:, 0], standardise=False)
        return ModulePosterior(self.module, kind, units, self.draws or DRAWS, dropout)
