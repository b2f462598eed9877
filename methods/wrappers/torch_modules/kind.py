"""What a user's torch module computes, and how it is called."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from howrobust.distributions.arrays import Array
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Kind:
    """What a module computes, in the mode in which it forecasts.

    Parameters
    ----------
    dtype : torch.dtype
        Precision of its forecasts.
    input_shape : tuple of int or None
        Shape of a row as the module takes it; None: (d,).
    n_outputs : int
        1 (the mean) or 2 (the mean and the log variance).
    returns_kl : bool
        Whether it returns its own divergence beside its outputs.
    draws : bool
        Whether two calls differ.
    by_row : bool
        Whether rows of one call have draws of their own.
    """

    dtype: torch.dtype
    input_shape: tuple[int, ...] | None
    n_outputs: int = 1
    returns_kl: bool = False
    draws: bool = False
    by_row: bool = False

    def states_distribution(self) -> bool:
        """Return whether the module states a distribution itself, but for a constant noise.

        Returns
        -------
        bool
            True where it draws or has a second output.
        """
        return self.draws or self.n_outputs == 2


def prepared(module: nn.Module, draws: bool) -> nn.Module:
    """Put a module into the mode in which it forecasts, and return it.

    That is evaluation mode; with ``draws`` training mode, in which dropout is on, but for layers
    that hold running statistics, such as batch normalisation.

    Parameters
    ----------
    module : nn.Module
        The module, which is changed.
    draws : bool
        Whether dropout stays on.

    Returns
    -------
    nn.Module
        The module.
    """
    module.train(draws)
    for part in module.modules():
        if any(name.startswith("running_") for name, _ in part.named_buffers(recurse=False)):
            part.eval()
    return module


def as_inputs(X: Tensor, input_shape: tuple[int, ...] | None) -> Tensor:
    """Return rows in the shape that a module takes.

    Parameters
    ----------
    X : Tensor, shape (n, d)
        Rows.
    input_shape : tuple of int or None
        Shape of a row; None: (d,).

    Returns
    -------
    Tensor, shape (n, *input_shape)
        The same numbers.

    Raises
    ------
    ValueError
        Where a row does not have so many numbers.
    """
    if input_shape is None:
        return X
    try:
        return X.reshape(len(X), *input_shape)
    except RuntimeError:
        raise ValueError(
            f"input_shape={tuple(input_shape)} does not hold the {X.shape[1]} features of a row"
        ) from None


def numbers_of(X: "Array | pd.DataFrame") -> Array:
    """Return inputs as the numbers that a module takes.

    Parameters
    ----------
    X : ndarray or DataFrame, shape (n, d)
        Inputs.

    Returns
    -------
    ndarray, shape (n, d)
        The same in float64.

    Raises
    ------
    BadInput
        For a table with text.
    """
    try:
        return np.asarray(X, dtype=np.float64)
    except ValueError as error:
        raise BadInput(
            f"a torch module takes numbers ({error}); encode columns of text, or leave them out"
        ) from None


def called(module: nn.Module, kind: Kind, X: Tensor) -> Tensor:
    """Call a module once on rows that share its draws.

    Parameters
    ----------
    module : nn.Module
        The module, prepared.
    kind : Kind
        What it computes.
    X : Tensor, shape (n, d)
        Rows, standardised where the module was trained so.

    Returns
    -------
    Tensor, shape (n, o)
        Outputs, in the module's precision and on its device.

    Notes
    -----
    Rows with draws of their own, as those of dropout, share them by `torch.func.vmap` over rows
    with ``randomness="same"``.
    """
    inputs = as_inputs(X, kind.input_shape).to(device_of(module), kind.dtype)

    def of_row(row: Tensor) -> Tensor:
        return _first(module(row[None])).reshape(-1)

    if kind.draws and kind.by_row:
        outputs: Tensor = torch.func.vmap(of_row, randomness="same")(inputs)
        return outputs
    return _first(module(inputs)).reshape(len(X), -1)


def device_of(module: nn.Module) -> torch.device:
    """Return where a module's numbers are.

    Parameters
    ----------
    module : nn.Module
        A module.

    Returns
    -------
    torch.device
        The device of its first parameter or buffer; the processor where it has none.
    """
    held = next(iter((*module.parameters(), *module.buffers())), None)
    return torch.device("cpu") if held is None else held.device


def _first(returned: Tensor | tuple[Tensor, ...]) -> Tensor:
    return returned[0] if isinstance(returned, tuple) else returned
