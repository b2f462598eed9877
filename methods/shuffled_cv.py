"""Shuffled cross-validation: how much does a deterministic network move with its training rows?"""

from collections.abc import Sequence
from math import inf
from typing import Any

import numpy as np
import torch

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.distributions.arrays import Array
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.choice import Settings
from howrobust.methods.core.engines.training_job import Rows, Trained, TrainingJob
from howrobust.methods.core.losses.loss import Loss
from howrobust.methods.core.losses.squared_error import SquaredError
from howrobust.methods.core.network_method import NetworkMethod
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import Layer, pairs
from howrobust.methods.core.problems.problem_pool import validation_start
from howrobust.methods.core.problems.scaling import Scaling, scaling_of
from howrobust.methods.core.sampling.noise import fit_noise_sd, noise_floor
from howrobust.methods.core.sampling.posterior import MemberPosterior
from howrobust.methods.core.sampling.weights import MemberWeights


class ShuffledCV(NetworkMethod):
    """Shuffled cross-validation: a deterministic network on the folds of several shuffles.

    All networks start from the same weights, so that they differ by the rows they were trained on
    alone. The forecast is their equally weighted mixture, with Gaussian noise of constant sd fitted
    by maximum likelihood on out-of-fold predictions.

    Parameters
    ----------
    hidden : sequence of int, default (50,)
        Units of each hidden layer.
    epochs : int, default 200
        Passes over the training rows.
    batch_size : int or None, default 100
        Rows of a mini-batch; None: all rows.
    learning_rate : float, default 0.01
        Step size of Adam.
    weight_decay : float, default 0.0
        Added to the gradient of the weights, not the biases, as ``weight_decay * weight``.
    n_folds : int, default 5
        Folds K of each shuffle; 1: hold out the last fifth of each shuffle.
    n_shuffles : int, default 4
        Shuffles R of the rows; there are K R networks.
    patience : int or None, default None
        Epochs without a lower loss on the last fifth of the rows after which training of a network
        stops; it is then not trained on these rows, and returned as it was at the lowest. None: do
        not stop.
    preset : None, default None
        There are no presets.
    device : str, default "cpu"
        Device of torch; on "cpu" loops are compiled where numba can be imported.
    random_state : int, RandomState instance or None, default None
        Source of the seed of a fit.

    Raises
    ------
    ValueError
        In ``fit``, where there are more folds than rows.
    """

    components = "networks on shuffled folds"
    noise_model = "constant; fitted on out-of-fold predictions"

    LIMITS = {**NetworkMethod.LIMITS, "n_folds": (0, inf), "n_shuffles": (0, inf)}

    def __init__(
        self,
        hidden: Sequence[int] = (50,),
        epochs: int = 200,
        batch_size: int | None = 100,
        learning_rate: float = 0.01,
        weight_decay: float = 0.0,
        n_folds: int = 5,
        n_shuffles: int = 4,
        patience: int | None = None,
        preset: str | None = None,
        device: str = "cpu",
        random_state: Any = None,
    ) -> None:
        super().__init__(
            hidden, epochs, batch_size, learning_rate, weight_decay, patience, preset, device,
            random_state,
        )  # fmt: skip
        self.n_folds = n_folds
        self.n_shuffles = n_shuffles

    def _loss(self, settings: Settings) -> Loss:
        return SquaredError(settings["hidden"])

    def _jobs(self, settings: Settings, problem: Problem, rows: Rows) -> list[TrainingJob]:
        seed, decay = seeds.derive(problem.seed, "network"), settings["weight_decay"]
        held = _held_out(settings, problem)
        return [TrainingJob(np.delete(rows, out), seed, decay) for out in held]

    def _posterior(
        self, settings: Settings, problem: Problem, loss: Loss, networks: Trained
    ) -> "ShuffledPosterior":
        scaling = scaling_of(problem.X, problem.y, standardise=True)
        shared = Scaling(*map(torch.as_tensor, scaling))
        layout = Layout(problem.X.shape[1], loss.hidden, 1)
        weights = MemberWeights(layout, _in_units(networks, shared), device=settings["device"])
        posterior = ShuffledPosterior(weights, shared, networks.losses.tolist())
        posterior.restarts = int(networks.restarts.sum())
        posterior.fit_noise(problem, _held_out(settings, problem))
        return posterior


