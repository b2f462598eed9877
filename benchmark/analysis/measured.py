"""Numbers of robustness cards with their intervals, as means over the splits of a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import over_splits
from howrobust.base.metric import Undefined


@dataclass(frozen=True)
class Measured:
    """A number with its interval.

    Parameters
    ----------
    value : float
        The number.
    lower, upper : float or None, default=None
        Limits of its interval; None where one split gives none.
    censored, lower_censored, upper_censored : bool, default=False
        Whether the number or a limit is beyond the range that was tested: read "more than".
    note : str, default=""
        What the number means, such as "within the null band on 3 of 3 splits".
    unranked : str, default=""
        Why the number is not ranked; empty where it is.
    feature : str, default=""
        The feature that the number is about.
    segment : str, default=""
        The rows that the number is about, such as "age > 54.2".
    """

    value: float
    lower: float | None = None
    upper: float | None = None
    censored: bool = False
    lower_censored: bool = False
    upper_censored: bool = False
    note: str = ""
    unranked: str = ""
    feature: str = ""
    segment: str = ""


Result = Measured | Undefined
Measure = Callable[[Scores, str, str, str], Result]  # scores, dataset, method, stress


def mean_over_splits(scores: Scores, dataset: str, values: pd.Series) -> Result:
    """Average a score over splits, with its corrected interval.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset : str
        Name of the data set.
    values : Series of shape (J,)
        The score on each split.

    Returns
    -------
    Measured or Undefined
        See `howrobust.analysis.statistics.over_splits`; `Undefined` where no split has a value.
    """
    if values.empty:
        return Undefined("no split has a value")
    estimate = over_splits(values.to_numpy(), scores.overlap(dataset))
    return with_limits(estimate.mean, estimate.lower, estimate.upper)


def mean_of_metric(scores: Scores, dataset: str, method: str, metric: str) -> Result:
    """Average a clean metric over splits, with its corrected interval.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method, metric : str
        Names of the data set, the method and the metric.

    Returns
    -------
    Measured or Undefined
        The mean; the reason of the metric where no split has a value.
    """
    values = scores.values(dataset, method, metric)
    if values.empty:
        return Undefined(scores.reason(dataset, method, metric))
    return mean_over_splits(scores, dataset, values)


def mean_of_defined(scores: Scores, dataset: str, results: Sequence[float | Undefined]) -> Result:
    """Average a measure over the splits on which it is defined.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset : str
        Name of the data set.
    results : sequence of float or Undefined
        The measure on each split.

    Returns
    -------
    Measured or Undefined
        The mean with its corrected interval; the first reason where no split has a value.
    """
    values = [value for value in results if not isinstance(value, Undefined)]
    if not results:
        return Undefined("no split has a value at every level")
    if not values:
        return next(value for value in results if isinstance(value, Undefined))
    return mean_over_splits(scores, dataset, pd.Series(values))


def with_limits(value: float, lower: float, upper: float) -> Measured:
    """Return a number with its limits, leaving out limits that are NaN.

    Parameters
    ----------
    value : float
        The number.
    lower, upper : float
        Limits of its interval; NaN for one split.

    Returns
    -------
    Measured
        The number, without limits where ``lower`` is NaN.
    """
    if np.isnan(lower):
        return Measured(float(value))
    return Measured(float(value), float(lower), float(upper))
