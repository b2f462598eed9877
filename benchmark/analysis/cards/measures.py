"""What a robustness card measures on clean test rows, over refits and in time.

Every measure takes (scores, dataset, method, stress) and returns a `Measured` or why there is none;
its docstring, without the parameters, is the definition that a card shows. An interval of a mean
over splits is that of `howrobust.analysis.statistics.over_splits`.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from howrobust.analysis.cards.entry import Item
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
from howrobust.distributions.forecast import NotStated

SHUFFLE = "shuffle"
SAME = 1e-6  # instability up to which refits differ by rounding
COVERAGE_UNRANKED = "nearer its nominal share is better"


@dataclass(frozen=True)
class NullBand:
    """On how many splits a calibration error is within the null band.

    Parameters
    ----------
    within : int
        Splits with an error up to the 95 % point of a perfect forecaster's.
    splits : int
        Splits with an error.
    """

    within: int
    splits: int

    @property
    def calibrated(self) -> bool:
        """Whether a perfect forecaster could have these errors.

        No more splits are outside than the 95 % point of Binomial(splits, .05).
        """
        outside = self.splits - self.within
        return bool(outside <= stats.binom.ppf(0.95, self.splits, 0.05))

    def __str__(self) -> str:
        plural = "" if self.splits == 1 else "s"
        return f"within the null band on {self.within} of {self.splits} split{plural}"


def null_band(scores: Scores, dataset: str, method: str, metric: str = "mace") -> NullBand:
    """Count the splits on which a calibration error is within the null band.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method : str
        Names of the data set and the method.
    metric : str, default="mace"
        Name of a calibration error that has a null, ``metric_null_95``.

    Returns
    -------
    NullBand
        The count.
    """
    error = scores.values(dataset, method, metric)
    outside = (error > scores.values(dataset, method, f"{metric}_null_95")[error.index]).sum()
    return NullBand(len(error) - int(outside), len(error))


def inside_null(scores: Scores, dataset: str, method: str, metric: str = "mace") -> bool:
    """Return whether a perfect forecaster could have the same errors.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method : str
        Names of the data set and the method.
    metric : str, default="mace"
        Name of a calibration error that has a null, ``metric_null_95``.

    Returns
    -------
    bool
        See `NullBand.calibrated`.
    """
    return null_band(scores, dataset, method, metric).calibrated


def coverage(scores: Scores, dataset: str, method: str, level: float) -> Result:
    """Return the share of clean test points inside their central interval.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method : str
        Names of the data set and the method.
    level : float
        Nominal share of the interval.

    Returns
    -------
    Measured or Undefined
        The share over the points of all splits; `Undefined` where no split was fitted and where
        the forecasts do not have the interval.

    Notes
    -----
    A point is inside as `Forecast.inside` says. The interval of the share is Wilson's (1927) with
    n_eff = (sum m)^2 / sum m^2, m the number of test sets in which a row appears.
    """
    if not scores.finished(dataset, method):
        return Undefined("no split was fitted")
    points = scores.pooled(dataset, method)
    try:
        share = float(np.mean(points.inside(level)))
    except NotStated as absent:
        return Undefined(str(absent))
    n = effective_n(np.bincount(points.rows))
    lower, upper = wilson(share * n, n)
    return Measured(share, lower, upper)


def coverage_95(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Share of clean test points inside their central 95 % interval, by F(y).

    Its interval is Wilson's with n_eff = (sum m)^2 / sum m^2, m the number of test sets in which a
    row appears.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method : str
        Names of the data set and the method.
    stress : str
        Not used: the rows are clean.

    Returns
    -------
    Measured or Undefined
        See `coverage`.
    """
    return coverage(scores, dataset, method, 0.95)


