"""What a loss is: a start, random numbers, and one value in a torch and a compiled form."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from howrobust.methods.core.arithmetic.compilation import compiled
from howrobust.methods.core.networks.dense import Ints
from howrobust.methods.core.networks.workspace import CompiledNetwork, Workspace


@dataclass(frozen=True)
class Batch:
    """One step's rows of every network in a stack.

    Parameters
    ----------
    X : Tensor of float32, shape (b, B, d)
        Standardised inputs.
    y : Tensor of float32, shape (b, B)
        Standardised targets.
    share : Tensor of float32, shape (B,)
        Weight of each row in a mean; 0 for padding.
    noise : list of Tensor, each of shape (b, ...)
        Random numbers of the step, as `Loss.noise` draws them, stacked over networks.
    n : int
        Training rows of each network.
    """

    X: Tensor
    y: Tensor
    share: Tensor
    noise: list[Tensor]
    n: int


@dataclass(frozen=True)
class CompiledSettings:
    """What the compiled form of a loss needs besides the network.

    Parameters
    ----------
    outputs : int, default 1
        Outputs of the network.
    prior_sds : tuple of float, default ()
        Prior sd of each weight matrix and bias, in their order; empty without a prior.
    constants : tuple of float, default ()
        Further numbers, in the order in which the compiled form reads them.
    """

    outputs: int = 1
    prior_sds: tuple[float, ...] = ()
    constants: tuple[float, ...] = ()


class CompiledLoss(NamedTuple):
    """The compiled form of a loss: three compiled functions.

    Parameters
    ----------
    gradient : callable
        ``gradient(net, space, rows, stream)`` writes the gradient of the loss of the batch in
        ``space`` to ``space.gradient`` and returns the loss, a float.
    error : callable
        ``error(net, space, rows)`` returns the share-weighted sum of the errors of validation rows
        from ``space.outputs``; it may overwrite ``space.slopes``.
    validation : callable
        ``validation(net, error)`` returns the validation loss from the sum over all such rows.
    """

    gradient: Callable[[CompiledNetwork, Workspace, int, Ints], float]
    error: Callable[[CompiledNetwork, Workspace, int], float]
    validation: Callable[[CompiledNetwork, float], float]


@compiled
def unchanged(net: CompiledNetwork, error: float) -> float:
    """Return the sum of errors as the validation loss.

    Parameters
    ----------
    net : CompiledNetwork
        Not used.
    error : float
        Sum of errors.

    Returns
    -------
    float
        ``error``.
    """
    return error


class Loss(ABC):
    """What networks of one shape minimise, in standardised units.

    Parameters
    ----------
    hidden : sequence of int
        Units of each hidden layer.

    Notes
    -----
    Each file of this package that defines a concrete subclass is a loss; `LOSSES` finds it, and the
    tests compare its compiled form with automatic differentiation of its torch form.
    """

    compiled: ClassVar[CompiledLoss]

    def __init__(self, hidden: Sequence[int]) -> None:
        self.hidden = tuple(int(units) for units in hidden)

    @property
    def n_layers(self) -> int:
        """Layers; the first 2 n_layers parameters alternate weights (decayed) and biases."""
        return len(self.hidden) + 1

    @abstractmethod
    def start(self, features: int, generator: torch.Generator) -> list[Tensor]:
        """Draw the parameters with which training of one network starts.

        Parameters
        ----------
        features : int
            Inputs of the network.
        generator : torch.Generator
            Source of all random numbers of the start.

        Returns
        -------
        list of Tensor
            [weight (in, out), bias (1, out), ...], then any other parameters.
        """

    @abstractmethod
    def noise(self, features: int, rows: int, seed: int, step: int) -> list[Tensor]:
        """Draw one network's random numbers for one step of the torch form.

        Parameters
        ----------
        features : int
            Inputs of the network.
        rows : int
            Rows of the batch.
        seed : int
            Seed of the network.
        step : int
            Number of the step, from 0.

        Returns
        -------
        list of Tensor
            The numbers that the compiled form draws for the same seed and step.
        """

    @abstractmethod
    def value(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        """Compute the loss of a batch for a stack of networks.

        Parameters
        ----------
        parameters : list of Tensor, shape (b, ...)
            Parameters of b networks, in the order of `start`.
        batch : Batch
            Rows and random numbers of the step.

        Returns
        -------
        Tensor, shape (b,)
            The loss of each network.
        """

    @abstractmethod
    def validation(self, parameters: list[Tensor], batch: Batch) -> Tensor:
        """Compute the loss without noise or penalty, by which training stops.

        Parameters
        ----------
        parameters : list of Tensor, shape (b, ...)
            Parameters of b networks, in the order of `start`.
        batch : Batch
            Validation rows; ``batch.noise`` is empty.

        Returns
        -------
        Tensor, shape (b,)
            The validation loss of each network.
        """

    def compiled_settings(self, features: int, n: int) -> CompiledSettings:
        """Return what the compiled form needs besides the network.

        Parameters
        ----------
        features : int
            Inputs of the network.
        n : int
            Training rows.

        Returns
        -------
        CompiledSettings
            By default one output, no prior and no constants.
        """
        return CompiledSettings()
