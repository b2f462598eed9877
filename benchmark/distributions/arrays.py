"""The array type of numbers, everywhere float64; arrays that a model states, checked."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from howrobust.errors import BadInput

Array = NDArray[np.float64]


def statement(name: str, given: ArrayLike, ndim: int, n: int | None = None) -> Array:
    """Return an array that a model states.

    Parameters
    ----------
    name : str
        What it is, for messages.
    given : array_like
        The array.
    ndim : int
        Number of dimensions that it needs.
    n : int, optional
        Number of inputs that it needs.

    Returns
    -------
    array of shape (n,) or (k, n)
        The array as float64.

    Raises
    ------
    BadInput
        For another shape, an empty array, or values that are not finite numbers.
    """
    try:
        array = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{name} must be numbers") from None
    if array.ndim != ndim or array.size == 0:
        shape = "(n,)" if ndim == 1 else "(k, n)"
        raise BadInput(f"{name} must have the shape {shape} and not be empty, not {array.shape}")
    if n is not None and array.shape[-1] != n:
        raise BadInput(f"{name} must be given for each of {n} inputs, not for {array.shape[-1]}")
    if not np.isfinite(array).all():
        place = int(np.flatnonzero(~np.isfinite(array).all(axis=tuple(range(ndim - 1))))[0])
        raise BadInput(f"{name} must be finite; at input {place} a value is not")
    return array


def targets(y: ArrayLike, n: int) -> Array:
    """Return the observed targets of a forecast.

    Parameters
    ----------
    y : array of shape (n,)
        Observed targets.
    n : int
        Number of inputs of the forecast.

    Returns
    -------
    array of shape (n,)
        The targets as float64.

    Raises
    ------
    ValueError
        For another shape.
    """
    points = np.asarray(y, dtype=np.float64)
    if points.shape != (n,):
        raise ValueError(f"y has shape {points.shape}, the forecast has {(n,)}")
    return points
