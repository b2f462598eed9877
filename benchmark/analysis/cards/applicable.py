"""Whether a measure of the stated sd can say anything about a method."""

import numpy as np
import pandas as pd

from howrobust.analysis.run_scores import Scores
from howrobust.base.metric import Undefined

CONSTANT = 1e-9  # relative: rounding of one number


def sd_cannot_grow(
    scores: Scores, dataset: str, method: str, ladder: pd.DataFrame | Undefined | None = None
) -> Undefined | None:
    """Return why awareness is not applicable to a method.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method : str
        Names of the data set and the method.
    ladder : DataFrame of shape (J, L) or Undefined, optional
        Root mean total variance of each split at each level of a stress, clean rows first.

    Returns
    -------
    Undefined or None
        The reason for a method that states no sd, and for one whose sd is the same number for all
        clean test rows of a split and at all levels; None where the sd could grow.
    """
    if scores.values(dataset, method, "sharpness").empty:
        return Undefined(f"not applicable: {scores.reason(dataset, method, 'sharpness')}")
    if isinstance(ladder, pd.DataFrame) and not np.isclose(
        ladder, ladder.iloc[:, [0]], rtol=CONSTANT, atol=0
    ).all():  # fmt: skip
        return None
    for cell in scores.finished(dataset, method):
        forecast = scores.clean(cell)
        variance = forecast.aleatoric + forecast.between
        if np.ptp(variance) > 2 * CONSTANT * variance.max():
            return None
    return Undefined("not applicable: its sd is one number for all rows, which cannot grow")
