"""What each level of a stress does to the scores of a method."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from howrobust.analysis.regions import BASELINE, REGION, regions
from howrobust.analysis.run_scores import Scores
from howrobust.base.cells import CLEAN

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
                pairs = _Pairs(scores, data.name, method, stress, stress in held_out)
                for level in ladder:
                    effect = _effect(pairs, level, stress in moved)
                    if effect:
                        rows.append(effect)
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class LevelEffect:
    """A row of `degradation`."""

    dataset: str
    method: str
    stress: str
    level: float
    splits: float
    rmse_ratio: float
    nll_difference: float
    coverage_90: float
    sd_ratio: float


@dataclass(frozen=True)
class _Pairs:
    """Values of a method's metrics under a stress, and those that they are compared with."""

    scores: Scores
    dataset: str
    method: str
    stress: str
    region: bool

    def of(self, metric: str, level: float) -> "tuple[pd.Series, pd.Series]":
        """Values by split under stress and without it, over the splits that have both."""
        reference = (BASELINE, REGION) if self.region else CLEAN
        stressed = self.scores.values(self.dataset, self.method, metric, self.stress, level)
        other = self.scores.values(self.dataset, self.method, metric, *reference, first=True)
        if self.region:  # other splits: all of one against all of the other
            return stressed, other
        both = stressed.index.intersection(other.index)
        return stressed[both], other[both]

    def ratio(self, metric: str, level: float) -> float:
        """Ratio of the geometric means; NaN where a value is not positive."""
        stressed, other = self.of(metric, level)
        if not len(stressed) or not len(other) or min(stressed.min(), other.min()) <= 0:
            return np.nan
        return float(np.exp(np.log(stressed).mean() - np.log(other).mean()))


def _effect(pairs: _Pairs, level: float, moved: bool) -> LevelEffect | None:
    errors, _ = pairs.of("rmse", level)
    if errors.empty:
        return None
    nll, clean_nll = pairs.of("nll", level)
    covered, _ = pairs.of("coverage_90", level)
    return LevelEffect(
        dataset=pairs.dataset,
        method=pairs.method,
        stress=pairs.stress,
        level=level,
        splits=float(len(errors)),
        rmse_ratio=np.nan if moved else pairs.ratio("rmse", level),
        nll_difference=np.nan if moved else float(nll.mean() - clean_nll.mean()),
        coverage_90=np.nan if moved else float(covered.mean()),
        sd_ratio=pairs.ratio("sharpness", level),
    )
