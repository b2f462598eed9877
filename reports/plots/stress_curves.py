"""Error and coverage against the severity of a stress."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from howrobust.base.facts import StressFacts
from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.panel_grid import panel_grid
from howrobust.reports.plots.style import (
    GREY,
    Styles,
    axes_or_new,
    log_axis,
    method_styles,
    plain,
)
from howrobust.reports.sections.stress import StressCurves, StressLine


def stress_curve(
    lines: Sequence[StressLine],
    facts: StressFacts,
    styles: Styles | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric against the severity of a stress, a line for each method.

    Parameters
    ----------
    lines : sequence of StressLine
        The line of each method on one data set.
    facts : StressFacts
        Facts of the stress.
    styles : dict of str to MethodStyle, optional
        Styles of the methods.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes.
    """
    ax = axes_or_new(ax, 3.1, 2.3)
    styles = styles or method_styles([line.method for line in lines])
    for line in lines:
        style = styles[line.method]
        sns.lineplot(
            x=line.x, y=line.y, estimator=None, sort=False, linestyle=style.dash,
            marker=style.marker, color=style.colour, markeredgecolor=style.colour,
            markerfacecolor="none" if line.without_gradients else style.colour, markersize=4,
            lw=1.2, label=plain(line.method), legend=False, ax=ax,
        )  # fmt: skip
    if facts.kind == "split":
        ax.set_xticks([0, 1], ["random third", facts.name])
    elif facts.kind == "setting":
        ax.set_xscale("log", base=2)
        ax.set_xticks([0.5, 1, 2], ["half", "as set", "double"])
    return ax


def stress_figure(curves: StressCurves, styles: Styles) -> ReportFigure:
    """Draw error and coverage under a stress, two panels a data set.

    Parameters
    ----------
    curves : StressCurves
        Error and coverage on each data set. Where a stress moves the true targets too, the stated
        standard deviation stands in place of the error.
    styles : dict of str to MethodStyle
        Styles of the methods.

    Returns
    -------
    ReportFigure
        The figure.
    """
    facts, stress = curves.facts, curves.facts.name
    error, spoken = facts.scored_by, stress.replace("_", " ")
    grid = panel_grid(list(curves.error), down=2, beside=1.9)
    for name, (upper, lower) in grid.panels.items():
        stress_curve(curves.error[name], facts, styles, upper)
        stress_curve(curves.coverage[name], facts, styles, lower)
        if error != "nll":
            _log_where_it_spreads(upper)
        lower.axhline(0.9, color=GREY, lw=0.8)
        lower.set_ylim(-0.02, 1.02)
    for ax, label in zip(grid.axes[:2, 0], (error, "inside the 90 % interval"), strict=True):
        ax.set_ylabel("root mean variance" if label == "sharpness" else label)
    grid.figure.supxlabel(f"{spoken} ({facts.unit})", fontsize=9)
    grid.legend()
    title = f"{facts.title}: {error} and 90 % coverage (grey: nominal)"
    if stress.startswith("adversarial"):
        title += "; hollow: attacked without gradients, not comparable"
    names = ", ".join(grid.panels)
    alt = f"{error} and 90 % coverage of each method on {names} against the severity of {spoken}"
    title = title[0].upper() + title[1:]
    return ReportFigure(f"stress-{stress}", "stress", title, alt, grid.figure)


def _log_where_it_spreads(ax: Axes) -> None:
    """A log axis where the largest value is five times the least."""
    lines: list[Any] = [line.get_ydata() for line in ax.lines]
    drawn = np.concatenate(lines or [np.empty(0)])
    if drawn.size and drawn.min() > 0 and drawn.max() >= 5 * drawn.min():
        ax.set_yscale("log")
        log_axis(ax.yaxis, drawn)
