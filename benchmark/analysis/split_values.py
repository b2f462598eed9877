"""Values of metrics by split, averaged over repeats."""

from dataclasses import dataclass

import pandas as pd


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
