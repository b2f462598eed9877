"""What a user's torch module computes is found by calling a copy of it on two rows."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from howrobust import seeds
from howrobust.distributions.arrays import Array
from howrobust.methods.wrappers.own_streams import own_streams
from howrobust.methods.wrappers.torch_modules.kind import (
    Kind,
    as_inputs,
    called,
    device_of,
    prepared,
)

PRECISIONS = (torch.float64, torch.float32)
TWINS = 1024  # equal rows, of which some differ where rows draw, even by a dropout of 0.01
ROUNDING = 1e-4  # far above that of single precision, as a part of an output


def kind_of(
    module: nn.Module,
    X: Array,
    input_shape: tuple[int, ...] | None = None,
    draws: bool = False,
) -> Kind:
    """Return what a module computes; no generator moves, and the module stays as it is.

    Parameters
    ----------
    module : nn.Module
        The module.
    X : ndarray, shape (n, d)
        Rows as the module will be given them, of which the first and the last are used.
    input_shape : tuple of int, optional
        Shape of a row as the module takes it; (d,) if None.
    draws : bool, default False
        Whether dropout stays on, and the module must draw.

    Returns
    -------
    Kind
        What it computes.

    Raises
    ------
    ValueError
        For a module that fails, returns another shape, mixes rows, or does not draw though asked.
    """
    rows = X[[0, -1]]
    module, kind, outputs = _called(copy.deepcopy(module), rows, input_shape, draws)
    same = np.repeat(rows[:1], TWINS, axis=0)
    twins, others = (_outputs(module, kind, same, seed) for seed in (1, 2))
    kind = replace(
        kind,
        draws=not _same(twins, others, 0.0),
        by_row=not _same(twins, twins[:1].expand_as(twins), ROUNDING),
    )
    if draws and not kind.draws:
        raise ValueError(
            f"draws was given, but {type(module).__name__} draws nothing: it has no dropout and no "
            "Bayesian layers; bayesian_surrogate gives it some"
        )
    if kind.draws and kind.by_row:
        _require_shared_draws(module, kind, rows)
    elif not all(
        # Beside itself in place of the other row: a recurrent layer looks back alone.
        _same(_outputs(module, kind, rows[[k, k]], 1)[k], outputs[k], ROUNDING)
        for k in (0, 1)
    ):
        raise ValueError(
            f"the output of {type(module).__name__} for a row depends on the other rows: a "
            "recurrent layer, for instance, takes (n, d) for one sequence of n steps; "
            + reshaping(rows.shape[1])
        )
    return kind


def seems_to_state(
    module: nn.Module | Callable[[int], nn.Module], input_shape: tuple[int, ...] | None = None
) -> bool:
    """Return whether a module draws in evaluation mode or has a second output, without rows.

    Parameters
    ----------
    module : nn.Module or callable
        Module, or a function from the number of features to one.
    input_shape : tuple of int, optional
        Shape of a row as the module takes it.

    Returns
    -------
    bool
        What `kind_of` finds on normal rows of the size that the module seems to take; False where
        it takes none of those.
    """
    for features in _sizes(module, input_shape):
        X = seeds.generator(0, "rows of a module").normal(size=(2, features))
        try:
            with own_streams(0):
                made = module if isinstance(module, nn.Module) else module(features)
            if isinstance(made, nn.Module):
                return kind_of(made, X, input_shape).states_distribution()
        except Exception:  # nosec B112 # another size; what is wrong is said when it is fitted
            continue
    return False


def parted(returned: object, n: int) -> tuple[Tensor, Tensor | None]:
    """Part what a module returned for n rows into outputs and its own divergence.

    Parameters
    ----------
    returned : object
        Outputs (n, 1), (n,) or (n, 2); or a pair of those and a divergence, one number in nats.
    n : int
        Rows.

    Returns
    -------
    outputs : Tensor, shape (n, o)
        Outputs; o is 1 or 2.
    kl : Tensor or None
        The divergence (), if any.

    Raises
    ------
    ValueError
        For anything else.
    """
    kl = None
    outputs = returned
    if isinstance(returned, tuple) and len(returned) == 2:
        second = returned[1]
        if isinstance(second, Tensor) and second.numel() == 1 and n > 1:
            outputs, kl = returned[0], second.reshape(())
    if not isinstance(outputs, Tensor) or outputs.shape not in ((n, 1), (n,), (n, 2)):
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(
            f"the module returned {shape} for {n} rows; it must return ({n}, 1) or ({n},), "
            f"({n}, 2) for a mean and a log variance, or a pair of one of those and its own "
            "KL divergence; wrap it in a module that does"
        )
    return outputs.reshape(n, -1), kl


def reshaping(features: int) -> str:
    """Return what to do about a module that takes rows of another shape.

    Parameters
    ----------
    features : int
        Number of features d.

    Returns
    -------
    str
        A clause.
    """
    return (
        f"the module is given (n, {features}); for (n, 1, {features}), as a convolution takes, use "
        f"TorchRegressor(module, input_shape=(1, {features})), for (n, {features}, 1), as a "
        f"recurrent layer takes, input_shape=({features}, 1)"
    )


def _sizes(module: object, input_shape: tuple[int, ...] | None) -> list[int]:
    """Numbers of features that a module may take, the likeliest first."""
    if input_shape is not None:
        return [math.prod(input_shape)]
    first = next(iter(module.parameters()), None) if isinstance(module, nn.Module) else None
    return [1, 8] if first is None else [first.shape[-1], 1]


def _called(
    module: nn.Module,
    rows: Array,
    input_shape: tuple[int, ...] | None,
    draws: bool,
) -> tuple[nn.Module, Kind, Tensor]:
    """Call a module in double precision, or in single precision where it cannot."""
    reasons: list[Exception] = []
    inputs = as_inputs(torch.as_tensor(rows), input_shape)
    prepared(module, draws)
    for precision in PRECISIONS:
        with own_streams(1), torch.no_grad():
            try:
                module.to(precision)
                returned = module(inputs.to(device_of(module), precision))
            except Exception as error:  # whatever a user's code raises: its words are passed on
                reasons.append(error)
                continue
        outputs, kl = parted(returned, len(rows))
        kind = Kind(precision, input_shape, outputs.shape[1], kl is not None)
        return module, kind, outputs
    reason = str(reasons[-1]).partition("\n")[0]
    raise ValueError(
        f"{type(module).__name__} failed on two rows with {type(reasons[-1]).__name__}: {reason}; "
        + reshaping(rows.shape[1])
    ) from reasons[-1]


def _outputs(module: nn.Module, kind: Kind, rows: Array, seed: int) -> Tensor:
    with own_streams(seed), torch.no_grad():
        return called(module, kind, torch.as_tensor(rows))


def _same(a: Tensor, b: Tensor, tolerance: float) -> bool:
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


def _require_shared_draws(module: nn.Module, kind: Kind, rows: Array) -> None:
    try:
        _outputs(module, kind, rows, 1)
    except RuntimeError as error:
        raise ValueError(
            f"the draws of {type(module).__name__} differ from row to row, and torch.func.vmap, by "
            f"which rows would share them, does not support it ({str(error).partition('.')[0]}); "
            "leave draws out, or draw one mask per call for all rows"
        ) from error
