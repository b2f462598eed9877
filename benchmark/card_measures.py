"""What a robustness card measures: each from the records and forecasts of a run, by its docstring.

Every measure takes (scores, dataset, method, stress) and returns a `Measured` or why there is none.
An overline is a mean over splits; its interval is that of `over_splits`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from howrobust.catalogue import known_stress
from howrobust.cells import CLEAN
from howrobust.ladders import (
    NO_RATIO,
    Crossing,
    awareness,
    degradation_area,
    first_level_above,
    tolerance_over_splits,
)
from howrobust.metrics.contract import Undefined
from howrobust.predictive import Array
from howrobust.scores import Scores
from howrobust.statistics import effective_n, over_splits, wilson
from howrobust.stress.contract import SplitStress
from howrobust.variability import instability

SHUFFLE, BASELINE = "shuffle", "third"
REGION = 1.0


@dataclass(frozen=True)
class Measured:
    """A number and its interval; no limits where one split gives none.

    A censored number or limit is beyond what was tried: read "more than".
    """

    value: float
    lower: float | None = None
    upper: float | None = None
    censored: bool = False
    lower_censored: bool = False
    upper_censored: bool = False


Result = Measured | Undefined
Measure = Callable[[Scores, str, str, str], Result]


def regions(scores: Scores) -> set[str]:
    """Names of the run's stresses that hold a region out, their baseline among them."""
    return {stress for stress in scores.stresses() if _is_region(scores, stress)}


def _is_region(scores: Scores, stress: str) -> bool:
    kind = known_stress(stress)
    if kind is not None:
        return isinstance(kind, SplitStress)
    # Splits are named after their family, which is mostly the stress's own name.
    own = (c["split"] for c in scores.cells if c["train_stress"] == stress)
    return any(split.startswith(f"{stress}-") for split in own)


