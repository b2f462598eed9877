"""A network as one flat vector, padded so that compiled loops see whole vectors of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from howrobust.methods.core.arithmetic.products import Floats
from howrobust.methods.core.networks.stacked import padded
from howrobust.methods.core.random_numbers.philox import chunks


@dataclass(frozen=True)
class Layout:
    """Where the weights of a network of this shape stand in its vector.

    Hidden layers come first, each as W (fan_in, m) and b (m,), m being its units rounded up to a
    multiple of 16 and fan_in the m of the layer before; then the last layer as w (outputs, m) and
    16 places for its biases. What is no weight stays 0. ``size`` is a multiple of 64.

    Parameters
    ----------
    features : int
        Inputs of the networks.
    hidden : tuple of int
        Units of each hidden layer.
    outputs : int
        Outputs of the network.
    """

    features: int
    hidden: tuple[int, ...]
    outputs: int

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """[features, padded units of each hidden layer, outputs]."""
        return np.array([self.features, *map(padded, self.hidden), self.outputs], np.int64)

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """[features, units of each hidden layer, outputs]."""
        return np.array([self.features, *self.hidden, self.outputs], np.int64)

    @cached_property
    def starts(self) -> list[int]:
        """Where each layer begins, and the end of the last one."""
        *wide, outputs = (int(w) for w in self.widths)
        sizes = [(a + 1) * b for a, b in pairwise(wide)]
        return [0, *np.cumsum([*sizes, outputs * wide[-1] + 16]).tolist()]

    @cached_property
    def size(self) -> int:
        """Length of the vector."""
        return chunks(self.starts[-1])

    def pack(self, layers: Sequence[tuple[Floats, Floats]], dtype: type = np.float32) -> Floats:
        """Return vectors (b, size) of b networks, from layers (b, in, out), (b, 1, out).

        Parameters
        ----------
        layers : sequence of (ndarray, ndarray)
            Layers (b, in, out), (b, 1, out).
        dtype : type, default np.float32
            Type of the numbers of a draw.

        Returns
        -------
        ndarray, shape (b, size)
            Vectors of the networks.
        """
        flat: Floats = np.zeros((len(layers[0][0]), self.size), dtype)
        for (weight, bias), (to_weight, to_bias) in zip(layers, self.views(flat), strict=True):
            to_weight[...] = weight
            to_bias[...] = bias
        return flat

    def unpack(self, flat: Floats) -> list[tuple[Floats, Floats]]:
        """Layers (b, in, out), (b, 1, out) of vectors (b, size), as copies.

        Parameters
        ----------
        flat : ndarray, shape (b, size)
            Vectors of b networks.

        Returns
        -------
        list of (ndarray, ndarray)
            Layers (b, in, out), (b, 1, out), copied.
        """
        return [(weight.copy(), bias.copy()) for weight, bias in self.views(flat)]

    def views(self, flat: Floats) -> list[tuple[Floats, Floats]]:
        """Layers of vectors (b, size), as views without padding.

        Parameters
        ----------
        flat : ndarray, shape (b, size)
            Vectors of b networks.

        Returns
        -------
        list of (ndarray, ndarray)
            Layers (b, in, out), (b, 1, out), as views.
        """
        b, layers = len(flat), []
        *wide, outputs = (int(w) for w in self.widths)
        units = [self.features, *self.hidden]
        for k, (fan_in, m) in enumerate(pairwise(wide)):
            start = self.starts[k]
            weight = flat[:, start : start + fan_in * m].reshape(b, fan_in, m)
            bias = flat[:, start + fan_in * m : start + (fan_in + 1) * m].reshape(b, 1, m)
            layers.append((weight[:, : units[k], : units[k + 1]], bias[..., : units[k + 1]]))
        start, m = self.starts[-2], wide[-1]
        weight = flat[:, start : start + outputs * m].reshape(b, outputs, m)
        bias = flat[:, start + outputs * m : start + outputs * m + outputs].reshape(b, 1, outputs)
        layers.append((weight[:, :, : units[-1]].transpose(0, 2, 1), bias))
        return layers

    @cached_property
    def real(self) -> NDArray[np.float32]:
        """1 (size,) where a number is a weight or bias, 0 where it is padding."""
        flat = np.zeros((1, self.size), np.float32)
        for weight, bias in self.views(flat):
            weight[...] = 1
            bias[...] = 1
        return np.asarray(flat[0], np.float32)

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """1 (size,) where a number is a weight, 0 where it is a bias or padding."""
        flat = np.zeros((1, self.size), np.float32)
        for weight, _ in self.views(flat):
            weight[...] = 1
        return np.asarray(flat[0], np.float32)
