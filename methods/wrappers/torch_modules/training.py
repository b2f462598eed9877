"""Training of a user's torch module: a module that starts afresh, its loss, and Adam."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from howrobust import seeds
from howrobust.distributions.arrays import Array
from howrobust.methods.core.losses.squared_error_and_kl import KL_WEIGHT
from howrobust.methods.wrappers.torch_modules.kind import Kind, as_inputs

Factory = Callable[[int], nn.Module]
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]
Loop = Callable[[nn.Module, Tensor, Tensor], object]


@dataclass(frozen=True)
class Schedule:
    """How Adam runs over the rows.

    Parameters
    ----------
    epochs : int
        Passes over the rows.
    batch_size : int or None
        Rows of a batch; None: all.
    learning_rate : float
        Step size of Adam.
    weight_decay : float
        L2 penalty of `torch.optim.Adam`.
    """

    epochs: int
    batch_size: int | None
    learning_rate: float
    weight_decay: float


def built(module: nn.Module | Factory, features: int) -> nn.Module:
    """Return a new module for so many features.

    Parameters
    ----------
    module : nn.Module or callable
        A module, of which a copy is started afresh, or a function that makes one.
    features : int
        Number of features.

    Returns
    -------
    nn.Module
        The module.

    Raises
    ------
    ValueError
        Where it would not be new, or would not be a module.
    """
    if isinstance(module, nn.Module):
        return _started_afresh(module)
    made: object = module(features)
    name = getattr(module, "__name__", repr(module))
    if not isinstance(made, nn.Module):
        raise ValueError(f"{name}({features}) returned {made!r}; it must return a torch module")
    if module(features) is made:
        raise ValueError(f"{name} returned one module twice; it must build a new one at every call")
    return made


@runtime_checkable
class _Resettable(Protocol):
    """A layer that can draw new parameters, as torch's own layers can."""

    def reset_parameters(self) -> None:
        """Draw them, from the global generator."""


def _started_afresh(module: nn.Module) -> nn.Module:
    """Return a copy with new parameters; ValueError names a layer that would keep the old ones.

    Kept parameters may have seen the test rows, and restarts would share them.
    """
    copied = copy.deepcopy(module)
    # A module's own reset comes after those of its parts, which it may mean to replace.
    for name, part in reversed(list(copied.named_modules())):
        if isinstance(part, _Resettable):
            part.reset_parameters()
        elif list(part.parameters(recurse=False)):
            kind = type(part).__name__
            raise ValueError(
                f"{name or 'the module'} ({kind}) has parameters and no reset_parameters to start "
                "them afresh, so that every restart would share them; give the module's class, or "
                "a function of the number of features that returns a new module"
            )
    return copied


def has_torchbnn_layers(module: nn.Module) -> bool:
    """Return whether a module has layers of torchbnn.

    Parameters
    ----------
    module : nn.Module
        The module.

    Returns
    -------
    bool
        True where any part is one.
    """
    return any(type(part).__module__.partition(".")[0] == "torchbnn" for part in module.modules())


