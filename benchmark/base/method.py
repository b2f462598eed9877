"""The contract of a method: a `Problem` goes in, fitting returns a `Posterior`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from math import inf
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from howrobust.base.data import Truth
from howrobust.base.tables.frame import Frame
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import Predictive

Whose = Literal["own", "residual", "cv_plus"]  # the distribution that a method is judged by


@dataclass(frozen=True)
class Problem:
    """One data set to learn from.

    Parameters
    ----------
    X : array of shape (n, d)
        Training inputs, float64.
    y : array of shape (n,)
        Training targets, float64.
    seed : int
        Seed of everything random about the fit.
    truth : Truth, optional
        The true distribution, given to methods with ``sees_truth`` (the oracle) alone.
    frame : Frame, optional
        How X encodes a table with columns of categories, where it does.
    """

    X: Array
    y: Array
    seed: int
    truth: Truth | None = None
    frame: Frame | None = None


class Posterior(ABC):
    """A fitted model.

    Laws: it can be pickled, and `predictive` is a function of its arguments alone.
    """

    @abstractmethod
    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        """Return the predictive distribution p(y | x).

        Parameters
        ----------
        X : array of shape (n, d)
            Inputs.
        draws : int, optional
            Number of components; None: the method's default. A posterior of a fixed number of
            members ignores it.
        seed : int, default=0
            Seed of the draws. They are shared by all rows of X, so that any subset of rows has the
            same forecast.

        Returns
        -------
        Predictive
            The distribution at each input, in target units.
        """

    def facts(self) -> dict[str, float | list[float]]:
        """Return numbers of the fit for reports, such as a noise sd.

        Returns
        -------
        dict of str to float or list of float
            The numbers by name.
        """
        return {}


class DifferentiablePosterior(Posterior):
    """A posterior with gradients of its losses, for attacks."""

    @abstractmethod
    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        """Return the gradients of the losses of each row by its inputs.

        Parameters
        ----------
        X : array of shape (n, d)
            Inputs.
        y : array of shape (n,)
            Observed targets.
        draws : int, optional
            As of `predictive`.
        seed : int, default=0
            As of `predictive`.

        Returns
        -------
        square : array of shape (n, d)
            Gradient of (y - mu(x))^2, mu the mean of ``predictive(X, draws, seed)``.
        nll : array of shape (n, d)
            Gradient of -log p(y | x), p its density; both but for its rounding.
        """


class Method(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A method that learns p(y | x), as a scikit-learn regressor.

    Laws:

    * All training goes through ``infer_stack``. The posterior of a problem is a function of that
      problem alone: on a CPU bit for bit the same, whatever else is trained beside it.
    * Everything random derives from ``problem.seed``; no global generator is read or set.
    * Validation rows are the last fifth of the rows as given: a restart changes the seed, a shuffle
      permutes the rows. Give rows in random order; sorted rows make that fifth an extrapolation.
    * No logic in ``__init__``: settings are keyword arguments, stored untouched.

    Attributes
    ----------
    components : str
        What the components of the mixture are.
    noise_model : str
        How their sds came about.
    sees_truth : bool
        Whether problems are given with the true distribution.
    refits : bool
        Whether fitting changes the model: False for one that is given fitted.
    deterministic : bool
        Whether a fit depends on its rows and settings alone: restarts that agree are then what the
        method claims, and are not ranked.
    takes_tables : bool
        Whether posteriors of a problem with a ``frame`` also take new rows as the table that they
        are, with values that the frame cannot encode.
    PRESETS : dict of str to dict
        Values of settings by the name of a preset.
    LIMITS : dict of str to (float, float)
        Open bounds of settings, for every element of a sequence; None passes.
    CHOICES : tuple of str
        Settings of which several values may be given, to be chosen on validation rows.
    random_state : int, numpy.random.RandomState or None
        The seed of `fit`.
    posterior_ : Posterior
        The fitted model, after `fit`.
    """

    components: ClassVar[str] = "components"
    noise_model: ClassVar[str] = "not stated"
    sees_truth: ClassVar[bool] = False
    refits: ClassVar[bool] = True
    deterministic: bool = False
    takes_tables: ClassVar[bool] = False
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {}
    LIMITS: ClassVar[dict[str, tuple[float, float]]] = {}
    CHOICES: ClassVar[tuple[str, ...]] = ()
    random_state: Any = None
    posterior_: Posterior

    @abstractmethod
    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        """Learn every problem.

        Parameters
        ----------
        problems : sequence of Problem
            Problems of one shape, or of several where the method allows it.

        Returns
        -------
        sequence of Posterior
            The posterior of each problem, in order.

        Raises
        ------
        ValueError
            For settings that the method cannot use.
        FloatingPointError
            Where training diverged; the message names the problem.
        """

    def whose_distribution(self) -> Whose:
        """Return whose distribution is judged.

        Returns
        -------
        {"own", "residual", "cv_plus"}
            "own" for a method that states its distribution, as all do but wrapped models.
        """
        return "own"

    def prepare(self) -> None:
        """Load what fitting needs, such as compiled loops, before fits are timed."""

    def restarts(self) -> str:
        """Return why restarts could give the same predictions, for a card on which they did.

        Returns
        -------
        str
            A clause, such as "deterministic, as claimed".
        """
        if self.deterministic:
            return "deterministic, as claimed"
        return "the fit does not depend on the seed"

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn one problem.

        Parameters
        ----------
        X : array of shape (n, d)
            Training inputs.
        y : array of shape (n,)
            Training targets.

        Returns
        -------
        Method
            This method, fitted.
        """
        inputs: Array
        inputs, y = validate_data(
            self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2
        )
        # Any random_state of scikit-learn's becomes one integer, drawn where it is a stream.
        state = self.random_state
        seed = int(
            state
            if isinstance(state, int | np.integer)
            else check_random_state(state).randint(2**31 - 1)
        )
        (self.posterior_,) = self.infer_stack([Problem(inputs, np.asarray(y, np.float64), seed)])
        self.seed_ = seed
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the mean of the predictive distribution.

        Parameters
        ----------
        X : array of shape (n, d)
            Inputs.

        Returns
        -------
        array of shape (n,)
            The mean at each input, in target units.
        """
        return self.predict_distribution(X).mean()

    def predict_distribution(self, X: ArrayLike) -> Predictive:
        """Return the predictive distribution, of the same draws at every call.

        Parameters
        ----------
        X : array of shape (n, d)
            Inputs.

        Returns
        -------
        Predictive
            p(y | x) at each input, in target units.
        """
        check_is_fitted(self, "posterior_")
        inputs: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return self.posterior_.predictive(inputs, seed=self.seed_)

    def settings(self) -> dict[str, Any]:
        """Return the settings that apply to a fit.

        A preset replaces those that are left at their default.

        Returns
        -------
        dict of str to object
            Values of the constructor's arguments.

        Raises
        ------
        ValueError
            For an unknown preset, or a value outside its limits.
        """
        settings: dict[str, Any] = self.get_params(deep=False)
        parameters = signature(type(self)).parameters
        preset = settings.get("preset")
        if preset is not None:
            for name, value in self._preset(preset).items():
                if settings[name] == parameters[name].default:
                    settings[name] = value
        for name in self.LIMITS:
            self._require_within_limits(name, settings[name], parameters[name].default)
        return settings

    def _preset(self, preset: str) -> dict[str, Any]:
        if preset not in self.PRESETS:
            known = ", ".join(sorted(self.PRESETS)) or "none"
            raise ValueError(f"unknown preset {preset!r} of {type(self).__name__}; known: {known}")
        return self.PRESETS[preset]

    def _require_within_limits(self, name: str, value: Any, default: Any) -> None:
        several = isinstance(value, list | tuple)
        if isinstance(default, tuple) and not several:
            raise ValueError(f"{name} must be a list, such as [50], not {value!r}")
        if several and not (isinstance(default, tuple) or name in self.CHOICES):
            raise ValueError(f"{name} must be one value, not {value!r}")
        low, high = self.LIMITS[name]
        values = value if several else [value]
        if not values or not all(v is None or low < v < high for v in values):
            bounds = f"greater than {low:g}" + (f" and less than {high:g}" if high < inf else "")
            raise ValueError(f"{name} must be {bounds}, not {value!r}")


class SingleMethod(Method):
    """A method that learns one problem at a time.

    The smallest plug-in is a subclass with ``infer`` and a `Posterior`.
    """

    @abstractmethod
    def infer(self, problem: Problem) -> Posterior:
        """Learn one problem.

        Parameters
        ----------
        problem : Problem
            The problem.

        Returns
        -------
        Posterior
            The fitted model.

        Raises
        ------
        ValueError
            For settings that the method cannot use.
        FloatingPointError
            Where training diverged.
        """

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        return [self.infer(problem) for problem in problems]
