"""Rows given from Python."""

from typing import Any

import numpy as np

from howrobust.base.data import Dataset, Provenance, Source
from howrobust.base.frames import Frame
from howrobust.datasets.tables.rows import RowSource
from howrobust.errors import BadInput


def given(X: Any, y: Any, name: str = "data") -> Source:
    """Return the source of rows given from Python.

    Parameters
    ----------
    X : array or pandas.DataFrame of shape (n, d)
        Features; a frame may have columns of texts, categories or booleans.
    y : array of shape (n,)
        Targets.
    name : str, default="data"
        Name of the data set.

    Returns
    -------
    Source
        The data set.

    Raises
    ------
    BadInput
        For rows that no regression can be learnt from.
    """
    frame = Frame.of(X) if hasattr(X, "columns") else None
    try:
        inputs = np.asarray(X, dtype=np.float64) if frame is None else frame.encode(X)
        target = np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"X and y must be numbers, or X a pandas frame: {error}") from None
    if inputs.ndim != 2 or target.shape != (len(inputs),):
        raise BadInput(
            f"X must be (n, d) and y (n,), not {inputs.shape} and {target.shape}; reshape them"
        )
    d = inputs.shape[1]
    features = tuple(map(str, frame.names)) if frame else tuple(f"x{j}" for j in range(d))
    about = Provenance("rows given from Python", "the caller", "the user's own", "-")
    return RowSource(
        name, Dataset(inputs, target, features, str(getattr(y, "name", None) or "y")), about, frame
    )
