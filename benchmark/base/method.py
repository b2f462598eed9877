"""What a plug-in method is: `Method`, its input `Problem`, and what fitting leaves, `Posterior`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import signature
from math import inf
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data

from howrobust.base.data import Truth
from howrobust.base.frames import Frame
from howrobust.distributions.predictive import Array, Predictive


@dataclass(frozen=True)
class Problem:
    """One data set to learn from: X (n, d), y (n,), float64, and the seed of everything random.

    ``truth`` is None except for a method whose ``sees_truth`` is set (the oracle). ``frame`` says
    how X stands for a table with mixed columns, None where X is all there is.
    """

    X: Array
    y: Array
    seed: int
    truth: Truth | None = None
    frame: Frame | None = None


_listener: ContextVar[Callable[[int, int], None] | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Callable[[int, int], None]) -> Iterator[None]:
    """Hand what fits `announce` within this block to ``listener(done, total)``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def announce(done: int, total: int) -> None:
    """Say, from within a long fit, how many of its parts are done; nothing happens unheard."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total)


class Posterior(ABC):
    """All that fitting leaves behind.

    It is picklable, and `predictive` is a function of its arguments alone.
    """

    @abstractmethod
    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        """Return p(y | x) at X (n, d), in target units.

        ``draws`` asks for that many components (None: the method's own number); a posterior of a
        fixed number of members ignores it. The same ``seed`` gives the same draws, and the draws
        are shared by all rows of X, so that any subset of rows has the same forecast.
        """

    def facts(self) -> dict[str, float | list[float]]:
        """Numbers of the fit that a reader must see, such as a noise sd or the restarts' losses."""
        return {}


class DifferentiablePosterior(Posterior):
    """A posterior that knows how its losses change with the inputs, as a gradient attack asks."""

    @abstractmethod
    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        """Return the gradients of (y - mu(x))^2 and of -log p(y | x) at X (n, d) and y (n,).

        Both are (n, d), float64, with respect to X. mu and p are the mean and the density of
        ``predictive(X, draws, seed)``, in target units, but for its rounding.
        """


class Method(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A way to learn p(y | x), as a scikit-learn regressor.

    Laws:

    * ``infer_stack`` is the one door to training. The posterior of a problem is a function of that
      problem alone: on a CPU bit for bit the same whoever is trained beside it.
    * Everything random derives from ``problem.seed``; no global generator is read or set.
    * Validation rows are the last fifth of the rows as given: a restart changes the seed, a shuffle
      permutes the rows. Give rows in random order; sorted rows make that fifth an extrapolation.
    * No logic in ``__init__``: settings are keyword arguments, stored untouched.

    ``components`` names what the mixture's components are, ``noise_model`` how their sds came
    about; ``LIMITS`` gives open bounds of settings, for every element of a sequence (None passes);
    ``CHOICES`` names settings of which several values may be given, to be decided on validation
    rows; ``epistemic`` says whether the variance between components is that of a posterior;
    ``refits`` whether fitting again teaches it anything (a model that came fitted does not).
    """

    components: ClassVar[str] = "components"
    noise_model: ClassVar[str] = "not stated"
    epistemic: ClassVar[bool] = False
    sees_truth: ClassVar[bool] = False
    refits: ClassVar[bool] = True
    PRESETS: ClassVar[dict[str, dict[str, Any]]] = {}
    LIMITS: ClassVar[dict[str, tuple[float, float]]] = {}
    CHOICES: ClassVar[tuple[str, ...]] = ()
    random_state: Any = None
    posterior_: Posterior

    @abstractmethod
    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        """Learn every problem and return their posteriors, in order.

        Raises ValueError for settings that make no sense and FloatingPointError, naming the
        problem, where training diverged.
        """

    def prepare(self) -> None:
        """Load what fitting needs, such as compiled loops, before any clock runs."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from X (n, d) and y (n,): a stack of one."""
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
        """Return the mean of the predictive distribution (n,), float64."""
        return self.predict_distribution(X).mean()

    def predict_distribution(self, X: ArrayLike) -> Predictive:
        """Return p(y | x) at X (n, d); the same draws at every call after one fit."""
        check_is_fitted(self, "posterior_")
        inputs: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return self.posterior_.predictive(inputs, seed=self.seed_)

    def settings(self) -> dict[str, Any]:
        """Constructor words as they apply: a preset replaces those left at their default.

        Raises ValueError for an unknown preset, or a value outside its limits.
        """
        words: dict[str, Any] = self.get_params(deep=False)
        parameters = signature(type(self)).parameters
        preset = words.get("preset")
        if preset is not None:
            if preset not in self.PRESETS:
                known = ", ".join(sorted(self.PRESETS)) or "none"
                raise ValueError(
                    f"unknown preset {preset!r} of {type(self).__name__}; known: {known}"
                )
            for word, value in self.PRESETS[preset].items():
                if words[word] == parameters[word].default:
                    words[word] = value
        for word, (low, high) in self.LIMITS.items():
            several = isinstance(words[word], list | tuple)
            if isinstance(parameters[word].default, tuple) and not several:
                raise ValueError(f"{word} must be a list, such as [50], not {words[word]!r}")
            if several and not (
                isinstance(parameters[word].default, tuple) or word in self.CHOICES
            ):
                raise ValueError(f"{word} must be one value, not {words[word]!r}")
            values = words[word] if several else [words[word]]
            if not values or not all(v is None or low < v < high for v in values):
                bounds = f"greater than {low:g}" + (
                    f" and less than {high:g}" if high < inf else ""
                )
                raise ValueError(f"{word} must be {bounds}, not {words[word]!r}")
        return words


class SingleMethod(Method):
    """The door for third parties: learn one problem at a time.

    The smallest plug-in is a subclass with ``infer`` and a `Posterior`.
    """

    @abstractmethod
    def infer(self, problem: Problem) -> Posterior:
        """Learn one problem."""

    def infer_stack(self, problems: Sequence[Problem]) -> Sequence[Posterior]:
        return [self.infer(problem) for problem in problems]