def _coverage_90(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Share of clean test points inside their central 90 % interval, by F(y).

    Its interval is Wilson's with n_eff = (sum m)^2 / sum m^2, m the number of test sets in which a
    row appears.
    """
    return coverage(scores, dataset, method, 0.90)


def _rmse(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the rmse of clean test rows, in target units."""
    return mean_of_metric(scores, dataset, method, "rmse")


def _nll(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the nll of clean test rows, in nats."""
    return mean_of_metric(scores, dataset, method, "nll")


def _crps(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the crps of clean test rows, in target units."""
    return mean_of_metric(scores, dataset, method, "crps")


def excess_errors(scores: Scores, dataset: str, method: str) -> pd.Series:
    """Return the calibration error beyond that of a perfect forecaster.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method : str
        Names of the data set and the method.

    Returns
    -------
    Series of shape (J,)
        mace - mace_null by split, of the splits that have both.
    """
    mace, null = (scores.values(dataset, method, name) for name in ("mace", "mace_null"))
    return (mace - null).dropna()


def _excess_calibration_error(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of mace - mace_null: calibration error beyond a perfect forecaster's.

    0 is the expected value of a perfect forecaster with that number of test rows. A method is
    within the null band on a split where mace <= mace_null_95. Methods for which no more splits are
    outside the band than for a perfect forecaster (binomial, 95 %) share the first rank.
    """
    excess = mean_over_splits(scores, dataset, excess_errors(scores, dataset, method))
    if isinstance(excess, Undefined):
        return Undefined(scores.reason(dataset, method, "mace"))
    return replace(excess, note=str(null_band(scores, dataset, method)))


def _instability_over_restarts(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """sqrt(mean_x var_r m_r(x)) / rmse: how far restarts on the same rows move the predicted mean.

    m_r is the mean forecast of repeat r for the clean test rows of a split, var has ddof 1, and
    rmse is the root mean square of the repeats' rmse. One split with repeats: the chi-square
    interval of `howrobust.analysis.variability.instability`; several: their mean and its interval.
    Restarts that gave the same predictions say nothing, for a seed may be out of reach: there is no
    number then, but 0, which is not ranked, for a method that claims to be deterministic.
    """
    refits: dict[str, list[Array]] = {}
    for cell in scores.fitted(dataset, method):
        if cell.train_stress == CLEAN[0]:
            refits.setdefault(cell.split, []).append(scores.clean(cell).mean)
    result = _instability(scores, dataset, method, refits, "restarts: run with --repeats")
    if isinstance(result, Undefined):
        return result
    facts = scores.about.method_facts[method]
    if result.value > SAME:
        claim = "claimed to be deterministic, and is not" if facts.deterministic else ""
        return replace(result, note=claim)
    if facts.deterministic:
        return replace(result, note=facts.restarts, unranked="its restarts cannot differ")
    same = "but for rounding" if result.value else "bit for bit"
    return Undefined(f"the restarts gave the same predictions {same}: {facts.restarts}")


def _instability_over_shuffles(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """sqrt(mean_x var_r m_r(x)) / rmse over shuffles of the training rows, from one seed.

    As over restarts; the refits are the first repeat and the levels of the stress ``shuffle``.
    """
    refits: dict[str, list[Array]] = {}
    for cell in scores.fitted(dataset, method):
        first = cell.train_stress == CLEAN[0] and cell.repeat == 0
        if first or cell.train_stress == SHUFFLE:
            refits.setdefault(cell.split, []).append(scores.clean(cell).mean)
    return _instability(scores, dataset, method, refits, "shuffles: run with --stress shuffle")


def _fit_seconds(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the wall seconds of a fit; a stack shares its time among its fits.

    The fits of a stack are one measurement, so there is no interval.
    """
    values = scores.values(dataset, method, "fit_wall_s")
    return Undefined("no split was fitted") if values.empty else Measured(float(values.mean()))


def _microseconds_per_draw(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Mean over splits of the microseconds per draw of the predicted mean at 1,000 points."""
    values = scores.values(dataset, method, "us_per_draw").to_numpy()
    if not len(values):
        return Undefined("no split was fitted")
    estimate = over_splits(values, 0.0)
    return with_limits(estimate.mean, estimate.lower, estimate.upper)


def _instability(
    scores: Scores, dataset: str, method: str, refits: dict[str, list[Array]], without: str
) -> Result:
    """Mean over the splits with refits, given the predicted means (n,) of each refit by split."""
    refitted = {split: np.array(means) for split, means in refits.items() if len(means) > 1}
    if not refitted:
        return Undefined(f"there are no {without} (a model that is not fitted here has none)")
    targets = {c.split: scores.held_out(c).y for c in scores.fitted(dataset, method)}
    values = []
    for split, means in refitted.items():
        result = instability(means, float(np.sqrt(np.mean((means - targets[split]) ** 2))))
        if isinstance(result, Undefined):
            return result
        if len(refitted) == 1:
            return Measured(result.value, result.lower, result.upper)
        values.append(result.value)
    return mean_over_splits(scores, dataset, pd.Series(values))


CLEAN_ITEMS = (
    Item("accuracy", "rmse", _rmse, "low", headline=True),
    Item("accuracy", "nll", _nll, "low"),
    Item("accuracy", "crps", _crps, "low"),
    Item(
        "calibration", "excess calibration error", _excess_calibration_error, "low", headline=True
    ),
    Item("calibration", "coverage_90", _coverage_90, "none", unranked=COVERAGE_UNRANKED),
    Item("calibration", "coverage_95", coverage_95, "none", unranked=COVERAGE_UNRANKED),
    Item(
        "stability", "instability over restarts", _instability_over_restarts, "low", headline=True
    ),
    Item("stability", "instability over shuffles", _instability_over_shuffles, "low"),
)
COST_ITEMS = (
    Item("cost", "fit seconds", _fit_seconds, "low", headline=True),
    Item("cost", "microseconds per draw", _microseconds_per_draw, "low"),
)
