"""Scores of each method at each level of each stress, relative to its clean scores."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from howrobust.analysis.regions import BASELINE, REGION, regions
from howrobust.analysis.run_scores import Scores

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LevelEffect:
    """Scores of a method at one level of a stress, relative to clean ones.

    Parameters
    ----------
    dataset, method, stress : str
        Names of the data set, the method and the stress.
    level : float
        Level of the stress.
    splits : float
        Number of splits with an rmse both clean and under stress.
    rmse_ratio : float
        Geometric mean over splits of rmse / clean rmse.
    nll_difference : float
        Mean over splits of nll - clean nll, in nats.
    coverage_90 : float
        Mean over splits of the share of test points inside their central 90 % interval.
    sd_ratio : float
        Geometric mean over splits of sd / clean sd, sd the root mean total variance.
    """

    dataset: str
    method: str
    stress: str
    level: float
    splits: float
    rmse_ratio: float
    nll_difference: float
    coverage_90: float
    sd_ratio: float


def degradation(scores: Scores) -> "pd.DataFrame":
    """Return what each level of each stress does to the scores of each method.

    Parameters
    ----------
    scores : Scores
        The run.

    Returns
    -------
    DataFrame
        One row per `LevelEffect`, its fields as columns. NaN where a score is undefined; errors,
        nll and coverage are NaN where the stress moves the true targets.

    Notes
    -----
    Means are over the splits that have both values. Regions that are held out are compared with
    the means over random thirds of their size.
    """
    import pandas as pd

    held_out = regions(scores) - {BASELINE}
    moved = {s for s in scores.stresses() if scores.stress_facts(s).moves_targets}
    effects = []
    for data in scores.data:
        for method in scores.methods:
            for stress, levels in scores.stresses().items():
                pairs = _Pairs(scores, data.name, method, stress, stress in held_out)
                effects += [_effect(pairs, level, stress in moved) for level in levels]
    return pd.DataFrame([effect for effect in effects if effect])


@dataclass(frozen=True, eq=False)
class _Pair:
    """Values of a metric under stress, and the clean values that they are compared with."""

    stressed: "pd.Series"
    clean: "pd.Series"

    @property
    def ratio(self) -> float:
        """Ratio of the geometric means; NaN where a value is not positive."""
        if not len(self.stressed) or not len(self.clean):
            return np.nan
        if min(self.stressed.min(), self.clean.min()) <= 0:
            return np.nan
        return float(np.exp(np.log(self.stressed).mean() - np.log(self.clean).mean()))


@dataclass(frozen=True)
class _Pairs:
    """The pairs of a method on a data set under a stress."""

    scores: Scores
    dataset: str
    method: str
    stress: str
    region: bool

    def of(self, metric: str, level: float) -> _Pair:
        stressed = self.scores.values(self.dataset, self.method, metric, self.stress, level)
        if self.region:  # other splits: all of one against all of the other
            thirds = self.scores.values(
                self.dataset, self.method, metric, BASELINE, REGION, first=True
            )
            return _Pair(stressed, thirds)
        clean = self.scores.values(self.dataset, self.method, metric, first=True)
        both = stressed.index.intersection(clean.index)
        return _Pair(stressed[both], clean[both])


def _effect(pairs: _Pairs, level: float, moved: bool) -> LevelEffect | None:
    """The effect of one level; None where no split has an rmse."""
    rmse, nll = pairs.of("rmse", level), pairs.of("nll", level)
    if rmse.stressed.empty:
        return None
    covered = pairs.of("coverage_90", level).stressed
    return LevelEffect(
        dataset=pairs.dataset,
        method=pairs.method,
        stress=pairs.stress,
        level=level,
        splits=float(len(rmse.stressed)),
        rmse_ratio=np.nan if moved else rmse.ratio,
        nll_difference=np.nan if moved else float(nll.stressed.mean() - nll.clean.mean()),
        coverage_90=np.nan if moved else float(covered.mean()),
        sd_ratio=pairs.of("sharpness", level).ratio,
    )