def rmse(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the rmse of clean test rows, in target units."""
    return _mean_of_metric(scores, dataset, method, "rmse")


def nll(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the nll of clean test rows, in nats."""
    return _mean_of_metric(scores, dataset, method, "nll")


def excess_calibration_error(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of mace - mace_null: calibration error beyond a perfect forecaster's.

    0 is what a perfect forecaster has in expectation at that number of test rows. Ranked are only
    methods outside the null, behind all that are inside it: those of which no more splits lie
    beyond mace_null_95 than a perfect forecaster's would (binomial, 95 %).
    """
    values = [scores.values(dataset, method, name) for name in ("mace", "mace_null")]
    return mean_over_splits(scores, dataset, (values[0] - values[1]).dropna())


def inside_null(scores: Scores, dataset: str, method: str, metric: str = "mace") -> bool:
    """Whether a perfect forecaster could have the calibration errors of the splits.

    No more of J splits lie beyond the null's 95 % point than the 95 % point of Binomial(J, .05).
    """
    error = scores.values(dataset, method, metric)
    beyond = (error > scores.values(dataset, method, f"{metric}_null_95")[error.index]).sum()
    return bool(beyond <= stats.binom.ppf(0.95, len(error), 0.05))


def coverage(scores: Scores, dataset: str, method: str, level: float) -> Result:
    """Share of the clean test points of all splits inside their central interval, by F(y).

    The interval is Wilson's with n_eff = (sum m)^2 / sum m^2, m the appearances of a row.
    """
    if not scores.finished(dataset, method):
        return Undefined("no split was fitted")
    _, cdf, rows = scores.pooled(dataset, method)
    share = float(np.mean(np.abs(2 * cdf - 1) <= level))
    n = effective_n(np.bincount(rows))
    return Measured(share, *wilson(share * n, n))


def coverage_90(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Share of clean test points inside their central 90 % interval; see `coverage`."""
    return coverage(scores, dataset, method, 0.90)


def coverage_95(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Share of clean test points inside their central 95 % interval; see `coverage`."""
    return coverage(scores, dataset, method, 0.95)


def instability_over_restarts(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """sqrt(mean_x var_r m_r(x)) / rmse: how far restarts on the same rows move the predicted mean.

    m_r is the mean forecast of repeat r for the clean test rows of a split, var has ddof 1, and
    rmse is the root mean square of the repeats' rmse. One split with repeats: the chi-square
    interval of `howrobust.variability.instability`; several: their mean and its interval.
    """
    refits: dict[str, list[Array]] = {}
    for cell in scores.fitted(dataset, method):
        if cell["train_stress"] == CLEAN[0]:
            refits.setdefault(cell["split"], []).append(scores.clean(cell).mean)
    return _instability(scores, dataset, method, refits, "restarts: run with --repeats")


def instability_over_shuffles(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """sqrt(mean_x var_r m_r(x)) / rmse over shuffles of the training rows, from one seed.

    As over restarts; the refits are the first repeat and the levels of the stress ``shuffle``.
    """
    refits: dict[str, list[Array]] = {}
    for cell in scores.fitted(dataset, method):
        first = cell["train_stress"] == CLEAN[0] and cell["repeat"] == 0
        if first or cell["train_stress"] == SHUFFLE:
            refits.setdefault(cell["split"], []).append(scores.clean(cell).mean)
    return _instability(scores, dataset, method, refits, "shuffles: run with --stress shuffle")


def _instability(
    scores: Scores, dataset: str, method: str, refits: dict[str, list[Array]], without: str
) -> Result:
    again = {split: np.array(means) for split, means in refits.items() if len(means) > 1}
    if not again:
        return Undefined(f"there are no {without} (a model that came fitted has none)")
    tests = {c["split"]: scores.held_out(c).y for c in scores.fitted(dataset, method)}
    found = []
    for split, means in again.items():
        one = instability(means, float(np.sqrt(np.mean((means - tests[split]) ** 2))))
        if isinstance(one, Undefined):
            return one
        found.append(one)
    if len(found) == 1:
        return Measured(found[0].value, found[0].lower, found[0].upper)
    values = pd.Series([one.value for one in found])
    return mean_over_splits(scores, dataset, values)


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
    return _mean_of_defined(scores, dataset, areas)


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

    Does the stated doubt grow where nothing was trained?
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
    return _mean_of_defined(scores, dataset, found)


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


def fit_seconds(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the wall seconds of a fit; a stack shares its time among its fits.

    What is shared is one measurement: it has no interval.
    """
    values = scores.values(dataset, method, "fit_wall_s")
    return Undefined("no split was fitted") if values.empty else Measured(float(values.mean()))


def microseconds_per_draw(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the microseconds per draw of the predicted mean at 1,000 points."""
    values = scores.values(dataset, method, "us_per_draw").to_numpy()
    if not len(values):
        return Undefined("no split was fitted")
    found = over_splits(values, 0.0)
    return _measured(found.mean, found.lower, found.upper)


def _mean_of_metric(scores: Scores, dataset: str, method: str, metric: str) -> Result:
    values = scores.values(dataset, method, metric)
    if values.empty:
        return Undefined(scores.reason(dataset, method, metric))
    return mean_over_splits(scores, dataset, values)


def mean_over_splits(scores: Scores, dataset: str, values: pd.Series) -> Result:
    """Mean with its corrected interval; undefined where no split has a value."""
    if values.empty:
        return Undefined("no split has a value")
    found = over_splits(values.to_numpy(), scores.overlap(dataset))
    return _measured(found.mean, found.lower, found.upper)


def _measured(value: float, lower: float, upper: float) -> Measured:
    if np.isnan(lower):
        return Measured(float(value))
    return Measured(float(value), float(lower), float(upper))


def _mean_of_defined(scores: Scores, dataset: str, found: list[float | Undefined]) -> Result:
    """Mean over the splits where it is defined; the first reason where it is on none."""
    values = [value for value in found if not isinstance(value, Undefined)]
    if not found:
        return Undefined("no split has a value at every level")
    if not values:
        return next(value for value in found if isinstance(value, Undefined))
    return mean_over_splits(scores, dataset, pd.Series(values))


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
