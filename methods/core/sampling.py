"""Sampling in streams: a posterior's draws come in blocks, and a block's numbers are its own.

Law 3: block k's generator derives from (seed, k), so any chunking of whole blocks gives the same
numbers, and memory does not grow with the number of draws. Prediction is in float64: the mean of a
subset of rows must be the subset of the means.
"""

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from howrobust import seeds
from howrobust.method import Posterior, Problem
from howrobust.methods.core.network import Layer
from howrobust.methods.core.noise import fit_noise_sd, noise_floor
from howrobust.methods.core.stack import validation_start
from howrobust.methods.core.training import Scaling
from howrobust.predictive import Array, Predictive
from howrobust.streamed import mixture

BLOCK_DRAWS = 256
HIDDEN_FLOATS = 2**21  # floats of one layer evaluated at a time: 16 MiB


class NetworkPosterior(Posterior):
    """Draws of one problem's network, and the noise of its targets.

    A subclass gives the layers of a block of draws and their noise; this class evaluates them.
    ``members`` is the fixed number of networks, or None where draws are unlimited.
    """

    def __init__(self, scaling: Scaling, n_draws: int, members: int | None = None) -> None:
        self.scaling = scaling
        self.n_draws = n_draws
        self.members = members

    @abstractmethod
    def layers(self, block: slice, generator: torch.Generator) -> list[Layer]:
        """Layers (s, in, out) of a block's draws or members, float64; s may be all of 256."""

    @abstractmethod
    def component(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """(means (s, n), sds (s, n) | scalar) in standardised units, from outputs (s, n, out)."""

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        total = self.members or draws or self.n_draws
        inputs = (torch.tensor(X) - self.scaling.x_mean) / self.scaling.x_sd

        def blocks() -> Iterator[tuple[Array, Array]]:
            for start in range(0, total, BLOCK_DRAWS):
                yield self.block(inputs, slice(start, min(start + BLOCK_DRAWS, total)), seed)

        return mixture(blocks, len(X), total, sampled=self.members is None)

    def block(self, inputs: Tensor, block: slice, seed: int) -> tuple[Array, Array]:
        """Means (s, n) and sds of one block of draws, in target units, for standardised inputs."""
        number = block.start // BLOCK_DRAWS
        generator = torch.Generator().manual_seed(seeds.derive(seed, "draws", number))
        size = block.stop - block.start
        layers = [(weight[:size], bias[:size]) for weight, bias in self.layers(block, generator)]
        means, sds = self.component(evaluate(layers, inputs))
        y_mean, y_sd = self.scaling.y_mean, self.scaling.y_sd
        return (y_mean + y_sd * means).numpy(), (y_sd * sds).numpy()


class DrawnPosterior(NetworkPosterior):
    """Any number of draws with one constant noise sd.

    ``noise_sd`` is in target units; ``noise_floor`` is the least that a fit may find, 0 where the
    noise was not fitted on held-out rows.
    """

    def __init__(self, scaling: Scaling, n_draws: int) -> None:
        super().__init__(scaling, n_draws)
        self.noise_sd = float("nan")
        self.noise_floor = 0.0

    def component(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return outputs[..., 0], self.noise_sd / self.scaling.y_sd

    def fit_noise(self, held_out: "DrawnPosterior", problem: Problem) -> None:
        """Fit the noise sd on the validation rows, by the draws of a network that left them out.

        The likelihood mixes one block of draws; their own noise is not used.
        """
        start = validation_start(len(problem.y))
        X, y = problem.X[start:], problem.y[start:]
        inputs = (torch.tensor(X) - held_out.scaling.x_mean) / held_out.scaling.x_sd
        seed = seeds.derive(problem.seed, "noise")
        means, _ = held_out.block(inputs, slice(0, BLOCK_DRAWS), seed)
        rows = np.repeat(np.arange(len(y)), BLOCK_DRAWS)
        self.noise_floor = noise_floor(problem.y)
        self.noise_sd = fit_noise_sd(means.T.ravel(), rows, y, self.noise_floor)

    def facts(self) -> dict[str, float | list[float]]:
        return {"noise_sd": self.noise_sd, "noise_floor": self.noise_floor}


class MemberPosterior(NetworkPosterior):
    """A fixed number of networks: ``members`` are layers (s, in, out), float64."""

    def __init__(self, members: list[Layer], scaling: Scaling, losses: list[float]) -> None:
        super().__init__(scaling, len(losses), len(losses))
        self._layers = members
        self.losses = losses

    def layers(self, block: slice, generator: torch.Generator) -> list[Layer]:
        return [(weight[block], bias[block]) for weight, bias in self._layers]


@torch.no_grad()
def evaluate(layers: list[Layer], inputs: Tensor) -> Tensor:
    """Outputs (s, n, out) of s networks at the same inputs (n, d), a few networks at a time."""
    widest = max(weight.shape[-1] for weight, _ in layers)
    step = max(1, HIDDEN_FLOATS // (widest * len(inputs)))
    found = []
    for start in range(0, len(layers[0][0]), step):
        activity = inputs
        for k, (weight, bias) in enumerate(layers):
            if k:
                activity = activity.relu_()
            activity = torch.matmul(activity, weight[start : start + step])
            activity += bias[start : start + step]
        found.append(activity)
    return torch.cat(found)
