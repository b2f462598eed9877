"""Figures of calibration, each with what a perfect forecaster would show."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from howrobust import seeds
from howrobust.distributions.arrays import Array
from howrobust.reports.looks import GREY, Looks, plain
from howrobust.reports.picture import Picture
from howrobust.reports.summary import Summary

NULL_SIMULATIONS = 1000
PERCENTS = 100
BINS = 10  # of PIT values; a divisor of PERCENTS
LEVELS = np.arange(1, PERCENTS) / PERCENTS
PERFECT: dict[str, Any] = {
    "color": GREY,
    "alpha": 0.3,
    "lw": 0,
    "label": "a perfect forecaster, 95 %",
}


def null_shares(rows: NDArray[np.int64]) -> Array:
    """Share of PIT values in each percent of [0, 1] under a perfect forecaster (1000, 100).

    ``rows``: the distinct row that each value is of. One uniform per distinct row, reused wherever
    the row appears: overlapping test sets are not independent.
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


def curves(summary: Summary, dataset: str, methods: list[str], null: Array, own: Looks) -> Picture:
    """Observed against stated probability of central intervals, with the band of a perfect one.

    |2u - 1| of a uniform u is uniform: the curve of a perfect forecaster is that of ``null``.
    """
    figure = Figure(figsize=(4.6, 4.0), layout="constrained")
    ax: Axes = figure.subplots()
    ax.fill_between(LEVELS, *_band(null.cumsum(axis=1)[:, :-1]), **PERFECT)
    ax.plot([0, 1], [0, 1], color=GREY, lw=0.8)
    for method in methods:
        pit, _, _ = summary.pooled(dataset, method)
        inside = np.sort(np.abs(2 * pit - 1))
        observed = np.searchsorted(inside, LEVELS, side="right") / len(pit)
        look = own[method]
        ax.plot(
            LEVELS, observed, linestyle=look.dash, color=look.colour, lw=1.3, label=plain(method)
        )
    ax.set(xlabel="stated probability of the interval", ylabel="share of test points inside")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.legend(fontsize=7, frameon=False, loc="upper left", handlelength=3.2)
    alt = f"Calibration curves on {dataset}: share of test points inside central intervals"
    return Picture(f"calibration-{dataset}", dataset, "Calibration, all splits", alt, figure)


def histograms(
    summary: Summary, dataset: str, methods: list[str], null: Array, own: Looks
) -> Picture:
    """Histograms of PIT values, a panel per method, with the band of a perfect forecaster.

    A heap at both ends: too narrow; in the middle: too wide; on one side: biased.
    """
    columns = min(4, len(methods))
    rows = -(-len(methods) // columns)
    size = (2.2 * columns, 1.9 * rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    lower, upper = _band(null.reshape(-1, BINS, PERCENTS // BINS).sum(axis=2) * BINS)
    edges = np.linspace(0, 1, BINS + 1)
    for ax, method in zip(axes.flat, methods, strict=False):
        pit, _, _ = summary.pooled(dataset, method)
        heights, _ = np.histogram(pit, edges, density=True)
        ax.stairs(heights, edges, fill=True, color=own[method].colour, alpha=0.55)
        ax.stairs(upper, edges, baseline=lower, fill=True, **PERFECT)
        ax.axhline(1, color=GREY, lw=0.8)
        ax.set_title(plain(method), fontsize=7)
        ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    for ax in axes.flat[len(methods) :]:
        ax.set_visible(False)
    figure.supxlabel("F(y), the PIT value", fontsize=9)
    figure.supylabel("density", fontsize=9)
    alt = f"Histograms of the PIT values of each method on {dataset}; flat is calibrated"
    title = (
        "Where the targets fell in their forecasts, all splits (flat: calibrated; heaps at both "
        "ends: too narrow; in the middle: too wide; grey: a perfect forecaster, 95 %)"
    )
    return Picture(f"pit-{dataset}", dataset, title, alt, figure)
