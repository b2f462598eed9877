"""A user's own torch module as a scikit-learn regressor."""

from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data
from torch import nn

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import Predictive
from howrobust.methods.core.problems.problem_pool import validation_start
from howrobust.methods.core.problems.scaling import scaling_of
from howrobust.methods.wrappers.own_streams import own_streams
from howrobust.methods.wrappers.torch_modules.kind import Kind, called, prepared
from howrobust.methods.wrappers.torch_modules.posterior import ModulePosterior
from howrobust.methods.wrappers.torch_modules.probe import kind_of, seems_to_state
from howrobust.methods.wrappers.torch_modules.training import (
    Factory,
    Loop,
    Loss,
    Schedule,
    built,
    has_torchbnn_layers,
    tensors,
    train,
)

DRAWS = 1000
AUTO: Literal["auto"] = "auto"
EPOCHS, BATCH_SIZE = 200, 100
BAYESIAN_EPOCHS = 2000  # on all rows at once: as in `bayesian_nn[preset="article"]`
UNIT_SDS = 0.1, 10.0  # between these, the units of the rows are those that priors are written for


class TorchRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    r"""A torch module trained by Adam, in float32 on one CPU thread, and its draws as a mixture.

    ``module``: a class or a function that takes the number of features and returns an `nn.Module`;
    or a module, of which every fit trains a copy that ``reset_parameters`` of its layers has
    started afresh. Its output is (n,) or (n, 1); or (n, 2), a mean and a log variance; or a pair of
    one of these and its own KL divergence in nats. Predictions are made in evaluation mode, in
    float64 where the module takes its dtype from its input, in float32 where it cannot.

    A module that draws in evaluation mode, as torchbnn's layers do, or one with dropout and
    ``draws``, predicts the mean of ``draws`` calls, and `predict_distribution` is their mixture.
    The noise sd of each draw is its second output, or else fitted by maximum likelihood of the
    mixture on the last fifth of the rows, by a second module that did not train on them. Any other
    module predicts one number.

    The module draws its start, its masks and its weights from streams that depend on
    ``random_state`` alone; torch's global generator is as it was afterwards.

    Raises ValueError for a module of another output, one whose rows depend on each other, or one
    with parameters that nothing starts afresh, and FloatingPointError where training diverges.

    Parameters
    ----------
    module : nn.Module or callable
        Module, or a function from the number of features to one.
    epochs : int or "auto", default "auto"
        Passes over the rows; "auto": 200, or 2000 with layers of torchbnn.
    batch_size : int, None or "auto", default "auto"
        Rows of a batch; None: all; "auto": 100, or all with layers of torchbnn.
    learning_rate : float, default 0.01
        Step size of Adam.
    weight_decay : float, default 0.0
        L2 penalty of `torch.optim.Adam`.
    standardise : bool or "auto", default "auto"
        Standardise inputs and target by the rows of the fit. "auto": do, but for torchbnn's layers
        where the sd of every input and of the target is between 0.1 and 10: their prior sds are
        then taken to be in the units of the rows.
    draws : int or None, default None
        Draws of a forecast, with dropout on. None: 1000 if the module draws in evaluation mode,
        else one forecast without dropout.
    loss : callable or None, default None
        ``loss(module, X, y)``, to be minimised, of a batch X (m, d), y (m,) in the units of
        training; None: see Notes.
    train : callable or None, default None
        ``train(module, X, y)``, a training loop of your own on all rows, in place of Adam. It
        changes the module.
    input_shape : tuple of int or None, default None
        Shape of one row as the module takes it, such as (1, d) for a convolution or (d, 1) for a
        recurrent layer; None: (d,).
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.

    Notes
    -----
    Without ``loss`` it is the mean squared error; with torchbnn's layers the article's cost, that
    plus 0.01 times torchbnn's divergence per weight; with a second output the Gaussian negative
    log-likelihood; and with that, or with a divergence that the module returns, the negative
    evidence lower bound per row, :math:`\mathrm{NLL} + \mathrm{KL} / n` (Blundell et al. 2015,
    eq. 2), by a learned noise sd where there is no second output.
    """

    def __init__(
        self,
        module: nn.Module | Factory,
        epochs: int | Literal["auto"] = AUTO,
        batch_size: int | Literal["auto"] | None = AUTO,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        standardise: bool | Literal["auto"] = AUTO,
        draws: int | None = None,
        loss: Loss | None = None,
        train: Loop | None = None,
        input_shape: tuple[int, ...] | None = None,
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.standardise = standardise
        self.draws = draws
        self.loss = loss
        self.train = train
        self.input_shape = input_shape
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train a new module on X (n, d) and y (n,).

        Parameters
        ----------
        X : array_like, shape (n, d)
            Inputs.
        y : array_like, shape (n,)
            Target.

        Returns
        -------
        TorchRegressor
            The fitted regressor.
        """
        inputs, target = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self._require_sensible_settings()
        state = self.random_state
        if not isinstance(state, int | np.integer):
            state = check_random_state(state).randint(2**31 - 1)
        self.seed_ = int(state)
        self.module_, self.kind_, self.scaling_ = self._trained(inputs, target)
        self.posterior_: ModulePosterior | None = None
        if self.kind_.states_distribution():
            self.posterior_ = self._posterior(inputs, target)
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the module's output, or the mean of its draws, at X (n, d), in target units.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Inputs.

        Returns
        -------
        ndarray, shape (n,)
            Predictions, in target units.
        """
        inputs = self._checked(X)
        if self.posterior_ is not None:
            return self.posterior_.predictive(inputs, seed=self.seed_).mean()
        x_mean, x_sd, y_mean, y_sd = self.scaling_
        with own_streams(self.seed_), torch.no_grad():
            standard = torch.from_numpy((inputs - x_mean) / x_sd)
            outputs = called(self.module_, self.kind_, standard)
        return np.asarray(y_mean + y_sd * outputs.detach().reshape(-1).numpy(), dtype=np.float64)

    def states_distribution(self) -> bool:
        """Return whether the module states a distribution: it draws, or has a second output.

        Before a fit it is found on made-up rows, of a size that the module seems to take.

        Returns
        -------
        bool
            Whether `predict_distribution` has an answer.
        """
        kind: Kind | None = getattr(self, "kind_", None)
        if kind is not None:
            return kind.states_distribution()
        return self.draws is not None or seems_to_state(self.module, self.input_shape)

    def posterior(self, problem: Problem) -> ModulePosterior:
        """Return the fitted module as a posterior.

        Parameters
        ----------
        problem : Problem
            Rows that it was fitted on, as the table of its frame where it has one.

        Returns
        -------
        ModulePosterior
            The posterior.

        Raises
        ------
        ValueError
            For a module that states no distribution.
        """
        posterior = self._stated()
        posterior.frame = problem.frame
        return posterior

    def predict_distribution(
        self, X: ArrayLike, draws: int | None = None, seed: int | None = None
    ) -> Predictive:
        """Return the mixture of the module's draws at X (n, d), in target units.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Inputs.
        draws : int, optional
            Number of draws; those of the constructor if None.
        seed : int, optional
            Seed of the draws; that of the fit if None.

        Returns
        -------
        Predictive
            p(y | x) at each input.

        Raises
        ------
        ValueError
            For a module that states no distribution.
        """
        inputs = self._checked(X)
        return self._stated().predictive(inputs, draws, self.seed_ if seed is None else seed)

    def gradients(
        self, X: ArrayLike, y: ArrayLike, draws: int | None = None, seed: int | None = None
    ) -> tuple[Array, Array]:
        """Return the gradients of (y - mu)^2 and of -log p(y | x) by the inputs.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Inputs.
        y : array_like, shape (n,)
            Target.
        draws : int, optional
            As of `predict_distribution`.
        seed : int, optional
            As of `predict_distribution`.

        Returns
        -------
        tuple of ndarray, shape (n, d)
            Gradients of the squared error and of the negative log density of the same draws.

        Raises
        ------
        ValueError
            For a module that states no distribution.
        """
        inputs, target = self._checked(X), np.asarray(y, dtype=np.float64)
        return self._stated().gradients(inputs, target, draws, self.seed_ if seed is None else seed)

    def _checked(self, X: ArrayLike) -> Array:
        check_is_fitted(self, "module_")
        inputs: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return inputs

    def _stated(self) -> ModulePosterior:
        if self.posterior_ is None:
            raise ValueError(
                "the module states no distribution: it draws nothing and has one output; give "
                "draws= for one with dropout, or return (n, 2), a mean and a log variance"
            )
        return self.posterior_

    def _require_sensible_settings(self) -> None:
        for word in ("epochs", "batch_size", "learning_rate", "draws"):
            value = getattr(self, word)
            if value not in (None, AUTO) and not value > 0:
                raise ValueError(f"{word} must be greater than 0, not {value!r}")
        for word, arguments in (("loss", "module, X, y"), ("train", "module, X, y")):
            value = getattr(self, word)
            if not (value is None or callable(value)):
                raise ValueError(f"{word} must be a function {word}({arguments}), not {value!r}")
        if self.loss is not None and self.train is not None:
            raise ValueError("give loss or train, not both: a training loop has its own loss")

    def _trained(self, X: Array, y: Array) -> tuple[nn.Module, Kind, list[Array]]:
        """Train a new module on rows, and return it as it forecasts, with its units."""
        with own_streams(self.seed_):
            module = built(self.module, X.shape[1])
            bayesian = has_torchbnn_layers(module)
            scaling = scaling_of(X, y, self._standardises(X, y, bayesian))
            x_mean, x_sd, y_mean, y_sd = scaling
            inputs, target = (X - x_mean) / x_sd, (y - y_mean) / y_sd
            kind = kind_of(module, inputs, self.input_shape, self.draws is not None)
            if self.train is not None:
                self.train(module.float().train(), *tensors(inputs, target, kind))
            else:
                schedule = self._schedule(bayesian)
                train(module, inputs, target, kind, self.loss, schedule, self.seed_)
        return prepared(module.to(kind.dtype), self.draws is not None), kind, scaling

    def _schedule(self, bayesian: bool) -> Schedule:
        epochs, rows = (BAYESIAN_EPOCHS, None) if bayesian else (EPOCHS, BATCH_SIZE)
        return Schedule(
            epochs if self.epochs == AUTO else self.epochs,
            rows if self.batch_size == AUTO else self.batch_size,
            self.learning_rate,
            self.weight_decay,
        )

    def _standardises(self, X: Array, y: Array, bayesian: bool) -> bool:
        if self.standardise != AUTO:
            return self.standardise
        if not bayesian:
            return True
        low, high = UNIT_SDS
        sds = np.append(X.std(axis=0), y.std())
        return not ((sds > low) & (sds < high)).all()

    def _posterior(self, X: Array, y: Array) -> ModulePosterior:
        """The trained module's draws, with a noise fitted on the last fifth of the rows."""
        dropout, total = self.draws is not None, self.draws or DRAWS
        posterior = ModulePosterior(self.module_, self.kind_, self.scaling_, total, dropout)
        if self.kind_.n_outputs == 1:
            start = validation_start(len(y))
            if start < 1:
                raise ValueError("the noise of a module that draws needs 2 rows or more")
            held_out = ModulePosterior(*self._trained(X[:start], y[:start]), total, dropout)
            seed = seeds.derive(self.seed_, "noise")
            held_out.fit_noise(X[start:], y[start:], y, seed)
            posterior.noise_sd, posterior.noise_floor = held_out.noise_sd, held_out.noise_floor
        return posterior
