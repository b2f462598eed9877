"""Sampling in streams: parameters and points in, a streaming summary out.

Laws: draw s is a function of (seed, s), so any chunking gives the same numbers; memory is that of
a block of draws at a run of points, and what is kept of a point; and a point's draws do not depend
on the other points (with a tolerance, their number does: the hardest point sets it).
"""

import math
from abc import abstractmethod

import numpy as np

from howrobust import seeds
from howrobust.base.method import DifferentiablePosterior, Problem
from howrobust.distributions.arrays import Array
from howrobust.distributions.gaussian_mixture import EXACT_COMPONENTS
from howrobust.distributions.joined import Joined
from howrobust.distributions.predictive import Predictive
from howrobust.distributions.streaming import StreamedMixture, mixture
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.problems.problem_pool import validation_start
from howrobust.methods.core.problems.scaling import Scaling
from howrobust.methods.core.sampling.input_gradients import input_gradients
from howrobust.methods.core.sampling.noise import fit_noise_sd, noise_floor
from howrobust.methods.core.sampling.runs import BLOCK_DRAWS, Run, streamed
from howrobust.methods.core.sampling.weights import Weights

HELD_FLOATS = 2**20  # draws times points that are kept for a second pass: at most 16 MiB
PILOT_DRAWS = 1024
MOST_DRAWS = 2**20
RUN_FLOATS = 2**17  # draws times points times units of a gradient's layer: stays in cache


