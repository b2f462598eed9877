"""What each level of a stress does to a method, beside its clean self."""

from typing import TYPE_CHECKING

import numpy as np

from howrobust.cells import CLEAN, Level
from howrobust.regions import BASELINE, REGION, regions
from howrobust.scores import Scores

if TYPE_CHECKING:
    import pandas as pd


def degradation(scores: Scores) -> "pd.DataFrame":
    """Tidy table: dataset, method, stress, level, splits, rmse_ratio, nll_difference, coverage_90,
    sd_ratio.

    Over the splits that have both: the geometric means of rmse / clean rmse and of sd / clean sd
    (sd: root mean total variance), the means of nll - clean nll and of the share inside the central
    90 % interval. Regions held out are compared with the means over random thirds of their size.
    NaN where a score is undefined, and for errors where the stress moves the true targets too.
    """
    import pandas as pd

    held_out = regions(scores) - {BASELINE}
    moved = {s for s in scores.stresses() if scores.stress_facts(s).moves_targets}
    rows = []
    for data in scores.data:
        for method in scores.methods:
            for stress, ladder in scores.stresses().items():
                for level in ladder:
                    place = (data["name"], method, (stress, level))
                    found = _against_clean(scores, *place, stress in held_out, stress in moved)
                    if found:
                        where = {"dataset": data["name"], "method": method}
                        rows.append({**where, "stress": stress, "level": level, **found})
    return pd.DataFrame(rows)


def _against_clean(
    scores: Scores, dataset: str, method: str, place: Level, region: bool, moved: bool
) -> dict[str, float] | None:
    clean = (BASELINE, REGION) if region else CLEAN

    def pairs(metric: str) -> "tuple[pd.Series, pd.Series]":
        stressed = scores.values(dataset, method, metric, *place)
        other = scores.values(dataset, method, metric, *clean, first=True)
        if region:  # other splits: all of one against all of the other
            return stressed, other
        both = stressed.index.intersection(other.index)
        return stressed[both], other[both]

    def ratio(metric: str) -> float:
        stressed, other = pairs(metric)
        if not len(stressed) or not len(other) or min(stressed.min(), other.min()) <= 0:
            return np.nan
        return float(np.exp(np.log(stressed).mean() - np.log(other).mean()))

    errors, _ = pairs("rmse")
    if errors.empty:
        return None
    found = {"splits": float(len(errors)), "sd_ratio": ratio("sharpness")}
    if moved:
        return {**found, "rmse_ratio": np.nan, "nll_difference": np.nan, "coverage_90": np.nan}
    nll, clean_nll = pairs("nll")
    covered, _ = pairs("coverage_90")
    return {
        **found,
        "rmse_ratio": ratio("rmse"),
        "nll_difference": float(nll.mean() - clean_nll.mean()),
        "coverage_90": float(covered.mean()),
    }
