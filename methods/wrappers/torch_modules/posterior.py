"""A user's torch module as a posterior: its draws, and the noise of its targets.

Laws: block k of 256 draws comes from streams of (seed, k), so any chunking of whole blocks gives
the same numbers; rows share every draw, so a row's forecast does not depend on the other rows.
"""

import copy
from contextlib import AbstractContextManager

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor, nn

from howrobust import seeds
from howrobust.base.method import DifferentiablePosterior
from howrobust.base.tables.frame import Frame
from howrobust.distributions.arrays import Array
from howrobust.distributions.gaussian_mixture import EXACT_COMPONENTS
from howrobust.distributions.predictive import Predictive
from howrobust.distributions.streaming import mixture
from howrobust.methods.core.sampling.noise import fit_noise_sd, noise_floor
from howrobust.methods.core.sampling.runs import BLOCK_DRAWS, Run, streamed
from howrobust.methods.wrappers.own_streams import own_streams
from howrobust.methods.wrappers.torch_modules.kind import Kind, called, numbers_of, prepared

HELD_FLOATS = 2**22  # draws times points that are kept for a second pass: 32 MiB


class ModulePosterior(DifferentiablePosterior):
    r"""Mixture of a module's draws, or the one Gaussian of a module that draws nothing.

    ``noise_sd`` is in target units, or None where the module has a second output, the log
    variance; ``noise_floor`` is the least that a fit may find.

    Parameters
    ----------
    module : nn.Module
        The trained module, of which a copy is kept.
    kind : Kind
        What it computes.
    scaling : list of ndarray
        Units in which it was trained: means (d,) and sds (d,) of the inputs, mean () and sd () of
        the target.
    n_draws : int
        Draws of a forecast; those of a module that draws nothing are 1.
    dropout : bool
        Whether dropout stays on.

    Notes
    -----
    The density is :math:`p(y \mid x) = \frac{1}{S} \sum_s N(y; m_s(x), v_s(x))`, one call of the
    module per draw s.
    """

    def __init__(
        self, module: nn.Module, kind: Kind, scaling: list[Array], n_draws: int, dropout: bool
    ) -> None:
        copied = copy.deepcopy(module).to(kind.dtype).requires_grad_(False)
        self.module = prepared(copied, dropout)
        self.kind = kind
        self.scaling = scaling
        self.n_draws = n_draws if kind.draws else 1
        self.noise_sd: float | None = None
        self.noise_floor = 0.0
        self.frame: Frame | None = None  # how X stands for a table, where the module had one

    def predictive(self, X: Array, draws: int | None = None, seed: int = 0) -> Predictive:
        total = self._total(draws)
        if total <= EXACT_COMPONENTS:
            return mixture(Run(self.block, X, total, seed).blocks, len(X), total, self.kind.draws)
        return streamed(self.block, X, total, seed, HELD_FLOATS)

    def mean(self, X: Array, seed: int = 0) -> Array:
        """Compute the mean of the draws, for which no noise is needed.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Inputs.
        seed : int, default 0
            Seed of the draws.

        Returns
        -------
        ndarray, shape (n,)
            Mean, in target units.
        """
        means = [means.sum(axis=0) for means, _ in Run(self.block, X, self.n_draws, seed).blocks()]
        return np.asarray(np.sum(means, axis=0) / self.n_draws, dtype=np.float64)

    def block(self, X: Array, draws: slice, seed: int) -> tuple[Array, Array]:
        """Compute draws from the beginning of a block of 256 on, and of no other block.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Inputs.
        draws : slice
            Numbers of the draws.
        seed : int
            Seed of all blocks.

        Returns
        -------
        tuple of ndarray
            Means (count, n) and sds (count, n) or (), in target units.
        """
        inputs = self._inputs(X)
        count = draws.stop - draws.start
        with _block_streams(seed, draws.start // BLOCK_DRAWS), torch.no_grad():
            outputs = [called(self.module, self.kind, inputs) for _ in range(count)]
        return self._components(torch.stack(outputs))

    def gradients(
        self, X: Array, y: Array, draws: int | None = None, seed: int = 0
    ) -> tuple[Array, Array]:
        total = self._total(draws)
        points = max(1, HELD_FLOATS // total)
        runs = [slice(start, start + points) for start in range(0, len(X), points)]
        parts = [self._gradients(X[run], y[run], total, seed) for run in runs]
        square, nll = (np.concatenate(part) for part in zip(*parts, strict=True))
        return square, nll

    def fit_noise(self, X: Array, y: Array, floor_of: Array, seed: int) -> None:
        """Fit the noise sd on rows that the module did not learn, by one block of draws.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Inputs.
        y : ndarray, shape (n,)
            Target.
        floor_of : ndarray, shape (m,)
            Targets whose sd sets the floor.
        seed : int
            Seed of the draws.
        """
        count = BLOCK_DRAWS if self.kind.draws else 1
        means, _ = self.block(X, slice(0, count), seed)
        self.noise_floor = noise_floor(floor_of)
        rows = np.repeat(np.arange(len(y)), count)
        self.noise_sd = fit_noise_sd(means.T.ravel(), rows, y, self.noise_floor)

    def facts(self) -> dict[str, float | list[float]]:
        if self.noise_sd is None:
            return {}
        return {"noise_sd": self.noise_sd, "noise_floor": self.noise_floor}

    def _total(self, draws: int | None) -> int:
        return (draws or self.n_draws) if self.kind.draws else 1

    def _inputs(self, X: Array) -> Tensor:
        x_mean, x_sd, *_ = self.scaling
        numbers = X if self.frame is None else numbers_of(self.frame.decode(X))
        return torch.as_tensor(np.asarray((numbers - x_mean) / x_sd, dtype=np.float64))

    def _components(self, outputs: Tensor) -> tuple[Array, Array]:
        """Means (s, n), sds (s, n) or (), in target units, of outputs (s, n, o)."""
        values = outputs.double().cpu().numpy()
        *_, y_mean, y_sd = self.scaling
        means = y_mean + y_sd * values[..., 0]
        if not np.isfinite(values).all():
            bad = int(np.sum(~np.isfinite(values)))
            raise ValueError(f"{bad} of {values.size} values of the module are not finite")
        if self.kind.n_outputs == 2:
            return means, y_sd * np.exp(0.5 * values[..., 1])
        return means, np.array(np.nan if self.noise_sd is None else self.noise_sd)

    def _gradients(self, X: Array, y: Array, total: int, seed: int) -> tuple[Array, Array]:
        r"""Gradients (n, d) of both losses by a second pass over the same draws.

        With responsibilities :math:`r_s = p_s / \sum_t p_t`, the slopes of the negative log density
        are :math:`r_s (m_s - y) / v_s` in :math:`m_s` and
        :math:`r_s (1 - (y - m_s)^2 / v_s) / 2` in :math:`\log v_s`; that of the squared error is
        :math:`2 (\mu - y) / S`. Each draw is passed back by itself: memory is that of one.
        """
        blocks = list(Run(self.block, X, total, seed).blocks())
        means = np.concatenate([m for m, _ in blocks])
        sds = np.concatenate([np.broadcast_to(sd, m.shape) for m, sd in blocks])
        z = (means - y) / sds
        share = softmax(-0.5 * z**2 - np.log(sds), axis=0)
        *_, y_sd = self.scaling
        of_square = np.zeros((*means.shape, self.kind.n_outputs))
        of_nll = np.zeros_like(of_square)
        of_square[..., 0] = y_sd * 2 * (means.mean(axis=0) - y) / total
        of_nll[..., 0] = y_sd * share * z / sds
        if self.kind.n_outputs == 2:
            of_nll[..., 1] = share * 0.5 * (1 - z**2)
        slopes = np.zeros((2, *X.shape))
        for k, start in enumerate(range(0, total, BLOCK_DRAWS)):
            with _block_streams(seed, k):
                for s in range(start, min(start + BLOCK_DRAWS, total)):
                    slopes += self._passed_back(X, (of_square[s], of_nll[s]))
        square, nll = slopes / self.scaling[1]
        return square, nll

    def _passed_back(self, X: Array, slopes: tuple[Array, Array]) -> Array:
        """Gradients (2, n, d), in the units of the module, of two weighted sums of one draw."""
        inputs = self._inputs(X).requires_grad_()
        outputs = called(self.module, self.kind, inputs)
        gradients = [
            torch.autograd.grad(outputs, inputs, torch.as_tensor(s).to(outputs), retain_graph=True)
            for s in slopes
        ]
        return np.stack([gradient.numpy() for (gradient,) in gradients])


def _block_streams(seed: int, k: int) -> AbstractContextManager[None]:
    """Streams of block k."""
    return own_streams(seeds.derive(seed, "module draws", k))