class NetworkPosterior(DifferentiablePosterior):
    """Draws of one problem's network, and the noise of its targets.

    ``weights`` give the draws; a subclass says what their outputs mean. ``members`` is the fixed
    number of networks, or None where draws are unlimited. ``tolerance``: take as many draws as
    bring the standard errors of the mean and of the sd below that part of the sd, at every point.

    Parameters
    ----------
    weights : Weights
        Source of the weights of each draw.
    scaling : Scaling
        Units in which the networks were trained.
    n_draws : int
        Draws of a forecast.
    members : int or None, default None
        Fixed number of networks; None: any number of draws.
    tolerance : float or None, default None
        Monte-Carlo error at which drawing ends, as a part of the sd; None: ``n_draws``.
    """

    def __init__(
        self,
        weights: Weights,
        scaling: Scaling,
        n_draws: int,
        members: int | None = None,
        tolerance: float | None = None,
    ) -> None:
        self.weights = weights
        self.scaling = scaling
        self.n_draws = n_draws
        self.members = members
        self.tolerance = tolerance
        self.restarts = 0
        self.chosen: dict[str, float] = {}  # settings that validation rows decided

    def facts(self) -> dict[str, float | list[float]]:
        restarts = {"restarts": float(self.restarts)} if self.restarts else {}
        return {**restarts, **self.chosen}

    @abstractmethod
    def component(self, outputs: Floats, variance: Floats) -> tuple[Array, Array]:
        """(means (s, n), sds (s, n) | scalar), standardised, from outputs (s, o, n), variances.

        The means are the first output. The squares of the sds are ``variance`` (s, n | 0), if any,
        plus a smooth function of the other outputs of the same draw at the same point.

        Parameters
        ----------
        outputs : ndarray, shape (s, o, n)
            Outputs of s draws.
        variance : ndarray, shape (s, n) or (s, 0)
            Their variances given the hidden units.

        Returns
        -------
        tuple of ndarray
            Means (s, n) and sds (s, n) or (), standardised.
        """

    def aleatoric(self) -> float | None:
        """Variance of the noise, target units squared, where the sds of `component` hold more.

        Returns
        -------
        float or None
            Variance of the noise, in target units squared.
        """
        return None

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        return self._mixture(X, self._total(X, draws, seed), seed)

    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        total = self._total(X, draws, seed)
        layers = self.weights.layers(0, total, seeds.derive(seed, "draws"))
        network = (layers, self.weights.spread(), self.scaling, self.component)
        points = max(1, RUN_FLOATS // (total * int(self.weights.layout.widths.max())))
        runs = [slice(start, start + points) for start in range(0, len(X), points)]
        parts = [input_gradients(*network, X[run], y[run]) for run in runs]
        square, nll = (np.concatenate(part) for part in zip(*parts, strict=True))
        return square, nll

    def standard_errors(self, X: Array, draws: int, seed: int = 0) -> tuple[Array, Array]:
        """Monte-Carlo standard errors (n,) of the mean and of the total sd after so many draws.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Inputs.
        draws : int
            Draws.
        seed : int, default 0
            Seed of the draws.

        Returns
        -------
        tuple of ndarray, shape (n,)
            Standard errors of the mean and of the sd, in target units.
        """
        return self._streamed(X, draws, seed).standard_errors()

    def draws_within(self, tolerance: float, X: Array, seed: int = 0) -> int:
        """Return how many draws bring both standard errors below tolerance * sd at every point.

        Stein's two stages (1945): a pilot of 1,024 draws gives the errors, which fall as one over
        the root of the draws; a tenth is added because they are estimates. At most 2^20, a
        tolerance of about 0.001: stopping where a running error first falls below would stop at
        lucky draws.

        Parameters
        ----------
        tolerance : float
            Largest standard error, as a part of the sd.
        X : ndarray, shape (n, d)
            Inputs.
        seed : int, default 0
            Seed of the draws.

        Returns
        -------
        int
            Draws, a multiple of 256.
        """
        pilot = self._streamed(X, PILOT_DRAWS, seed)
        sd = np.sqrt(np.sum(pilot.variance_parts(), axis=0))
        worst = max(float((error / sd).max()) for error in pilot.standard_errors())
        needed = math.ceil(1.1 * PILOT_DRAWS * (worst / tolerance) ** 2 / BLOCK_DRAWS)
        return min(max(needed * BLOCK_DRAWS, PILOT_DRAWS), MOST_DRAWS)

    def _total(self, X: Array, draws: int | None, seed: int) -> int:
        """Return how many draws a forecast mixes."""
        if self.members is not None:
            return self.members
        if draws is None and self.tolerance is not None:
            return self.draws_within(self.tolerance, X, seed)
        return draws or self.n_draws

    def _mixture(self, X: Array, total: int, seed: int) -> Predictive:
        if total > EXACT_COMPONENTS:
            return self._streamed(X, total, seed)
        run = Run(self.block, X, total, seed)
        sampled = self.members is None
        return mixture(run.blocks, len(X), total, sampled, self.aleatoric(), self.weights.group)

    def _streamed(self, X: Array, total: int, seed: int) -> StreamedMixture | Joined:
        words = (self.members is None, self.aleatoric(), self.weights.group)
        return streamed(self.block, X, total, seed, HELD_FLOATS, *words)

    def block(self, X: Array, block: slice, seed: int) -> tuple[Array, Array]:
        """Means (s, n) and sds of a run of draws at X (n, d), in target units.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Inputs.
        block : slice
            Numbers of the draws.
        seed : int
            Seed of the draws.

        Returns
        -------
        tuple of ndarray
            Means (s, n) and sds (s, n) or (), in target units.
        """
        inputs = (X - self.scaling.x_mean.numpy()) / self.scaling.x_sd.numpy()
        seed = seeds.derive(seed, "draws")
        outputs = self.weights.outputs(inputs, block.start, block.stop - block.start, seed)
        means, sds = self.component(*outputs)
        y_mean, y_sd = float(self.scaling.y_mean), float(self.scaling.y_sd)
        scaled = np.multiply(means, y_sd, dtype=np.float64)
        scaled += y_mean
        return scaled, np.asarray(y_sd * sds, np.float64)


class DrawnPosterior(NetworkPosterior):
    """Any number of draws with one constant noise sd.

    ``noise_sd`` is in target units; ``noise_floor`` is the least that a fit may find, 0 where the
    noise was not fitted on held-out rows.

    Parameters
    ----------
    weights : Weights
        Source of the weights of each draw.
    scaling : Scaling
        Units in which the networks were trained.
    n_draws : int
        Draws of a forecast.
    tolerance : float or None, default None
        Monte-Carlo error at which drawing ends, as a part of the sd; None: ``n_draws``.
    """

    def __init__(
        self, weights: Weights, scaling: Scaling, n_draws: int, tolerance: float | None = None
    ) -> None:
        super().__init__(weights, scaling, n_draws, tolerance=tolerance)
        self.noise_sd = float("nan")
        self.noise_floor = 0.0

    def component(self, outputs: Floats, variance: Floats) -> tuple[Array, Array]:
        noise = self.noise_sd / float(self.scaling.y_sd)
        if variance.shape[1] == 0:
            return np.asarray(outputs[:, 0]), np.array(noise)
        return np.asarray(outputs[:, 0]), np.sqrt(variance.astype(np.float64) + noise**2)

    def aleatoric(self) -> float | None:
        return self.noise_sd**2 if len(self.weights.spread()) else None

    def fit_noise(self, held_out: "DrawnPosterior", problem: Problem) -> None:
        """Fit the noise sd on the validation rows, by the draws of a network that left them out.

        The likelihood mixes one block of draws; their own noise is not used.

        Parameters
        ----------
        held_out : DrawnPosterior
            Posterior of a network that did not train on the validation rows.
        problem : Problem
            Rows to learn from.
        """
        start = validation_start(len(problem.y))
        X, y = problem.X[start:], problem.y[start:]
        seed = seeds.derive(problem.seed, "noise")
        means, _ = held_out.block(X, slice(0, BLOCK_DRAWS), seed)
        rows = np.repeat(np.arange(len(y)), BLOCK_DRAWS)
        self.noise_floor = noise_floor(problem.y)
        self.noise_sd = fit_noise_sd(means.T.ravel(), rows, y, self.noise_floor)

    def facts(self) -> dict[str, float | list[float]]:
        noise = {"noise_sd": self.noise_sd, "noise_floor": self.noise_floor}
        return {**super().facts(), **noise}


class MemberPosterior(NetworkPosterior):
    """A fixed number of networks, and the training loss of each.

    Parameters
    ----------
    weights : Weights
        Source of the weights of each draw.
    scaling : Scaling
        Units in which the networks were trained.
    losses : list of float
        Training loss of each network.
    """

    def __init__(self, weights: Weights, scaling: Scaling, losses: list[float]) -> None:
        super().__init__(weights, scaling, len(losses), len(losses))
        self.losses = losses
