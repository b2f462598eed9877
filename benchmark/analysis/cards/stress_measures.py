"""What a robustness card measures under stress.

Every measure takes (scores, dataset, method, stress) and returns a `Measured` or why there is none;
its docstring, without the parameters, is the definition that a card shows. An interval of a mean
over splits is that of `howrobust.analysis.statistics.over_splits`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from howrobust.analysis.cards.applicable import sd_cannot_grow
from howrobust.analysis.cards.culprits.features import worst_feature
from howrobust.analysis.cards.entry import Item
from howrobust.analysis.measured import Measured, Result, mean_of_defined, mean_over_splits
from howrobust.analysis.regions import BASELINE, REGION
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.stress_curves import (
    NO_RATIO,
    awareness,
    degradation_area,
    first_level_above,
    tolerance_over_splits,
)
from howrobust.base.facts import StressFacts
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array


def _doubling(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Severity at which the rmse is first twice its clean value, linear between levels.

    Of the geometric mean over splits of rmse / clean rmse; the limits are the crossings of the
    limits of the mean log ratio. Without a crossing it is more than the highest level; nothing is
    extrapolated.
    """
    table = _ladder(scores, dataset, method, "rmse", stress)
    if isinstance(table, Undefined):
        return table
    levels, values = list(table.columns[1:]), table.to_numpy()
    crossed = tolerance_over_splits(levels, values[:, 1:], values[:, 0], scores.overlap(dataset))
    if isinstance(crossed, Undefined):
        return crossed
    lower, upper = crossed.lower, crossed.upper
    return Measured(
        value=crossed.crossing.level,
        lower=lower.level if lower else None,
        upper=upper.level if upper else None,
        censored=crossed.crossing.censored,
        lower_censored=bool(lower and lower.censored),
        upper_censored=bool(upper and upper.censored),
    )


