"""Where the weights of a draw come from: a normal posterior, masks on one network, or members.

Draw s of a seed is always the same network: its random numbers are counted by s. The compiled loops
of `compiled_draws` make and evaluate a draw at a time; where nothing compiles, and on a GPU, torch
evaluates the same draws (float32 noise) in blocks.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch

from howrobust.compiled import available
from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.networks.layout import Layout
from howrobust.methods.core.networks.stacked import Layer, padded
from howrobust.methods.core.random_numbers import streams as draws
from howrobust.methods.core.random_numbers.philox import stream_of
from howrobust.methods.core.sampling.compiled_draws import (
    WEIGHTS,
    sample_masks,
    sample_members,
    sample_normal,
)


class Weights(ABC):
    """Networks of one shape: ``layers`` gives any of them, ``outputs`` evaluates them.

    ``group``: so many draws in a row depend on each other. Floats are of ``dtype``.

    Parameters
    ----------
    layout : Layout
        Layout of the networks.
    dtype : type, default np.float32
        Type of the numbers of a draw.
    device : str, default "cpu"
        Device of torch.
    """

    group = 1

    def __init__(self, layout: Layout, dtype: type = np.float32, device: str = "cpu") -> None:
        self.layout = layout
        self.dtype = np.dtype(dtype)
        self.device = device

    @abstractmethod
    def layers(self, first: int, count: int, seed: int) -> list[Layer]:
        """Layers (count, in, out), (count, 1, out) of some draws, float64: the slow way.

        Parameters
        ----------
        first : int
            Number of the first draw.
        count : int
            Number of draws.
        seed : int
            Seed of the draws.

        Returns
        -------
        list of Layer
            Layers of the draws, float64.
        """

    @abstractmethod
    def sample(
        self, X: Floats, first: int, count: int, seed: int, out: Floats, variance: Floats
    ) -> None:
        """Write outputs (count, o, n), and their variances where `spread` has any: the fast way.

        Parameters
        ----------
        X : ndarray, shape (d, n)
            Standardised inputs, n a multiple of 16.
        first : int
            Number of the first draw.
        count : int
            Number of draws.
        seed : int
            Seed of the draws.
        out : ndarray, shape (S, o, n)
            Overwritten with the outputs.
        variance : ndarray, shape (S, n) or (S, 0)
            Overwritten with variances given the hidden units.
        """

    def spread(self) -> Floats:
        """Variances of the last layer's weights and bias (m + 1,) that draws leave to the output.

        Empty where a draw fixes every weight.

        Returns
        -------
        ndarray, shape (m + 1,) or (0,)
            Variances of the last layer's weights and bias.
        """
        return np.empty(0, self.dtype)

    def outputs(self, X: Floats, first: int, count: int, seed: int) -> tuple[Floats, Floats]:
        """Outputs (count, o, n) of some draws at X (n, d), and variances given the hidden units.

        The variances are (count, n), or (count, 0) where there are none.

        Parameters
        ----------
        X : ndarray, shape (n, d)
            Standardised inputs.
        first : int
            Number of the first draw.
        count : int
            Number of draws.
        seed : int
            Seed of the draws.

        Returns
        -------
        tuple of ndarray
            Outputs (count, o, n), and variances (count, n) or (count, 0).
        """
        n, (d, o) = len(X), (self.layout.features, self.layout.outputs)
        if not (available() and self.device == "cpu"):
            return self._by_torch(X, first, count, seed)
        columns = np.zeros((d, padded(n)), self.dtype)
        columns[:, :n] = X.T
        out = np.empty((count, o, padded(n)), self.dtype)
        variance = np.empty((count, padded(n) if len(self.spread()) else 0), self.dtype)
        self.sample(columns, first, count, seed, out, variance)
        return out[:, :, :n], variance[:, :n]

    def _by_torch(self, X: Floats, first: int, count: int, seed: int) -> tuple[Floats, Floats]:
        kind = torch.float64 if self.device == "cpu" else torch.float32
        layers = [
            (w.to(self.device, kind), b.to(self.device, kind))
            for w, b in self.layers(first, count, seed)
        ]
        outputs, last = _evaluate(layers, torch.from_numpy(X).to(self.device, kind))
        spread = torch.from_numpy(self.spread()).to(self.device, kind)
        variance = outputs.new_empty(count, 0)
        if len(spread):
            variance = last**2 @ spread[: last.shape[-1]] + spread[-1]
        return outputs.transpose(1, 2).cpu().numpy(), variance.cpu().numpy()


class NormalWeights(Weights):
    """Independent normal weights with these means and sds, layers (in, out), (1, out).

    ``antithetic``: every other draw has the noise of the one before it, negated. ``integrated``: a
    draw fixes the hidden units alone; given those the output is normal, with mean h mu + b and
    variance h^2 sigma^2 + sigma_b^2, and the last layer is never drawn (Rao & Blackwell).

    Parameters
    ----------
    layout : Layout
        Layout of the networks.
    means : sequence of Layer
        Layers (in, out), (1, out).
    sds : sequence of Layer
        Layers (in, out), (1, out).
    antithetic : bool, default False
        Draw in pairs of opposite noise.
    integrated : bool, default False
        Integrate over the last layer exactly.
    dtype : type, default np.float32
        Type of the numbers of a draw.
    device : str, default "cpu"
        Device of torch.
    """

    def __init__(
        self,
        layout: Layout,
        means: Sequence[Layer],
        sds: Sequence[Layer],
        antithetic: bool = False,
        integrated: bool = False,
        dtype: type = np.float32,
        device: str = "cpu",
    ) -> None:
        super().__init__(layout, dtype, device)
        self.group = 2 if antithetic else 1
        self.integrated = integrated
        self._means, self._sds = (
            layout.pack([(w[None].numpy(), b[None].numpy()) for w, b in layers], np.float64)[0]
            for layers in (means, sds)
        )
        self._last = layout.starts[-2]
        self._variances = self._sds[self._last :] ** 2
        if integrated:
            self._sds[self._last :] = 0

    def spread(self) -> Floats:
        if not self.integrated:
            return np.empty(0, self.dtype)
        h, m = int(self.layout.units[-2]), int(self.layout.widths[-2])
        compact = np.concatenate([self._variances[:h], self._variances[m : m + 1]])
        return compact.astype(self.dtype)

    def layers(self, first: int, count: int, seed: int) -> list[Layer]:
        flat = np.empty((count, self.layout.size))
        for k, number in enumerate(range(first, first + count)):
            own = stream_of(seed, number // self.group, WEIGHTS)
            sign = -1 if self.group == 2 and number % 2 else 1
            flat[k] = self._means + sign * self._sds * draws.normals(own, self.layout.size)
        return _as_tensors(self.layout, flat)

    def sample(
        self, X: Floats, first: int, count: int, seed: int, out: Floats, variance: Floats
    ) -> None:
        sample_normal(
            self._means.astype(self.dtype),
            self._sds.astype(self.dtype),
            self.group == 2,
            self.layout.widths,
            self.layout.units,
            X,
            first,
            stream_of(seed),
            self._variances.astype(self.dtype) if self.integrated else np.empty(0, self.dtype),
            out,
            variance,
        )


class DroppedWeights(Weights):
    """One network, layers (in, out), (1, out), under masks on the inputs of every layer.

    Parameters
    ----------
    layout : Layout
        Layout of the networks.
    network : sequence of Layer
        Layers (in, out), (1, out).
    dropout : float
        Probability that an input of a layer is dropped.
    dtype : type, default np.float32
        Type of the numbers of a draw.
    device : str, default "cpu"
        Device of torch.
    """

    def __init__(
        self,
        layout: Layout,
        network: Sequence[Layer],
        dropout: float,
        dtype: type = np.float32,
        device: str = "cpu",
    ) -> None:
        super().__init__(layout, dtype, device)
        self.network = list(network)
        self.threshold = draws.threshold(dropout)
        packed = [(w[None].numpy(), b[None].numpy()) for w, b in network]
        self._flat = layout.pack(packed, np.float64)[0]

    def layers(self, first: int, count: int, seed: int) -> list[Layer]:
        scale = 1 / (1 - self.threshold / 2**32)
        found = []
        for k, (weight, bias) in enumerate(self.network):
            streams = [stream_of(seed, s, WEIGHTS + k) for s in range(first, first + count)]
            words = np.stack([draws.uniform_words(own, len(weight)) for own in streams])
            mask = torch.from_numpy((words >= self.threshold) * scale)
            found.append((mask[:, :, None] * weight, bias.expand(count, -1, -1)))
        return found

    def sample(
        self, X: Floats, first: int, count: int, seed: int, out: Floats, variance: Floats
    ) -> None:
        shape = (self.layout.widths, self.layout.units)
        network = self._flat.astype(self.dtype)
        sample_masks(network, self.threshold, *shape, X, first, stream_of(seed), out)


class MemberWeights(Weights):
    """A fixed number of networks, layers (S, in, out), (S, 1, out).

    Parameters
    ----------
    layout : Layout
        Layout of the networks.
    members : sequence of Layer
        Layers (S, in, out), (S, 1, out).
    dtype : type, default np.float32
        Type of the numbers of a draw.
    device : str, default "cpu"
        Device of torch.
    """

    def __init__(
        self,
        layout: Layout,
        members: Sequence[Layer],
        dtype: type = np.float32,
        device: str = "cpu",
    ) -> None:
        super().__init__(layout, dtype, device)
        self._flat = layout.pack([(w.numpy(), b.numpy()) for w, b in members], np.float64)

    def layers(self, first: int, count: int, seed: int) -> list[Layer]:
        return _as_tensors(self.layout, self._flat[first : first + count])

    def sample(
        self, X: Floats, first: int, count: int, seed: int, out: Floats, variance: Floats
    ) -> None:
        members = self._flat[first : first + count].astype(self.dtype)
        sample_members(members, self.layout.widths, self.layout.units, X, out)


def _as_tensors(layout: Layout, flat: Floats) -> list[Layer]:
    """Layers of vectors (b, size) as tensors."""
    return [(torch.from_numpy(w), torch.from_numpy(b)) for w, b in layout.unpack(flat)]


@torch.no_grad()
def _evaluate(layers: Sequence[Layer], inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(outputs (s, n, out), last hidden units (s, n, h)) of s networks at inputs (n, d)."""
    activity = inputs.expand(len(layers[0][0]), *inputs.shape)
    for weight, bias in layers[:-1]:
        activity = torch.relu(torch.baddbmm(bias, activity, weight))
    weight, bias = layers[-1]
    return torch.baddbmm(bias, activity, weight), activity
