"""What a robustness card measures under stress.

Every measure takes (scores, dataset, method, stress) and returns a `Measured` or why there is none;
its docstring is the definition that a card shows. An interval of a mean over splits is that of
`howrobust.analysis.statistics.over_splits`.
"""

import numpy as np
import pandas as pd

from howrobust.analysis.measured import Measured, Result, mean_of_defined, mean_over_splits
from howrobust.analysis.regions import BASELINE, REGION
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.stress_curves import (
    NO_RATIO,
    Crossing,
    awareness,
    degradation_area,
    first_level_above,
    tolerance_over_splits,
)
from howrobust.base.cells import CLEAN
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array


def doubling(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Severity at which the rmse is first twice its clean value, linear between levels.

    Of the geometric mean over splits of rmse / clean rmse; the limits are the crossings of the
    limits of the mean log ratio. No crossing: more than the highest level, never extrapolated.
    """
    table = _ladder(scores, dataset, method, "rmse", stress)
    if isinstance(table, Undefined):
        return table
    levels, values = list(table.columns[1:]), table.to_numpy()
    crossed = tolerance_over_splits(levels, values[:, 1:], values[:, 0], scores.overlap(dataset))
    if isinstance(crossed, Undefined):
        return crossed
    none = Crossing(np.nan, False)
    lower, upper = crossed.lower or none, crossed.upper or none
    return Measured(
        crossed.crossing.level,
        None if crossed.lower is None else lower.level,
        None if crossed.upper is None else upper.level,
        crossed.crossing.censored,
        lower.censored,
        upper.censored,
    )


def degradation(scores: Scores, dataset: str, method: str, stress: str) -> Result:
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
    """Geometric mean over splits of rmse / clean rmse at the highest level of a stress."""
    return _ratio_at_the_top(scores, dataset, method, "rmse", "rmse", stress)


def worst_ratio(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Geometric mean over splits of the worst variant's rmse / clean rmse at the highest level.

    A variant is one feature that drifts or sticks.
    """
    return _ratio_at_the_top(scores, dataset, method, "rmse_worst", "rmse", stress)


def sd_ratio(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Geometric mean over splits of sd / clean sd at the highest level, sd = sharpness.

    It shows whether the stated sd grows outside the training data.
    """
    return _ratio_at_the_top(scores, dataset, method, "sharpness", "sharpness", stress)


def worse_than_marginal(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """First level, 0 included, at which rmse exceeds that of marginal at the same level.

    Of the geometric mean over splits of their ratio; more than the highest level where it never
    does.
    """
    own, reference = (_ladder(scores, dataset, m, "rmse", stress) for m in (method, "marginal"))
    if isinstance(own, Undefined) or isinstance(reference, Undefined):
        return own if isinstance(own, Undefined) else Undefined("marginal was not scored")
    both = own.index.intersection(reference.index)
    if both.empty:
        return Undefined("marginal was scored on other splits")
    levels = [float(v) for v in own.columns]
    found = first_level_above(levels, own.loc[both].to_numpy(), reference.loc[both].to_numpy())
    if isinstance(found, Undefined):
        return found
    return Measured(levels[-1], censored=True) if found is None else Measured(found)


def attacked_nll(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the nll at the highest level of an attack, in nats."""
    top = scores.stresses()[stress][-1]
    return mean_over_splits(scores, dataset, scores.values(dataset, method, "nll", stress, top))


def keeping_pace(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of awareness = sum a b / sum b^2 over the levels of a stress.

    a = log(sd / clean sd), sd the root mean total variance (sharpness), b = log(rmse / clean rmse).
    1 keeps pace, 0 is unaware, above 1 overreacts; undefined where no error grew by a tenth.
    """
    errors = _ladder(scores, dataset, method, "rmse", stress)
    sds = _ladder(scores, dataset, method, "sharpness", stress)
    if isinstance(errors, Undefined):
        return errors
    if isinstance(sds, Undefined):
        return sds
    both = errors.index.intersection(sds.index)
    pairs = zip(errors.loc[both].to_numpy(), sds.loc[both].to_numpy(), strict=True)
    found = [awareness(error[1:], sd[1:], error[0], sd[0]) for error, sd in pairs]
    return mean_of_defined(scores, dataset, found)


def region_ratio(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Geometric mean over the regions held out of rmse / rmse of random thirds of their size."""
    found = _regions(scores, dataset, method, "rmse", stress)
    if isinstance(found, Undefined):
        return found
    region, baseline = found
    if not (region > 0).all():
        return NO_RATIO
    return Measured(float(np.exp(np.mean(np.log(region)))) / baseline)


def region_awareness(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """awareness = sum a b / sum b^2 over the regions held out, against random thirds of their size.

    a and b are logs of the ratios of sd (sharpness) and rmse to the geometric mean of the thirds.
    """
    errors = _regions(scores, dataset, method, "rmse", stress)
    sds = _regions(scores, dataset, method, "sharpness", stress)
    if isinstance(errors, Undefined):
        return errors
    if isinstance(sds, Undefined):
        return sds
    found = awareness(errors[0], sds[0], errors[1], sds[1])
    return found if isinstance(found, Undefined) else Measured(found)


def _ratio_at_the_top(
    scores: Scores, dataset: str, method: str, metric: str, clean: str, stress: str
) -> Result:
    top = scores.stresses()[stress][-1]
    stressed = scores.values(dataset, method, metric, stress, top)
    ratios = (stressed / scores.values(dataset, method, clean, *CLEAN, first=True)).dropna()
    logs = pd.Series(np.log(ratios[(ratios > 0) & np.isfinite(ratios)]))
    found = mean_over_splits(scores, dataset, logs)
    if isinstance(found, Undefined):
        return found
    lower, upper = (None if v is None else float(np.exp(v)) for v in (found.lower, found.upper))
    return Measured(float(np.exp(found.value)), lower, upper)


def _ladder(
    scores: Scores, dataset: str, method: str, metric: str, stress: str
) -> pd.DataFrame | Undefined:
    """Clean values and those at every level, by split, of the splits that have them all."""
    levels = scores.stresses().get(stress, [])
    columns = [scores.values(dataset, method, metric, *CLEAN, first=True)]
    columns += [scores.values(dataset, method, metric, stress, v) for v in levels]
    table = pd.concat(columns, axis=1, keys=[0.0, *levels]).dropna()
    if not levels or table.empty:
        return Undefined(f"no split has a value at every level of {stress}")
    return table


def _regions(
    scores: Scores, dataset: str, method: str, metric: str, stress: str
) -> tuple[Array, float] | Undefined:
    """(values of the regions held out, geometric mean of those of random thirds)."""
    region = scores.values(dataset, method, metric, stress, REGION).to_numpy()
    baseline = scores.values(dataset, method, metric, BASELINE, REGION).to_numpy()
    if not len(region) or not len(baseline):
        return Undefined(f"no region of {stress} was held out")
    if not (baseline > 0).all():
        return NO_RATIO
    return region, float(np.exp(np.mean(np.log(baseline))))
