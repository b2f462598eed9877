"""A torch module that is trained already, as a method."""

from typing import Any

import numpy as np
from torch import nn

from howrobust import seeds
from howrobust.base.method import Posterior, Problem, SingleMethod
from howrobust.methods.core.problems.scaling import scaling_of
from howrobust.methods.wrappers.torch_modules.kind import kind_of
from howrobust.methods.wrappers.torch_modules.posterior import ModulePosterior, numbers_of

DRAWS = 1000


class TrainedModule(SingleMethod):
    """A torch module that is trained already, from X (n, d) to y in the units of both.

    A copy in evaluation mode is asked, on the module's own device, in float64 where the module
    takes its dtype from its input, in float32 where it cannot. Its output is as in
    `TorchRegressor`. A module that draws, as torchbnn's layers do, or one with dropout and
    ``draws``, is a mixture of its draws. Nothing is fitted but the noise sd, by maximum likelihood
    of that mixture on the problem's rows, unless the module has a second output, the log variance.
    The module must never have seen those rows, nor the rows that are forecast.

    Parameters
    ----------
    module : nn.Module
        The trained module.
    draws : int or None, default None
        Draws of a forecast, with dropout on. None: 1000 if the module draws in evaluation mode,
        else one forecast without dropout.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    components = "one prediction, or draws of the module"
    noise_model = "constant, fitted on rows that it never saw, or the module's second output"
    refits = False
    LIMITS = {"draws": (0, np.inf)}

    def __init__(
        self, module: nn.Module, draws: int | None = None, random_state: Any = None
    ) -> None:
        self.module = module
        self.draws = draws
        self.random_state = random_state

    def infer(self, problem: Problem) -> Posterior:
        self.settings()
        dropout = self.draws is not None
        frame = problem.frame
        inputs = problem.X if frame is None else numbers_of(frame, problem.X)
        kind = kind_of(self.module, inputs, draws=dropout)
        units = scaling_of(problem.X, problem.y, standardise=False)
        posterior = ModulePosterior(self.module, kind, units, self.draws or DRAWS, dropout)
        posterior.frame = frame
        if kind.n_outputs == 1:
            seed = seeds.derive(problem.seed, "noise")
            posterior.fit_noise(problem.X, problem.y, problem.y, seed)
        return posterior
