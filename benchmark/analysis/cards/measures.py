"""What a robustness card measures on clean test rows, over refits and in time.

Every measure takes (scores, dataset, method, stress) and returns a `Measured` or why there is none;
its docstring is the definition that a card shows. An interval of a mean over splits is that of
`howrobust.analysis.statistics.over_splits`.
"""

import numpy as np
import pandas as pd
from scipy import stats

from howrobust.analysis.measured import (
    Measured,
    Result,
    mean_of_metric,
    mean_over_splits,
    with_limits,
)
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import effective_n, over_splits, wilson
from howrobust.analysis.variability import instability
from howrobust.base.cells import CLEAN
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array

SHUFFLE = "shuffle"


def rmse(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the rmse of clean test rows, in target units."""
    return mean_of_metric(scores, dataset, method, "rmse")


def nll(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the nll of clean test rows, in nats."""
    return mean_of_metric(scores, dataset, method, "nll")


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
    interval of `howrobust.analysis.variability.instability`; several: their mean and its interval.
    """
    refits: dict[str, list[Array]] = {}
    for cell in scores.fitted(dataset, method):
        if cell.train_stress == CLEAN[0]:
            refits.setdefault(cell.split, []).append(scores.clean(cell).mean)
    return _instability(scores, dataset, method, refits, "restarts: run with --repeats")


def instability_over_shuffles(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """sqrt(mean_x var_r m_r(x)) / rmse over shuffles of the training rows, from one seed.

    As over restarts; the refits are the first repeat and the levels of the stress ``shuffle``.
    """
    refits: dict[str, list[Array]] = {}
    for cell in scores.fitted(dataset, method):
        first = cell.train_stress == CLEAN[0] and cell.repeat == 0
        if first or cell.train_stress == SHUFFLE:
            refits.setdefault(cell.split, []).append(scores.clean(cell).mean)
    return _instability(scores, dataset, method, refits, "shuffles: run with --stress shuffle")


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
    return with_limits(found.mean, found.lower, found.upper)


def _instability(
    scores: Scores, dataset: str, method: str, refits: dict[str, list[Array]], without: str
) -> Result:
    again = {split: np.array(means) for split, means in refits.items() if len(means) > 1}
    if not again:
        return Undefined(f"there are no {without} (a model that came fitted has none)")
    tests = {c.split: scores.held_out(c).y for c in scores.fitted(dataset, method)}
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
