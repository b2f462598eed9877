"""A user's own torch module as a scikit-learn regressor."""

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data
from torch import Tensor, nn

from howrobust import seeds
from howrobust.distributions.arrays import Array
from howrobust.methods.core.problems.scaling import scaling_of

Factory = Callable[[int], nn.Module]


class TorchRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A torch module trained by Adam on the mean squared error, in float32 on one CPU thread.

    ``module``: a class or a function that takes the number of features and returns an `nn.Module`;
    or a module, of which every fit trains a copy that ``reset_parameters`` of its layers has
    started afresh. Its output is (n,) or (n, 1). Predictions are made in float64 and in evaluation
    mode: the module must take its dtype from its input.

    ``batch_size`` None: all rows. ``weight_decay``: the L2 penalty of `torch.optim.Adam`.
    ``standardise``: inputs and target by the mean and sd of the rows it is fitted on.

    The module draws its start, and its dropout masks, from a stream that depends on
    ``random_state`` alone; torch's global generator is as it was afterwards. A module that draws in
    evaluation mode too, as torchbnn's layers do, draws the same at every prediction.

    Raises ValueError for a module of another output, or one with parameters that nothing starts
    afresh, and FloatingPointError where training diverges.

    Parameters
    ----------
    module : nn.Module or callable
        Module, or a function from the number of features to one.
    epochs : int, default 200
        Passes over the rows.
    batch_size : int or None, default 100
        Rows of a batch; None: all.
    learning_rate : float, default 0.01
        Step size of Adam.
    weight_decay : float, default 0.0
        L2 penalty of `torch.optim.Adam`.
    standardise : bool, default True
        Standardise inputs and target by the rows of the fit.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.
    """

    def __init__(
        self,
        module: nn.Module | Factory,
        epochs: int = 200,
        batch_size: int | None = 100,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        standardise: bool = True,
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.standardise = standardise
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
        for word in ("epochs", "batch_size", "learning_rate"):
            value = getattr(self, word)
            if value is not None and not value > 0:
                raise ValueError(f"{word} must be greater than 0, not {value!r}")
        state = self.random_state
        if not isinstance(state, int | np.integer):
            state = check_random_state(state).randint(2**31 - 1)
        self.seed_ = int(state)
        self.scaling_ = scaling_of(inputs, target, self.standardise)
        x_mean, x_sd, y_mean, y_sd = self.scaling_
        standard = torch.from_numpy((inputs - x_mean) / x_sd)
        with own_streams(self.seed_):
            module = _built(self.module, inputs.shape[1])
            _require_one_output(module, standard[:2])
            self._train(module, standard.float(), torch.from_numpy((target - y_mean) / y_sd))
        self.module_ = module.double().eval()
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the module's output at X (n, d), in target units: (n,), float64.

        Parameters
        ----------
        X : array_like, shape (n, d)
            Inputs.

        Returns
        -------
        ndarray, shape (n,)
            Predictions, in target units.
        """
        check_is_fitted(self, "module_")
        inputs = validate_data(self, X, dtype=np.float64, reset=False)
        x_mean, x_sd, y_mean, y_sd = self.scaling_
        with own_streams(self.seed_), torch.no_grad():
            outputs = self.module_(torch.from_numpy((inputs - x_mean) / x_sd))
        return np.asarray(y_mean + y_sd * outputs.reshape(-1).numpy(), dtype=np.float64)

    def _train(self, module: nn.Module, X: Tensor, y: Tensor) -> None:
        """Every epoch shuffles the rows and parts them into batches of nearly equal size."""
        optimiser = torch.optim.Adam(
            module.parameters(), self.learning_rate, weight_decay=self.weight_decay
        )
        rng, n = seeds.generator(self.seed_, "batches"), len(y)
        batches = -(-n // min(n, self.batch_size or n))
        module.float().train()
        for epoch in range(self.epochs):
            for rows in np.array_split(rng.permutation(n), batches):
                optimiser.zero_grad()
                loss = nn.functional.mse_loss(module(X[rows]).reshape(-1), y[rows].float())
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"training diverged in epoch {epoch + 1}: its loss is {loss.item()}; "
                    f"lower the learning_rate of {self.learning_rate:g}"
                )


@contextmanager
def own_streams(seed: int) -> Iterator[None]:
    """Give what draws from the global generators of Python, NumPy and torch streams of its own.

    Users' modules draw their start and their masks from torch's, and some of scikit-learn's
    estimators, such as `sklearn.svm.SVR`, draw from NumPy's without a setting: they take no other.
    This is the one place that seeds them; torch has one thread within. All are as they were
    afterwards.

    Parameters
    ----------
    seed : int
        Seed of the streams.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - to be put back
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002 - NumPy's seeds have 32 bits
            random.seed(seed)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_num_threads(threads)


def _built(module: nn.Module | Factory, features: int) -> nn.Module:
    """Return a new module for so many features; ValueError where it would not be new."""
    if isinstance(module, nn.Module):
        return _started_afresh(module)
    built: object = module(features)
    name = getattr(module, "__name__", repr(module))
    if not isinstance(built, nn.Module):
        raise ValueError(f"{name}({features}) returned {built!r}; it must return a torch module")
    if module(features) is built:
        raise ValueError(f"{name} returned one module twice; it must build a new one at every call")
    return built


@runtime_checkable
class _Resettable(Protocol):
    """A layer that can draw new parameters, as torch's own layers can."""

    def reset_parameters(self) -> None:
        """Draw them, from the global generator."""


def _started_afresh(module: nn.Module) -> nn.Module:
    """Return a copy with new parameters; ValueError names a layer that would keep the old ones.

    Kept parameters may have seen the test rows, and restarts would share them.
    """
    copied = copy.deepcopy(module)
    # A module's own reset comes after those of its parts, which it may mean to replace.
    for name, part in reversed(list(copied.named_modules())):
        if isinstance(part, _Resettable):
            part.reset_parameters()
        elif list(part.parameters(recurse=False)):
            kind = type(part).__name__
            raise ValueError(
                f"{name or 'the module'} ({kind}) has parameters and no reset_parameters to start "
                "them afresh, so that every restart would share them; give the module's class, or "
                "a function of the number of features that returns a new module"
            )
    return copied


def _require_one_output(module: nn.Module, X: Tensor) -> None:
    """Raise ValueError unless the module maps X (n, d), float64, to (n, 1) or (n,)."""
    with torch.no_grad():
        outputs: object = copy.deepcopy(module).double().eval()(X)
    n = len(X)
    if not isinstance(outputs, Tensor) or outputs.shape not in ((n, 1), (n,)):
        given = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(
            f"the module returned {given} for {n} rows; it must return ({n}, 1) or ({n},)"
        )
