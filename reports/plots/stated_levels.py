"""Observed shares against the probabilities that given forecasts state."""

import numpy as np
from matplotlib.axes import Axes

from howrobust import seeds
from howrobust.analysis.statistics import wilson
from howrobust.metrics.stated import Scores
from howrobust.reports.plots.calibration_curves import PERFECT
from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.style import COLOURS, GREY, axes_or_new, new_figure
from howrobust.reports.sections.calibration import LEVELS, NULL_SIMULATIONS, PERCENTS, band


def calibration_of_forecasts(shown: Scores, ax: Axes | None = None) -> Axes:
    """Draw observed shares against stated probabilities.

    Central intervals where F(y) is known everywhere, with what a perfect forecaster shows; stated
    quantiles, or the stated interval, with Wilson's 95 % interval of the share otherwise.

    Parameters
    ----------
    shown : Scores
        The scores.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes.
    """
    ax = axes_or_new(ax, 4.6, 4.0)
    ax.plot([0, 1], [0, 1], color=GREY, lw=0.8)
    if "pit" in shown.forecast.missing:
        _stated(shown, ax)
    else:
        _curve(shown, ax)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.legend(fontsize=7, frameon=False, loc="upper left", handlelength=3.2)
    return ax


def _curve(shown: Scores, ax: Axes) -> None:
    n = shown.forecast.n
    rng = seeds.generator(0, "calibration band of forecasts", n)
    counts = rng.multinomial(n, np.full(PERCENTS, 1 / PERCENTS), size=NULL_SIMULATIONS)
    inside = np.sort(np.abs(2 * shown.forecast.pit - 1))
    observed = np.searchsorted(inside, LEVELS, side="right") / n
    limits = band(counts.cumsum(axis=1)[:, :-1] / n)
    ax.fill_between(LEVELS, *limits, color=GREY, alpha=0.3, lw=0, label=PERFECT)
    ax.plot(LEVELS, observed, color=COLOURS[0], lw=1.3, label="these forecasts")
    ax.set(xlabel="stated probability of the interval", ylabel="share of targets inside")


def _stated(shown: Scores, ax: Axes) -> None:
    forecast, n = shown.forecast, shown.forecast.n
    if forecast.crossings.size:
        levels = np.array(forecast.levels)
        shares = (shown.y <= forecast.quantiles).mean(axis=1)
        ax.set(xlabel="level of the stated quantile", ylabel="share of targets at or below it")
    else:
        level = forecast.levels[-1] - forecast.levels[0]
        levels = np.array([level])
        shares = np.array([forecast.inside(shown.y, level).mean()])
        ax.set(xlabel="stated probability of the interval", ylabel="share of targets inside")
    limits = np.array([wilson(share * n, n) for share in shares]).T
    reach = np.maximum(np.abs(limits - shares), 0.0)
    ax.errorbar(
        levels, shares, yerr=reach, fmt="o", color=COLOURS[0], ms=4, lw=1.2, capsize=2,
        label="these forecasts, 95 %",
    )  # fmt: skip


def stated_figure(shown: Scores) -> ReportFigure:
    """Draw the calibration of given forecasts for their page.

    Parameters
    ----------
    shown : Scores
        The scores.

    Returns
    -------
    ReportFigure
        The figure.
    """
    figure = new_figure(4.6, 4.0)
    calibration_of_forecasts(shown, figure.subplots())
    alt = f"Observed shares against stated probabilities of {shown.source}"
    title = "Observed shares against stated probabilities (on the line: calibrated)"
    return ReportFigure("calibration-forecasts", "calibration", title, alt, figure)