def train(
    module: nn.Module, X: Array, y: Array, kind: Kind, loss: Loss | None, how: Schedule, seed: int
) -> None:
    """Train a module in float32 by Adam.

    Every epoch shuffles the rows and parts them into batches of nearly equal size.

    Parameters
    ----------
    module : nn.Module
        The module, which is changed.
    X : ndarray, shape (n, d)
        Inputs, standardised where they are.
    y : ndarray, shape (n,)
        Target, standardised where it is.
    kind : Kind
        What the module computes.
    loss : callable, optional
        Loss of a module on a batch (m, *input_shape), (m,); that of `default_loss` if None.
    how : Schedule
        Passes, batches and steps.
    seed : int
        Seed of the batches.

    Raises
    ------
    FloatingPointError
        Where training diverges.
    """
    inputs, target = tensors(X, y, kind)
    module.float().train()
    value, extra = (loss, []) if loss else default_loss(module, kind, len(y))
    optimiser = torch.optim.Adam(
        [*module.parameters(), *extra], how.learning_rate, weight_decay=how.weight_decay
    )
    rng, n = seeds.generator(seed, "batches"), len(y)
    batches = -(-n // min(n, how.batch_size or n))
    for epoch in range(how.epochs):
        for rows in np.array_split(rng.permutation(n), batches):
            optimiser.zero_grad()
            cost = value(module, inputs[rows], target[rows]).sum()
            cost.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if not torch.isfinite(cost):
            raise FloatingPointError(
                f"training diverged in epoch {epoch + 1}: its loss is {cost.item()}; "
                f"lower the learning_rate of {how.learning_rate:g}"
            )


def tensors(X: Array, y: Array, kind: Kind) -> tuple[Tensor, Tensor]:
    """Return rows as float32 tensors in the shape that a module takes.

    Parameters
    ----------
    X : ndarray, shape (n, d)
        Inputs.
    y : ndarray, shape (n,)
        Target.
    kind : Kind
        What the module computes.

    Returns
    -------
    tuple of Tensor
        Inputs (n, *input_shape) and target (n,).
    """
    inputs, target = torch.from_numpy(X).float(), torch.from_numpy(y).float()
    return as_inputs(inputs, kind.input_shape), target


def default_loss(module: nn.Module, kind: Kind, n: int) -> tuple[Loss, list[nn.Parameter]]:
    r"""Return the loss that suits what a module computes, and parameters of the loss itself.

    Parameters
    ----------
    module : nn.Module
        The module.
    kind : Kind
        What it computes.
    n : int
        Training rows.

    Returns
    -------
    tuple
        The loss of a module on a batch, and its own parameters.

    Notes
    -----
    * One output m: the mean squared error.
    * One output and torchbnn layers: mean squared error plus 0.01 times the divergence per weight,
      the loss of `SquaredErrorAndKL`.
    * One output and its own divergence KL: the negative evidence lower bound per row
      :math:`\tfrac12 (y - m)^2 / \sigma^2 + \log \sigma + \mathrm{KL} / n` with a learned
      :math:`\sigma` (Blundell et al. 2015, eq. 2).
    * Two outputs m, :math:`\log v`: :math:`\tfrac12 (y - m)^2 / v + \tfrac12 \log v`, plus
      KL / n of torchbnn's layers or its own, if any.
    """
    bayesian = has_torchbnn_layers(module)
    if kind.n_outputs == 1 and not kind.returns_kl:
        return (_squared_error_and_kl() if bayesian else _squared_error), []
    noise = nn.Parameter(torch.zeros(())) if kind.n_outputs == 1 else None
    divergence = _torchbnn_kl("sum") if bayesian and not kind.returns_kl else None

    def bound(module: nn.Module, X: Tensor, y: Tensor) -> Tensor:
        returned = module(X)
        outputs, kl = returned if kind.returns_kl else (returned, torch.zeros(()))
        outputs = outputs.reshape(len(y), -1)
        if divergence is not None:
            kl = divergence(module)
        log_variance = outputs[:, 1] if noise is None else 2 * noise
        squares = (y - outputs[:, 0]) ** 2 * torch.exp(-log_variance)
        nll: Tensor = 0.5 * (squares + log_variance).mean()
        return nll + kl.sum() / n

    return bound, [] if noise is None else [noise]


def _squared_error(module: nn.Module, X: Tensor, y: Tensor) -> Tensor:
    return nn.functional.mse_loss(module(X).reshape(-1), y)


def _squared_error_and_kl() -> Loss:
    divergence = _torchbnn_kl("mean")

    def loss(module: nn.Module, X: Tensor, y: Tensor) -> Tensor:
        return _squared_error(module, X, y) + KL_WEIGHT * divergence(module)

    return loss


def _torchbnn_kl(reduction: str) -> Callable[[nn.Module], Tensor]:
    import torchbnn

    # Of all layers: alone, the last would give its bias.
    kl: Callable[[nn.Module], Tensor] = torchbnn.BKLLoss(reduction, last_layer_only=False)
    return kl
