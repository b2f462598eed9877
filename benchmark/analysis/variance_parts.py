"""How much of a metric's variance is between splits and between restarts, as a table."""

from typing import TYPE_CHECKING

from howrobust.analysis.run_scores import Scores
from howrobust.analysis.variability import variance_split
from howrobust.base.cells import CLEAN
from howrobust.base.metric import Undefined

if TYPE_CHECKING:
    import pandas as pd


def variance_parts(scores: Scores, metric: str) -> "pd.DataFrame":
    """Tidy components of a clean metric's variance: dataset, method, component, variance, lower,
    upper, share, splits, left_out, reason.

    Between splits, and between restarts within a split, by `howrobust.analysis.variability.variance_split`
    on the values of every split and repeat; ``reason`` where that is undefined.
    """
    import pandas as pd

    clean = scores.records[
        (scores.records["stress"] == CLEAN[0]) & (scores.records["metric"] == metric)
    ]
    rows = []
    for (dataset, method), own in clean.groupby(["dataset", "method"], sort=False):
        place = {"dataset": dataset, "method": method}
        table = own.pivot(index="split", columns="repeat", values="value")
        found = variance_split(table.to_numpy())
        if isinstance(found, Undefined):
            rows.append({**place, "reason": found.reason})
            continue
        for part in found.components:
            words = {"component": part.name, "variance": part.variance, "share": part.share}
            limits = {"lower": part.lower, "upper": part.upper, "splits": found.splits}
            rows.append({**place, **words, **limits, "left_out": found.left_out, "reason": ""})
    return pd.DataFrame(rows)