def _degradation_over_levels(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the area under log2(rmse / clean rmse) against level / highest level.

    0: the error never grows; 1: it doubled on average over the ladder.
    """
    table = _ladder(scores, dataset, method, "rmse", stress)
    if isinstance(table, Undefined):
        return table
    levels = list(table.columns[1:])
    areas = [degradation_area(levels, row[1:], row[0]) for row in table.to_numpy()]
    return mean_of_defined(scores, dataset, areas)


def ratio(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Geometric mean over splits of rmse / clean rmse at the highest level.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method, stress : str
        Names of the data set, the method and the stress.

    Returns
    -------
    Measured or Undefined
        The ratio with its interval.
    """
    return _ratio_at_the_top(scores, dataset, method, "rmse", "rmse", stress)


def _sd_ratio(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Geometric mean over splits of sd / clean sd at the highest level, sd = sharpness.

    It shows whether the stated sd grows outside the training data.
    """
    sds = _ladder(scores, dataset, method, "sharpness", stress)
    return sd_cannot_grow(scores, dataset, method, sds) or _ratio_at_the_top(
        scores, dataset, method, "sharpness", "sharpness", stress
    )


def _worse_than_marginal(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """First level, 0 included, at which rmse exceeds that of marginal at the same level.

    Of the geometric mean over splits of their ratio; more than the highest level where it never
    does.
    """
    table = _ladder(scores, dataset, method, "rmse", stress)
    marginal = _ladder(scores, dataset, "marginal", "rmse", stress)
    if isinstance(table, Undefined):
        return table
    if isinstance(marginal, Undefined):
        return Undefined("marginal was not scored")
    both = table.index.intersection(marginal.index)
    if both.empty:
        return Undefined("marginal was scored on other splits")
    levels = [float(v) for v in table.columns]
    first = first_level_above(levels, table.loc[both].to_numpy(), marginal.loc[both].to_numpy())
    if isinstance(first, Undefined):
        return first
    return Measured(levels[-1], censored=True) if first is None else Measured(first)


def _attacked_nll(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the nll at the highest level of an attack, in nats."""
    top = scores.stresses()[stress][-1]
    return mean_over_splits(scores, dataset, scores.values(dataset, method, "nll", stress, top))


def _awareness(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of awareness = sum a b / sum b^2 over the levels of a stress.

    a = log(sd / clean sd), sd the root mean total variance (sharpness), b = log(rmse / clean rmse).
    1 keeps pace, 0 is unaware, above 1 overreacts; undefined where no error grew by a tenth.
    """
    errors = _ladder(scores, dataset, method, "rmse", stress)
    sds = _ladder(scores, dataset, method, "sharpness", stress)
    if isinstance(errors, Undefined):
        return errors
    inapplicable = sd_cannot_grow(scores, dataset, method, sds)
    if inapplicable:
        return inapplicable
    if isinstance(sds, Undefined):
        return sds
    both = errors.index.intersection(sds.index)
    pairs = zip(errors.loc[both].to_numpy(), sds.loc[both].to_numpy(), strict=True)
    slopes = [awareness(error[1:], sd[1:], error[0], sd[0]) for error, sd in pairs]
    return _with_verdict(mean_of_defined(scores, dataset, slopes))


def _region_ratio(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Geometric mean over the regions held out of rmse / rmse of random thirds of their size."""
    rmse = _held_out_regions(scores, dataset, method, "rmse", stress)
    if isinstance(rmse, Undefined):
        return rmse
    if not (rmse.values > 0).all():
        return NO_RATIO
    return Measured(float(np.exp(np.mean(np.log(rmse.values)))) / rmse.thirds)


def _region_awareness(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """awareness = sum a b / sum b^2 over the regions held out, against random thirds of their size.

    a and b are logs of the ratios of sd (sharpness) and rmse to the geometric mean of the thirds.
    """
    rmse = _held_out_regions(scores, dataset, method, "rmse", stress)
    sd = _held_out_regions(scores, dataset, method, "sharpness", stress)
    if isinstance(rmse, Undefined):
        return rmse
    inapplicable = sd_cannot_grow(scores, dataset, method)
    if inapplicable:
        return inapplicable
    if isinstance(sd, Undefined):
        return sd
    slope = awareness(rmse.values, sd.values, rmse.thirds, sd.thirds)
    return slope if isinstance(slope, Undefined) else _with_verdict(Measured(slope))


def _with_verdict(result: Result) -> Result:
    """An awareness with what it means."""
    if isinstance(result, Undefined):
        return result
    if result.value < 0.25:
        return replace(result, note="unaware")
    if result.value < 0.75:
        return replace(result, note="partly aware")
    return replace(result, note="keeps pace" if result.value < 4 / 3 else "overreacts")


def _ratio_at_the_top(
    scores: Scores, dataset: str, method: str, metric: str, clean: str, stress: str
) -> Result:
    """Geometric mean over splits of a metric at the highest level over a clean metric."""
    top = scores.stresses()[stress][-1]
    stressed = scores.values(dataset, method, metric, stress, top)
    ratios = (stressed / scores.values(dataset, method, clean, first=True)).dropna()
    logs = pd.Series(np.log(ratios[(ratios > 0) & np.isfinite(ratios)]))
    mean = mean_over_splits(scores, dataset, logs)
    if isinstance(mean, Undefined):
        return mean
    lower, upper = (None if v is None else float(np.exp(v)) for v in (mean.lower, mean.upper))
    return Measured(float(np.exp(mean.value)), lower, upper)


def _ladder(
    scores: Scores, dataset: str, method: str, metric: str, stress: str
) -> pd.DataFrame | Undefined:
    """Clean values and those at every level, by split, of the splits that have them all."""
    levels = scores.stresses().get(stress, [])
    columns = [scores.values(dataset, method, metric, first=True)]
    columns += [scores.values(dataset, method, metric, stress, v) for v in levels]
    table = pd.concat(columns, axis=1, keys=[0.0, *levels]).dropna()
    if not levels or table.empty:
        return Undefined(f"no split has a value at every level of {stress}")
    return table


@dataclass(frozen=True, eq=False)
class _Regions:
    """Values (k,) of k regions held out, and the geometric mean of those of random thirds."""

    values: Array
    thirds: float


def _held_out_regions(
    scores: Scores, dataset: str, method: str, metric: str, stress: str
) -> _Regions | Undefined:
    values = scores.values(dataset, method, metric, stress, REGION).to_numpy()
    thirds = scores.values(dataset, method, metric, BASELINE, REGION).to_numpy()
    if not len(values) or not len(thirds):
        return Undefined(f"no region of {stress} was held out")
    if not (thirds > 0).all():
        return NO_RATIO
    return _Regions(values, float(np.exp(np.mean(np.log(thirds)))))


def stress_items(facts: StressFacts, severities: int, headline: bool) -> list[Item]:
    """Return the measures of one stress.

    Parameters
    ----------
    facts : StressFacts
        Facts of the stress.
    severities : int
        Number of its levels.
    headline : bool
        Whether its measures represent tolerance and awareness.

    Returns
    -------
    list of Item
        Measures; none for a stress that only refits, such as shuffle.
    """
    stress = facts.name
    if facts.moves_targets:
        unranked = "the sd should grow outside the training data"
        return [Item("awareness", "sd over clean sd", _sd_ratio, "none", stress, unranked=unranked)]
    if facts.scored_by == "nll":
        return [Item("tolerance", "nll at the highest level", _attacked_nll, "low", stress)]
    if facts.severities:
        return [*_severity_items(facts, severities, headline)]
    if facts.kind == "split" and stress != BASELINE:
        return [
            Item("tolerance", "rmse over that of random thirds", _region_ratio, "low", stress),
            Item("awareness", "awareness", _region_awareness, "one", stress),
        ]
    if facts.kind == "setting":
        name, unranked = "rmse over clean rmse, setting doubled", "1 means no effect of the setting"
        return [Item("tolerance", name, ratio, "none", stress, unranked=unranked)]
    return []


def _severity_items(facts: StressFacts, severities: int, headline: bool) -> Iterator[Item]:
    """The measures of a stress whose levels are severities."""
    stress = facts.name
    if severities > 1 and facts.ladder:
        yield Item("tolerance", "severity that doubles rmse", _doubling, "high", stress, headline)
        yield Item("tolerance", "degradation area", _degradation_over_levels, "low", stress)
    else:
        yield Item("tolerance", "rmse over clean rmse", ratio, "low", stress)
    if severities > 1:
        name = "first level worse than marginal"
        yield Item("tolerance", name, _worse_than_marginal, "high", stress)
    if facts.in_turn:
        yield Item("tolerance", "worst feature's rmse ratio", worst_feature, "low", stress)
    if facts.kind == "input":
        yield Item("awareness", "awareness", _awareness, "one", stress, headline)
