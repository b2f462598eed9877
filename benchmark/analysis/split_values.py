"""Scores by split, and test points pooled over the splits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.storage.arrays import HeldOut


@dataclass(frozen=True)
class ScoreKey:
    """What a value is the score of, but for its split.

    Parameters
    ----------
    dataset, method, metric, stress : str
        Names of the data set, the method, the metric and the stress.
    level : float
        Level of the stress.
    """

    dataset: str
    method: str
    metric: str
    stress: str
    level: float


def values_by_split(records: pd.DataFrame) -> dict[ScoreKey, dict[str, float]]:
    """Average the values of records over repeats.

    Parameters
    ----------
    records : DataFrame
        Records of a run, see `howrobust.analysis.results.StoredRun.records`.

    Returns
    -------
    dict of ScoreKey to dict of str to float
        Values by split; a score without a value has no entry.
    """
    ok = records[records["status"] == "ok"]
    names = ["dataset", "method", "metric", "stress", "level", "split"]
    means = ok.groupby(names, sort=False)["value"].mean()
    columns = [means.index.get_level_values(name).tolist() for name in names]
    values: dict[ScoreKey, dict[str, float]] = {}
    for dataset, method, metric, stress, level, split, value in zip(
        *columns, means.tolist(), strict=True
    ):
        key = ScoreKey(dataset, method, metric, stress, level)
        values.setdefault(key, {})[split] = value
    return values


@dataclass(frozen=True, eq=False)
class PooledPoints:
    """Clean test points of a method on a data set, pooled over its splits.

    Parameters
    ----------
    forecasts : tuple of Forecast
        The forecast of each split.
    targets : tuple of array of shape (n,)
        Observed targets of each split.
    rows : array of shape (k,)
        Index of the distinct row that each point is: overlapping splits share rows.
    """

    forecasts: tuple[Forecast, ...]
    targets: tuple[Array, ...]
    rows: NDArray[np.int64]

    @property
    def has_pit(self) -> bool:
        """Whether the forecasts have F(y) at every y."""
        return not any("pit" in forecast.missing for forecast in self.forecasts)

    @property
    def pit(self) -> Array:
        """Probability integral transform (k,), randomised where targets are rounded."""
        return np.concatenate([forecast.pit for forecast in self.forecasts])

    def inside(self, level: float) -> NDArray[np.bool_]:
        """Return which points are inside their central interval.

        Parameters
        ----------
        level : float
            Probability of the interval, between 0 and 1.

        Returns
        -------
        array of bool of shape (k,)
            As of `Forecast.inside`.

        Raises
        ------
        NotStated
            If the forecasts do not have the interval.
        """
        each = zip(self.forecasts, self.targets, strict=True)
        return np.concatenate([forecast.inside(y, level) for forecast, y in each])


def distinct_rows(held: Sequence[HeldOut]) -> list[NDArray[np.int64]]:
    """Return which distinct row each held-out row is: overlapping splits share rows.

    Parameters
    ----------
    held : sequence of HeldOut
        The held-out rows of each split.

    Returns
    -------
    list of array of int of shape (n_j,)
        Indices from 0, the same for rows with equal inputs, missing ones included, and target.
    """
    rows = [np.column_stack([each.X, each.y]) for each in held]
    every = np.concatenate(rows)
    missing = np.isnan(every)
    if missing.any():  # NaN is not equal to itself
        every = np.column_stack([np.where(missing, 0.0, every), missing])
    _, index = np.unique(every, axis=0, return_inverse=True)
    ends = np.cumsum([len(each) for each in rows])[:-1]
    return np.split(index.ravel().astype(np.int64), ends)
