"""Scores and training losses of what was fitted again, and the parts of their variance."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from howrobust.analysis.cards.measures import SHUFFLE
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.variance_parts import variance_parts
from howrobust.base.cells import CLEAN
from howrobust.base.facts import REFERENCES
from howrobust.distributions.arrays import Array
from howrobust.reports.table import Table, TableCell, TableRow

HEADER = ("data set", "method", "score", "component", "share", "variance")


@dataclass(frozen=True)
class Refits:
    """What fitting a method again on a data set changes.

    Parameters
    ----------
    dataset, method : str
        The data set and the method.
    restarts, shuffles : array of shape (k,)
        rmse of each restart and of each shuffle over the mean of its kind on its split.
    losses : array of shape (m,)
        Training losses of the networks of the first fit, less their mean.
    """

    dataset: str
    method: str
    restarts: Array
    shuffles: Array
    losses: Array


def refits(scores: Scores) -> tuple[Refits, ...]:
    """Return the refits of each method that is no reference on each data set.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    tuple of Refits
        One for each data set and method; empty where nothing was fitted again.
    """
    if not any(cell.repeat > 0 or cell.train_stress == SHUFFLE for cell in scores.cells):
        return ()
    return tuple(
        Refits(
            data.name,
            method,
            _relative_rmse(scores, data.name, method, CLEAN[0]),
            _relative_rmse(scores, data.name, method, SHUFFLE),
            _joined(_losses(scores, data.name, method)),
        )
        for data in scores.data
        for method in scores.methods
        if method not in REFERENCES
    )


def _relative_rmse(scores: Scores, dataset: str, method: str, stress: str) -> Array:
    """The rmse of each refit over the mean of the refits of its split."""
    r = scores.records
    kept = r[
        (r["dataset"] == dataset) & (r["metric"] == "rmse") & (r["status"] == "ok")
        & (r["method"] == method) & (r["stress"] == stress)
    ]  # fmt: skip
    groups = (group["value"].to_numpy() for _, group in kept.groupby("split"))
    return _joined(values / values.mean() for values in groups if len(values) > 1)


def _losses(scores: Scores, dataset: str, method: str) -> Iterator[Array]:
    for cell in scores.finished(dataset, method)[:1]:
        for values in cell.facts.values():
            if isinstance(values, list) and len(values) > 1:
                yield np.asarray(values) - np.mean(values)


def _joined(parts: Iterator[Array]) -> Array:
    return np.concatenate([np.empty(0), *parts])


def variance_table(scores: Scores) -> Table:
    """Return the variance of scores between splits and between restarts.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    Table
        A row for each component; none where all are undefined.
    """
    rows = []
    for metric in ("rmse", "nll"):
        for part in variance_parts(scores, metric).to_dict("records"):
            if part["reason"]:
                continue
            dataset, method = part["dataset"], part["method"]
            interval = f"{part['variance']:.3g} [{part['lower']:.3g}, {part['upper']:.3g}]"
            cells = [
                *(TableCell(name) for name in (dataset, method, metric, part["component"])),
                TableCell(f"{100 * part['share']:.0f} %", part["share"]),
                TableCell(interval, part["variance"]),
            ]
            rows.append(TableRow(cells, dataset, method))
    return Table("parts of the variance of scores", HEADER, (0, 1, 2, 3), rows)
