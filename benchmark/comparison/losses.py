"""Losses of two runs, split by split: which metrics are compared, and what difference matters."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

import numpy as np
import pandas as pd

from howrobust.base.cells import CLEAN
from howrobust.comparison.baseline import METRICS, Snapshot

NOMINAL = 0.9
KEY = ["dataset", "method", "stress", "level", "metric", "split", "repeat"]


@dataclass(frozen=True)
class Gate:
    """The least difference of a metric's loss that matters.

    Parameters
    ----------
    size : float
        The difference, in the units of the loss.
    unit : {"nats", "%", "points", "% of its mean"}
        What sentences give it in.
    clean_alone : bool, default=False
        Whether the metric is compared on clean rows alone.

    Notes
    -----
    A loss is lower for the better: the nll itself, the logarithm of an error, the distance of the
    mean coverage from nominal; of a metric of a plug-in its value v, its -v or its |v|, as the
    metric says what is better, over the mean of |v| in the earlier run.
    """

    size: float
    unit: str
    clean_alone: bool = False


# Under stress a few points far out dominate the nll.
GATES = {
    "nll": Gate(0.02, "nats", clean_alone=True),
    "rmse": Gate(float(np.log(1.02)), "%"),
    "crps": Gate(float(np.log(1.02)), "%"),
    "coverage_90": Gate(0.02, "points"),
}
PLUGIN_GATE = Gate(0.02, "% of its mean")


def gate_of(metric: str) -> Gate:
    """Return the least difference of a metric that matters.

    Parameters
    ----------
    metric : str
        Name of the metric.

    Returns
    -------
    Gate
        That of `GATES`; that of metrics of plug-ins for any other.
    """
    return GATES.get(metric, PLUGIN_GATE)


def compared_metrics(base: Snapshot, new: Snapshot) -> dict[str, str]:
    """Return the metrics of plug-ins that two runs share.

    Parameters
    ----------
    base, new : Snapshot
        The earlier and the later run.

    Returns
    -------
    dict of str to str
        What is better, by name; those that have a loss and on which the runs agree.
    """
    return {
        name: better
        for name, better in base.metrics.items()
        if better in ("low", "high", "zero") and new.metrics.get(name) == better
        if name not in METRICS
    }


def paired_losses(base: Snapshot, new: Snapshot, changed: Set[str]) -> pd.DataFrame:
    """Return the scores that two runs share, and their losses.

    Parameters
    ----------
    base, new : Snapshot
        The earlier and the later run.
    changed : set of str
        Data sets that are left out, because their data differ.

    Returns
    -------
    DataFrame
        Columns dataset, method, stress, level, metric, split, base, new, loss_base, loss_new;
        means over the repeats that both runs have.
    """
    frames = [pd.DataFrame(_rows(taken), columns=[*KEY, "value"]) for taken in (base, new)]
    pairs = frames[0].merge(frames[1], on=KEY, suffixes=("_base", "_new"))
    moved = {*base.moves_targets, *new.moves_targets}
    plugins = compared_metrics(base, new)
    clean_alone = [name for name, gate in GATES.items() if gate.clean_alone]
    pairs = pairs[
        pairs["metric"].isin([*GATES, *plugins])
        & ~pairs["dataset"].isin(list(changed))
        & ~pairs["stress"].isin(list(moved))
        & ((pairs["stress"] == CLEAN[0]) | ~pairs["metric"].isin(clean_alone))
    ]
    pairs = pairs.rename(columns={"value_base": "base", "value_new": "new"})
    pairs = pairs.groupby(KEY[:-1], sort=False)[["base", "new"]].mean().reset_index()
    for run in ("base", "new"):
        pairs[f"loss_{run}"] = _losses(pairs, run, plugins)
    return pairs


def _rows(taken: Snapshot) -> Iterator[tuple[str, str, str, float, str, str, int, float]]:
    """Scores of a snapshot: the columns of `KEY`, then the value."""
    for cell in taken.cells:
        for scored in cell.scores:
            for metric, value in scored.values.items():
                yield (
                    cell.dataset, cell.method, scored.stress, scored.level, metric, cell.split,
                    cell.repeat, value,
                )  # fmt: skip


def _losses(pairs: pd.DataFrame, run: str, plugins: Mapping[str, str]) -> "pd.Series[float]":
    """Losses of a run's values: see `Gate`.

    Of a coverage each split's distance has the sign of the mean's, so that their mean over splits
    is |mean coverage - nominal|.
    """
    values = pairs[run]
    names = [pairs[name] for name in ("dataset", "method", "stress", "level", "metric")]
    distance = values - NOMINAL
    sign = np.where(distance.groupby(names).transform("mean") < 0, -1.0, 1.0)
    errors = np.log(np.maximum(values, np.finfo(float).tiny))
    better = pairs["metric"].map(dict(plugins))
    scale = pairs["base"].abs().groupby(names).transform("mean").replace(0.0, 1.0)
    of_plugin = np.select([better == "high", better == "zero"], [-values, values.abs()], values)
    return pd.Series(
        np.select(
            [pairs["metric"] == "coverage_90", pairs["metric"] == "nll", better.notna()],
            [sign * distance, values, of_plugin / scale],
            errors,
        ),
        pairs.index,
    )
