"""Why a model fails on categories that its training rows do not have, and what to do."""

import numpy as np

from howrobust.base.tables.frame import Frame
from howrobust.distributions.arrays import Array
from howrobust.errors import printable


def unseen_remedy(frame: Frame, seen: Array, X: Array, reason: str) -> str:
    """Return what to do where a model fails on a category that its training rows do not have.

    Parameters
    ----------
    frame : Frame
        How arrays stand for the table.
    seen : array of shape (n, d)
        The training rows.
    X : array of shape (m, d)
        The rows that were forecast.
    reason : str
        Why the model failed, which may name the category.

    Returns
    -------
    str
        The column, the category and a remedy, after a semicolon; empty where no category is new.
    """
    new = frame.unseen(seen, X) & ~np.isnan(X)
    pairs = []
    for j in np.flatnonzero(new.any(axis=0)):
        _, first = np.unique(X[new[:, j], j], return_index=True)
        rows = np.flatnonzero(new[:, j])[np.sort(first)]
        values = frame.decode(X[rows]).iloc[:, int(j)].tolist()
        pairs += [(frame.columns[j].name, value) for value in values]
    if not pairs:
        return ""
    name, level = next((pair for pair in pairs if str(pair[1]) in reason), pairs[0])
    return printable(
        f"; {name!r} holds {level!r} in test rows alone: let its encoder take unknown levels, as "
        "OneHotEncoder(handle_unknown='ignore') does, or leave those rows out"
    )
