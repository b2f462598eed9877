"""Observed against stated probabilities, beside what a perfect forecaster shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.analysis.cards.measures import coverage
from howrobust.analysis.run_scores import Scores
from howrobust.base.metric import Undefined
from howrobust.distributions.arrays import Array
from howrobust.reports.table import Table, TableCell, TableRow, kind_of, share_cell

STATED = (0.5, 0.9, 0.95, 0.997)  # probabilities of central intervals in the table
NULL_SIMULATIONS = 1000
PERCENTS = 100
BINS = 10  # of PIT values; a divisor of PERCENTS
LEVELS = np.arange(1, PERCENTS) / PERCENTS  # probabilities of central intervals in the figure


@dataclass(frozen=True)
class Calibration:
    """PIT values of the methods on a data set, as curves and histograms.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    observed : dict of str to array of shape (99,)
        Share of test points inside the central intervals of probabilities 0.01 to 0.99, by method.
    histograms : dict of str to array of shape (10,)
        Density of PIT values in ten bins of equal width, by method.
    curve_band : tuple of (array of shape (99,), array of shape (99,))
        Limits between which 95 % of the curves of a perfect forecaster lie everywhere.
    histogram_band : tuple of (array of shape (10,), array of shape (10,))
        The same limits of its histograms.
    """

    dataset: str
    observed: dict[str, Array]
    histograms: dict[str, Array]
    curve_band: tuple[Array, Array]
    histogram_band: tuple[Array, Array]


def calibration(scores: Scores, dataset: str) -> Calibration | None:
    """Return calibration curves and PIT histograms of a data set.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    dataset : str
        Name of the data set.

    Returns
    -------
    Calibration or None
        The curves and histograms of the methods that state F(y); None where there are none.

    Notes
    -----
    |2u - 1| of a uniform u is uniform: the curve of a perfect forecaster is the cumulated
    histogram of uniform PIT values.
    """
    pooled = {m: scores.pooled(dataset, m) for m in scores.methods if scores.finished(dataset, m)}
    pit = {method: points.pit for method, points in pooled.items() if points.has_pit}
    if not pit:
        return None
    null = null_shares(pooled[next(iter(pit))].rows)
    edges = np.linspace(0, 1, BINS + 1)
    return Calibration(
        dataset=dataset,
        observed={method: _observed(values) for method, values in pit.items()},
        histograms={m: np.histogram(values, edges, density=True)[0] for m, values in pit.items()},
        curve_band=_band(null.cumsum(axis=1)[:, :-1]),
        histogram_band=_band(null.reshape(-1, BINS, PERCENTS // BINS).sum(axis=2) * BINS),
    )


def _observed(pit: Array) -> Array:
    inside = np.sort(np.abs(2 * pit - 1))
    return np.searchsorted(inside, LEVELS, side="right") / len(pit)


def null_shares(rows: NDArray[np.int64]) -> Array:
    """Simulate the PIT values of a perfect forecaster, by percent.

    Parameters
    ----------
    rows : array of shape (n,)
        Number of the distinct row that each value is of.

    Returns
    -------
    array of shape (1000, 100)
        Shares, one simulation a row.

    Notes
    -----
    There is one uniform per distinct row, used again wherever the row appears: overlapping test
    sets are not independent.
    """
    rng = seeds.generator(0, "calibration band", len(rows))
    appearances = np.bincount(rows)
    shares = np.empty((NULL_SIMULATIONS, PERCENTS))
    for k in range(NULL_SIMULATIONS):
        percent = (rng.random(len(appearances)) * PERCENTS).astype(np.int64)
        shares[k] = np.bincount(percent, appearances, PERCENTS) / len(rows)
    return shares


def _band(simulated: Array) -> tuple[Array, Array]:
    """Limits (k,) between which 95 % of the simulations (1000, k) lie at every point.

    They are the means give or take the same number of sds everywhere.
    """
    mean, sd = simulated.mean(axis=0), simulated.std(axis=0)
    farthest = np.abs((simulated - mean) / np.where(sd > 0, sd, 1)).max(axis=1)
    reach = np.quantile(farthest, 0.95) * sd
    return np.maximum(mean - reach, 0), mean + reach


def coverage_table(scores: Scores) -> Table:
    """Return observed against stated probabilities of central intervals.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    Table
        A row for each method on each data set.
    """
    rows = []
    for name in (data.name for data in scores.data):
        for method in scores.methods:
            if scores.finished(name, method):
                shares = [_share(scores, name, method, level) for level in STATED]
                cells = [TableCell(name), TableCell(method), *shares]
                rows.append(TableRow(cells, name, method, kind_of(method)))
    header = ["data set", "method", *(f"inside {100 * level:.4g} %" for level in STATED)]
    return Table("points inside intervals, observed against stated", header, (0, 1), rows)


def _share(scores: Scores, dataset: str, method: str, level: float) -> TableCell:
    share = coverage(scores, dataset, method, level)
    return TableCell("-") if isinstance(share, Undefined) else share_cell(share)