def _held_out(settings: Settings, problem: Problem) -> list[Rows]:
    n = len(problem.y)
    return folds(n, settings["n_folds"], settings["n_shuffles"], problem.seed)


def folds(n: int, n_folds: int, n_shuffles: int, seed: int) -> list[Rows]:
    """Draw the rows that each network of a shuffled cross-validation leaves out.

    Parameters
    ----------
    n : int
        Rows.
    n_folds : int
        Folds K of each shuffle; 1: the last fifth of each shuffle is held out.
    n_shuffles : int
        Shuffles R.
    seed : int
        Seed of the shuffles.

    Returns
    -------
    list of ndarray of int64
        Held-out rows of the K R networks, those of one shuffle after the other.

    Raises
    ------
    ValueError
        Where there are more folds than rows.
    """
    if n_folds > n:
        raise ValueError(f"n_folds must be at most the number of rows, {n}, not {n_folds}")
    held: list[Rows] = []
    for r in range(n_shuffles):
        order = seeds.generator(seed, "shuffle", r).permutation(n)
        if n_folds == 1:
            held.append(order[validation_start(n) :])
        else:
            held += np.array_split(order, n_folds)
    return held


def _in_units(networks: Trained, shared: Scaling) -> list[Layer]:
    """Layers (s, in, out) of networks in units that they share.

    Each network standardises by its own rows: where x = M + S u, its input is (M - m + S u) / s, so
    W becomes (S / s) W and the bias gains ((M - m) / s) W; the output is scaled back the same way.
    """
    layers = [(w.double(), b.double()) for w, b in pairs(networks.parameters)]
    scaling = networks.scaling
    weight, bias = layers[0]
    shift = ((shared.x_mean - scaling.x_mean) / scaling.x_sd)[:, None]
    layers[0] = ((shared.x_sd / scaling.x_sd)[:, :, None] * weight, bias + shift @ weight)
    factor = (scaling.y_sd / shared.y_sd)[:, None, None]
    offset = ((scaling.y_mean - shared.y_mean) / shared.y_sd)[:, None, None]
    weight, bias = layers[-1]
    layers[-1] = (weight * factor, bias * factor + offset)
    return layers


class ShuffledPosterior(MemberPosterior):
    """The networks of every fold, and one noise sd, in target units.

    Parameters
    ----------
    weights : Weights
        Source of the weights of each draw.
    scaling : Scaling
        Units in which the networks were trained.
    losses : list of float
        Training loss of each network.
    """

    noise_sd = float("nan")
    noise_floor = 0.0

    def fit_noise(self, problem: Problem, held: list[Rows]) -> None:
        """Fit the noise sd by maximum likelihood on the rows that each network left out.

        Parameters
        ----------
        problem : Problem
            The problem that was learnt.
        held : list of ndarray of int64, each of shape (n_held,)
            Rows that each network left out.
        """
        means = [self.block(problem.X[out], slice(s, s + 1), 0)[0] for s, out in enumerate(held)]
        rows = np.concatenate(held)
        order = np.argsort(rows, kind="stable")
        flat = np.concatenate(means, axis=1)[0, order]
        present, rows = np.unique(rows[order], return_inverse=True)
        self.noise_floor = noise_floor(problem.y)
        self.noise_sd = fit_noise_sd(flat, rows, problem.y[present], self.noise_floor)

    def component(self, outputs: Floats, variance: Floats) -> tuple[Array, Array]:
        return np.asarray(outputs[:, 0]), np.array(self.noise_sd / float(self.scaling.y_sd))

    def facts(self) -> dict[str, float | list[float]]:
        noise = {"noise_sd": self.noise_sd, "noise_floor": self.noise_floor}
        return {**super().facts(), **noise, "fold_losses": self.losses}
