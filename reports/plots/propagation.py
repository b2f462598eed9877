"""Noise of the inputs and what it makes of the output: tornado, and draws of the output."""

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from howrobust.propagation.result import Propagation
from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.style import COLOURS, GREY, INK, axes_or_new, new_figure, plain

MOST_INPUTS = 20  # in the tornado, the widest
BINS = 40


def tornado(propagation: Propagation, ax: Axes | None = None) -> Axes:
    """Draw a bar for each input, between the outputs at the limits of its own noise.

    Parameters
    ----------
    propagation : Propagation
        The result.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes, the widest bar on top.
    """
    table = propagation.sensitivities
    order = (table["high"] - table["low"]).abs().sort_values().index[-MOST_INPUTS:]
    ax = axes_or_new(ax, 6.4, _height(len(order)))
    centre = float(propagation.at_points["output"].mean())
    labels = [plain(str(name)) for name in order]
    for side, colour in (("low", COLOURS[0]), ("high", COLOURS[1])):
        width = table.loc[order, side] - centre
        label = f"input at its {'lower' if side == 'low' else 'upper'} limit"
        ax.barh(labels, width, left=centre, color=colour, height=0.6, label=label)
    ax.axvline(centre, color=INK, lw=0.8)
    ax.set_xlabel(_axis(propagation))
    ax.legend(fontsize=7, frameon=False, loc="best")
    return ax


def output_draws(propagation: Propagation, ax: Axes | None = None) -> Axes:
    """Draw a histogram of the output, with its interval.

    Parameters
    ----------
    propagation : Propagation
        The result.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes. Draws around several points are shifted to the mean over all points.
    """
    ax = axes_or_new(ax, 6.4, 2.6)
    means = propagation.at_points["mean"].to_numpy()[:, None]
    draws = (propagation.outputs - means + propagation.mean).ravel()
    sns.histplot(
        x=draws[np.isfinite(draws)], bins=BINS, stat="density", color=GREY, alpha=0.5,
        linewidth=0, ax=ax,
    )  # fmt: skip
    ax.axvspan(*propagation.interval, color=COLOURS[0], alpha=0.15, lw=0)
    ax.axvline(propagation.mean, color=COLOURS[1], lw=1.2)
    ax.set_xlabel(_axis(propagation))
    ax.set_ylabel("density")
    return ax


def propagation_figures(propagation: Propagation) -> list[ReportFigure]:
    """Draw the figures of the page.

    Parameters
    ----------
    propagation : Propagation
        The result.

    Returns
    -------
    list of ReportFigure
        Tornado and histogram.
    """
    percent = f"{100 * propagation.level:g} %"
    bars = new_figure(6.4, _height(min(len(propagation.sensitivities), MOST_INPUTS)))
    tornado(propagation, bars.subplots())
    histogram = new_figure(6.4, 2.6)
    output_draws(propagation, histogram.subplots())
    return [
        ReportFigure(
            "tornado", "propagation",
            f"Output where one input alone is at the {percent} limits of its noise",
            "A bar for each noisy input, the one that moves the output most on top", bars,
        ),
        ReportFigure(
            "draws", "propagation",
            f"Draws of the output, with their mean (line) and {percent} interval (shaded)",
            f"Histogram of the output: {propagation.sentence}", histogram,
        ),
    ]  # fmt: skip


def _height(inputs: int) -> float:
    return 1.2 + 0.32 * inputs


def _axis(propagation: Propagation) -> str:
    unit = propagation.units.get(propagation.name, "")
    return plain(f"{propagation.name} ({unit})" if unit else propagation.name)
