"""Forecasts as arrays of an .npz.

Numbers and short text alone are read, and nothing is unpickled. What the form of a distribution
cannot give is not written, and its reasons are, as JSON.
"""

import json
from collections.abc import Sequence
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howrobust.base.cells import Level
from howrobust.distributions.forecast import STORED_LEVELS, Forecast
from howrobust.storage.arrays import damaged

_NUMBERS = ("n_components", "nll_error", "crps_error", "step", "variants")
_OPTIONAL = ("logpdf_rounded", "kl", "crossings")


def pack_forecasts(forecasts: dict[Level, Forecast]) -> dict[str, NDArray[Any]]:
    """Return the arrays of forecasts by the names that an .npz gives them.

    Parameters
    ----------
    forecasts : dict of Level to Forecast
        Forecasts by stress and severity.

    Returns
    -------
    dict of str to array of any shape
        Arrays by ``stress@level/field``.
    """
    return {
        f"{stress}@{level}/{name}": array
        for (stress, level), forecast in forecasts.items()
        for name, array in _parts(forecast).items()
    }


def _parts(forecast: Forecast) -> dict[str, NDArray[Any]]:
    """Arrays by field; complete forecasts have no levels of their own and no reasons."""
    apart = {"levels", "crossings", "missing", *forecast.missing} - {"quantiles"}
    names = [f.name for f in fields(forecast) if f.name not in apart]
    parts = {name: np.asarray(getattr(forecast, name)) for name in names}
    if forecast.levels != STORED_LEVELS:
        parts["levels"] = np.array(forecast.levels, dtype=np.float64)
    if forecast.crossings.size:
        parts["crossings"] = forecast.crossings
    if forecast.missing:
        parts["missing"] = np.array(json.dumps(forecast.missing))
    return parts


def read_forecasts(
    source: Path | BytesIO, levels: Sequence[Level] | None = None, name: str = ""
) -> dict[Level, Forecast]:
    """Return a cell's forecasts.

    Parameters
    ----------
    source : Path or BytesIO
        The .npz.
    levels : sequence of Level, optional
        The levels to read; by default all.
    name : str, default=""
        Name of a source that is not a file, for messages.

    Returns
    -------
    dict of Level to Forecast
        Forecasts by stress and severity.

    Raises
    ------
    Damaged
        Where the source is missing or cannot be read.
    """
    prefixes = None if levels is None else tuple(f"{stress}@{v}/" for stress, v in levels)
    try:
        with np.load(source, allow_pickle=False) as archive:
            names = [n for n in archive.files if prefixes is None or n.startswith(prefixes)]
            arrays = {name: archive[name] for name in names}
        grouped: dict[Level, dict[str, NDArray[Any]]] = {}
        for array_name, array in arrays.items():
            address, _, part = array_name.partition("/")
            stress, _, level = address.rpartition("@")
            grouped.setdefault((stress, float(level)), {})[part] = array
        return {level: _forecast(parts) for level, parts in grouped.items()}
    except Exception as error:  # zipfile, zlib and NumPy raise many types for damaged bytes
        raise damaged("forecasts", source, name, error) from None


def _forecast(parts: dict[str, NDArray[Any]]) -> Forecast:
    """Return a forecast of its arrays; ValueError where their shapes do not match."""
    missing = _reasons(parts.pop("missing", None))
    levels = tuple(parts.pop("levels", np.array(STORED_LEVELS)).astype(np.float64).tolist())
    n = parts["quantiles"].shape[-1]
    for name, array in parts.items():
        shapes = {"quantiles": [(len(levels), n)], "groups": [array.shape]}
        shapes |= {number: [()] for number in _NUMBERS} | {o: [(n,), (0,)] for o in _OPTIONAL}
        if array.dtype.kind not in "fi" or array.shape not in shapes.get(name, [(n,)]):
            raise ValueError(f"{name} has shape {array.shape} and type {array.dtype}")
    values: dict[str, Any] = {k: v.item() if k in _NUMBERS else v for k, v in parts.items()}
    forecast = Forecast.partial(n, missing, **values, levels=levels)
    if forecast.variants < 1 or n % forecast.variants:
        raise ValueError(f"{n} points do not divide into {forecast.variants} variants")
    return forecast


def _reasons(text: NDArray[Any] | None) -> dict[str, str]:
    """Return the reasons for what is missing; ValueError where they are no text by name."""
    if text is None:
        return {}
    if text.dtype.kind != "U" or text.shape != ():
        raise ValueError(f"missing has shape {text.shape} and type {text.dtype}")
    reasons = json.loads(text.item())
    if not isinstance(reasons, dict) or not all(isinstance(v, str) for v in reasons.values()):
        raise ValueError("missing has no reasons by name")
    return reasons
