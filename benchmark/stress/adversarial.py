"""Inputs moved, within a small box around each, to raise the loss of the fitted model.

A row moves by at most level * sd in each feature, sd that of training. A posterior that is a
`DifferentiablePosterior` is attacked along its gradients, any other by random search, which is
weaker since it uses forecasts alone: the two kinds are never ranked together. The attack forecasts
with ``ATTACK_DRAWS`` draws of another seed than the draws that are scored.

For a linear model with weights w, residuals r and a constant sd, both attacks reach
rmse^2 = mean (|r| + level sum_j |w_j| sd_j)^2.
"""

from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from howrobust import seeds
from howrobust.base.method import DifferentiablePosterior
from howrobust.base.stress import InputStress
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import NotStated
from howrobust.distributions.predictive import Predictive

ATTACK_DRAWS = 64
_STEPS = 10
QUERIES = 100

_Loss = Callable[[Array], Array]  # (n, d) -> (n,)
_Gradient = Callable[[Array], Array]  # (n, d) -> (n, d)


class Attack(InputStress):
    """An attack: every row is moved to raise a loss of its forecast.

    `apply` raises ValueError for a context without a posterior.
    """

    levels = (0.01, 0.03, 0.1, 0.3)
    unit = "training sd"
    nested = False

    @abstractmethod
    def loss(self, predictive: Predictive, y: Array) -> Array:
        """Return the loss of a forecast.

        Parameters
        ----------
        predictive : Predictive
            The forecast at n inputs.
        y : array of shape (n,)
            Observed targets.

        Returns
        -------
        array of shape (n,)
            The loss of each row.
        """

    @abstractmethod
    def gradient(self, square: Array, nll: Array) -> Array:
        """Choose the gradient of `loss`.

        Parameters
        ----------
        square, nll : array of shape (n, d)
            Gradients of both losses: see `DifferentiablePosterior.gradients`.

        Returns
        -------
        array of shape (n, d)
            One of the two.
        """

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        posterior = context.posterior
        if posterior is None:
            raise ValueError(f"{self.name} attacks a fitted model: the context needs a posterior")
        radius, frame = level * context.sd, context.frame
        if frame is not None:  # whole moves of whole numbers stay in the box
            whole = np.array([column.whole for column in frame.columns])
            radius = np.where(whole, np.floor(radius), radius)
        draws_seed = seeds.derive(seed, self.name, "draws")

        def held(inputs: Array) -> Array:
            return inputs if frame is None else frame.within(inputs)

        def loss(inputs: Array) -> Array:
            return self.loss(posterior.predictive(held(inputs), ATTACK_DRAWS, draws_seed), y)

        if isinstance(posterior, DifferentiablePosterior):

            def gradient(inputs: Array) -> Array:
                square, nll = posterior.gradients(held(inputs), y, ATTACK_DRAWS, draws_seed)
                return np.nan_to_num(self.gradient(square, nll), nan=0.0)  # at missing values

            return _along_gradients(X, radius, loss, gradient)
        return _by_random_search(X, radius, loss, seeds.generator(seed, self.name, "search"))


class Adversarial(Attack):
    """An attack on the squared error (y - mu)^2, scored by rmse."""

    name = "adversarial"
    title = "every input moved to raise the squared error"

    def loss(self, predictive: Predictive, y: Array) -> Array:
        return _or_nan(lambda: (y - predictive.mean()) ** 2, y)

    def gradient(self, square: Array, nll: Array) -> Array:
        return square


class AdversarialNll(Attack):
    """An attack on -log p(y | x), scored by nll and compared with `marginal`."""

    name = "adversarial_nll"
    title = "every input moved to raise the negative log-likelihood"
    scored_by = "nll"

    def loss(self, predictive: Predictive, y: Array) -> Array:
        return _or_nan(lambda: -predictive.logpdf(y), y)

    def gradient(self, square: Array, nll: Array) -> Array:
        return nll


def _or_nan(loss: Callable[[], Array], y: Array) -> Array:
    """A loss (n,); NaN, so that inputs stay as they are, where the forecast has no such part."""
    try:
        return loss()
    except NotStated:
        return np.full(y.shape, np.nan)


def _along_gradients(X: Array, radius: Array, loss: _Loss, gradient: _Gradient) -> Array:
    """Return the worst, row by row, of X, one step of the radius, and ten of a quarter of it.

    One step along the signs of the gradient is the fast gradient sign method (Goodfellow, Shlens &
    Szegedy 2015, section 4); several, each projected on the box, are projected gradient descent
    (Madry et al. 2018, section 2.1), here started at X. ``radius`` (d,).
    """
    signs = np.sign(gradient(X))
    single = X + radius * signs
    moved = X + radius / 4 * signs
    for _ in range(_STEPS - 1):
        step = radius / 4 * np.sign(gradient(moved))
        moved = np.clip(moved + step, X - radius, X + radius)
    return _worst([X, single, moved], loss)


def _by_random_search(X: Array, radius: Array, loss: _Loss, rng: np.random.Generator) -> Array:
    """Return, row by row, the worst of X and of 99 proposals of a random search.

    It starts at X. A proposal moves some features, one at random and each other with probability
    1 / d, to the other end of the box, or, where they still stand at X, to either end; a row keeps
    it where its loss has grown: the (1 + 1) evolutionary algorithm (Droste, Jansen & Wegener 2002)
    on signs. ``QUERIES`` evaluations of the loss in all.
    """
    n, d = X.shape
    signs, highest = np.zeros((n, d)), loss(X)
    for _ in range(QUERIES - 1):
        chosen = rng.random((n, d)) < 1 / d
        chosen[np.arange(n), rng.integers(d, size=n)] = True
        either = np.where(rng.random((n, d)) < 0.5, 1.0, -1.0)
        proposed = np.where(chosen, np.where(signs == 0, either, -signs), signs)
        proposed_loss = loss(X + radius * proposed)
        better = proposed_loss > highest
        signs[better], highest[better] = proposed[better], proposed_loss[better]
    return X + radius * signs


def _worst(candidates: list[Array], loss: _Loss) -> Array:
    """Return each row (n, d) of the candidate with its greatest loss, the first of equals."""
    highest = np.argmax([loss(inputs) for inputs in candidates], axis=0)
    return np.asarray(np.stack(candidates)[highest, np.arange(len(highest))], np.float64)
