"""How much of a metric's variance is between splits and between restarts, as a table."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from howrobust.analysis.run_scores import Scores
from howrobust.analysis.variability import variance_split
from howrobust.base.cells import CLEAN
from howrobust.base.metric import Undefined

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class VariancePart:
    """One component of the variance of a metric, or why there is none.

    Parameters
    ----------
    dataset, method : str
        Names of the data set and the method.
    component : str, default=""
        Its name: split or restart.
    variance, lower, upper : float, default=nan
        The component and its interval, in the metric's units squared.
    share : float, default=nan
        Its share of the sum of the components.
    splits, left_out : float, default=nan
        Number of complete splits, and of splits in which a restart is missing.
    reason : str, default=""
        Why the variance could not be split.
    """

    dataset: str
    method: str
    component: str = ""
    variance: float = np.nan
    lower: float = np.nan
    upper: float = np.nan
    share: float = np.nan
    splits: float = np.nan
    left_out: float = np.nan
    reason: str = ""


def variance_parts(scores: Scores, metric: str) -> "pd.DataFrame":
    """Split the variance of a clean metric between splits and restarts.

    Parameters
    ----------
    scores : Scores
        The run.
    metric : str
        Name of the metric.

    Returns
    -------
    DataFrame
        One row per `VariancePart`, its fields as columns.

    See Also
    --------
    howrobust.analysis.variability.variance_split : The model and its intervals.
    """
    import pandas as pd

    clean = scores.records[
        (scores.records["stress"] == CLEAN[0]) & (scores.records["metric"] == metric)
    ]
    parts = [
        part
        for (dataset, method), records in clean.groupby(["dataset", "method"], sort=False)
        for part in _parts(str(dataset), str(method), records)
    ]
    return pd.DataFrame(parts, columns=[field.name for field in fields(VariancePart)])


def _parts(dataset: str, method: str, records: "pd.DataFrame") -> Iterator[VariancePart]:
    """The components of one method on one data set."""
    table = records.pivot(index="split", columns="repeat", values="value")
    split = variance_split(table.to_numpy())
    if isinstance(split, Undefined):
        yield VariancePart(dataset, method, reason=split.reason)
        return
    for part in split.components:
        yield VariancePart(
            dataset=dataset,
            method=method,
            component=part.name,
            variance=part.variance,
            lower=part.lower,
            upper=part.upper,
            share=part.share,
            splits=split.splits,
            left_out=split.left_out,
        )
