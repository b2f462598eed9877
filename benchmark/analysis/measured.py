"""Numbers of robustness cards with their intervals, as means over the splits of a run."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import over_splits
from howrobust.base.metric import Undefined


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


def mean_over_splits(scores: Scores, dataset: str, values: pd.Series) -> Result:
    """Return the mean with its corrected interval; `Undefined` where no split has a value."""
    if values.empty:
        return Undefined("no split has a value")
    estimate = over_splits(values.to_numpy(), scores.overlap(dataset))
    return with_limits(estimate.mean, estimate.lower, estimate.upper)


def mean_of_metric(scores: Scores, dataset: str, method: str, metric: str) -> Result:
    """Return the mean over splits of a clean metric; the metric's reason where it has none."""
    values = scores.values(dataset, method, metric)
    if values.empty:
        return Undefined(scores.reason(dataset, method, metric))
    return mean_over_splits(scores, dataset, values)


def mean_of_defined(scores: Scores, dataset: str, results: list[float | Undefined]) -> Result:
    """Return the mean over the splits where it is defined; else the first reason."""
    values = [value for value in results if not isinstance(value, Undefined)]
    if not results:
        return Undefined("no split has a value at every level")
    if not values:
        return next(value for value in results if isinstance(value, Undefined))
    return mean_over_splits(scores, dataset, pd.Series(values))


def with_limits(value: float, lower: float, upper: float) -> Measured:
    """Return a number with its limits; without them where they are NaN, as of one split."""
    if np.isnan(lower):
        return Measured(float(value))
    return Measured(float(value), float(lower), float(upper))
