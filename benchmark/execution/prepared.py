"""Fits on numbers: rows are encoded and targets transformed before, forecasts are returned after.

The one place where problems of a table become numbers. Models that users bring take the table as it
is, and the oracle is given the truth; neither is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from howrobust import seeds
from howrobust.base.method import DifferentiablePosterior, Method, Posterior, Problem
from howrobust.datasets.tables.encoder import Encoder
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import Predictive
from howrobust.distributions.transformed.choice import transform_of
from howrobust.distributions.transformed.law import transformed
from howrobust.distributions.transformed.transforms import TargetTransform


def infer(
    method: Method, problems: Sequence[Problem], target_transform: str = "none"
) -> list[Posterior]:
    """Fit a method to problems, each encoded and transformed as its own training rows decide.

    Parameters
    ----------
    method : Method
        The method. One that takes tables, or is given the truth, is fitted to the problems as they
        are.
    problems : sequence of Problem
        The problems.
    target_transform : {"none", "log", "yeo-johnson", "auto"}, default="none"
        Transform of the target: see `howrobust.distributions.transformed.choice.transform_of`.

    Returns
    -------
    list of Posterior
        One for each problem. It takes rows as the problem has them, with NaN for what is missing,
        and forecasts in the units of the target.

    Raises
    ------
    BadInput
        For a transform that the target of a problem does not have.
    ValueError
        Where the method returns another number of posteriors.
    Exception
        What the method raises.

    Notes
    -----
    Problems of as many encoded columns are fitted in one stack; the others apart, which changes no
    posterior (law 2).
    """
    if method.takes_tables or method.sees_truth:
        return _fitted(method, problems)
    transform = "none" if method.keeps_target else target_transform
    prepared = [_Prepared.of(problem, transform) for problem in problems]
    posteriors: dict[int, Posterior] = {}
    widths = [each.problem.X.shape[1] for each in prepared]
    for width in dict.fromkeys(widths):
        places = [k for k, own in enumerate(widths) if own == width]
        inner = _fitted(method, [prepared[k].problem for k in places])
        for k, posterior in zip(places, inner, strict=True):
            posteriors[k] = prepared[k].wrapped(posterior)
    return [posteriors[k] for k in range(len(problems))]


def _fitted(method: Method, problems: Sequence[Problem]) -> list[Posterior]:
    posteriors = list(method.infer_stack(problems))
    if len(posteriors) != len(problems):
        raise ValueError(f"{len(problems)} problems gave {len(posteriors)} posteriors")
    return posteriors


@dataclass(frozen=True)
class _Prepared:
    """A problem in numbers, and the way back."""

    problem: Problem
    encoder: Encoder
    transform: TargetTransform | None

    @classmethod
    def of(cls, problem: Problem, target_transform: str) -> "_Prepared":
        X, y, frame = problem.X, problem.y, problem.frame
        seed = seeds.derive(problem.seed, "encoder")

        def design(z: Array) -> Array:
            return Encoder.fit(frame, X[: len(z)], z, seed).training

        transform = transform_of(target_transform, y, design)
        z = y if transform is None else _frozen(transform.forward(y))
        encoder = Encoder.fit(frame, X, z, seed)
        training = X if encoder.training is X else _frozen(encoder.training)
        prepared = replace(problem, X=training, y=z, frame=None)
        return cls(prepared, encoder.for_new_rows, transform)

    def wrapped(self, posterior: Posterior) -> Posterior:
        if isinstance(posterior, DifferentiablePosterior):
            return DifferentiablePreparedPosterior(posterior, self.encoder, self.transform)
        return PreparedPosterior(posterior, self.encoder, self.transform)


def _frozen(array: Array) -> Array:
    """Return a new array, read-only from now on."""
    array.flags.writeable = False
    return array


class PreparedPosterior(Posterior):
    """A posterior of rows as a table has them and targets in their units.

    Parameters
    ----------
    inner : Posterior
        The posterior of encoded rows and transformed targets.
    encoder : Encoder
        What rows become.
    transform : TargetTransform or None
        What targets become; None: they stay as they are.
    """

    def __init__(
        self, inner: Posterior, encoder: Encoder, transform: TargetTransform | None
    ) -> None:
        self.inner = inner
        self.encoder = encoder
        self.transform = transform

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        forecast = self.inner.predictive(self.encoder.transform(X), draws, seed)
        return forecast if self.transform is None else transformed(forecast, self.transform)

    def facts(self) -> dict[str, float | list[float]]:
        facts = self.inner.facts()
        return facts if self.transform is None else {**facts, **self.transform.facts()}


class DifferentiablePreparedPosterior(DifferentiablePosterior):
    """A prepared posterior with gradients by the columns of the table.

    Parameters
    ----------
    inner : DifferentiablePosterior
        The posterior of encoded rows and transformed targets.
    encoder : Encoder
        What rows become.
    transform : TargetTransform or None
        What targets become; None: they stay as they are.

    Notes
    -----
    The density of y is that of z times a slope that does not depend on x, so that both have one
    gradient of nll. For a transformed target y = h(z), ``square`` is the gradient of (y - h(m))^2,
    m the mean of z: h(m) is the median of y where z is symmetric. The mean of h(z) would need the
    gradient at every node of an integral over z; an attack follows the signs of a gradient, and
    compares what it reaches by the mean itself.
    """

    def __init__(
        self, inner: DifferentiablePosterior, encoder: Encoder, transform: TargetTransform | None
    ) -> None:
        self.inner = inner
        self._prepared = PreparedPosterior(inner, encoder, transform)

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        return self._prepared.predictive(X, draws, seed)

    def facts(self) -> dict[str, float | list[float]]:
        return self._prepared.facts()

    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        encoder, transform = self._prepared.encoder, self._prepared.transform
        E = encoder.transform(X)
        if transform is None:
            square, nll = self.inner.gradients(E, y, draws, seed)
        else:
            z = transform.forward(y)
            possible = np.isfinite(z)  # nll is infinite at every x for others
            _, nll = self.inner.gradients(E, np.where(possible, z, 0.0), draws, seed)
            nll = np.where(possible[:, None], nll, 0.0)
            mean = self.inner.predictive(E, draws, seed).mean()
            # (t - m)^2 has the gradient 2 dm/dx at t = m - 1.
            twice, _ = self.inner.gradients(E, mean - 1, draws, seed)
            slope = (transform.inverse(mean) - y) * transform.inverse_slope(mean)
            square = slope[:, None] * twice
        return encoder.gradient(square, X), encoder.gradient(nll, X)
