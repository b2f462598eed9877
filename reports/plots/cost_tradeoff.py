"""nll against the time of fitting and predicting, and the methods that none beats in both."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.panel_grid import panel_grid
from howrobust.reports.plots.style import (
    GREY,
    INK,
    Styles,
    axes_or_new,
    log_axis,
    method_styles,
    plain,
)
from howrobust.reports.sections.costs import CostTradeoff

OFF_SCALE = 3.0  # leads of the best over marginal or, if larger, over the median method


def cost_tradeoff(
    tradeoff: CostTradeoff, styles: Styles | None = None, ax: Axes | None = None
) -> Axes:
    """Draw nll against a cost, with the front of both and the nll of marginal.

    Parameters
    ----------
    tradeoff : CostTradeoff
        nll and cost of each method on a data set.
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
    ax.set_xlabel(tradeoff.label, fontsize=8)
    if not tradeoff.points:
        return ax
    styles = styles or method_styles([point.method for point in tradeoff.points])
    for point in tradeoff.points:
        nll, style = point.nll, styles[point.method]
        error = None if not nll.se > 0 else [[nll.mean - nll.lower], [nll.upper - nll.mean]]
        ax.errorbar(
            point.cost, nll.mean, error, fmt=style.marker, color=style.colour, ms=5, lw=1,
            label=plain(point.method),
        )  # fmt: skip
    front, costs = tradeoff.front, [point.cost for point in tradeoff.points]
    ax.step(
        [*(point.cost for point in front), 2 * max(costs)],
        [*(point.nll.mean for point in front), front[-1].nll.mean],
        where="post", color=INK, lw=0.7, alpha=0.6, zorder=0,
    )  # fmt: skip
    ax.set_xlim(min(costs) / 2, 2 * max(costs))
    ax.set_xscale("log")
    log_axis(ax.xaxis, ax.get_xlim())
    if tradeoff.marginal:
        ax.axhline(tradeoff.marginal.mean, color=GREY, lw=0.8, linestyle=styles["marginal"].dash)
    _cut(ax, tradeoff)
    return ax


def _cut(ax: Axes, tradeoff: CostTradeoff) -> None:
    """End the axis where a runaway would flatten the others, and name what lies above."""
    means = np.array([point.nll.mean for point in tradeoff.points])
    marginal = tradeoff.marginal.mean if tradeoff.marginal else -np.inf
    top = means.min() + OFF_SCALE * (max(np.median(means), marginal) - means.min())
    above = [
        f"above: {plain(point.method)} {point.nll.mean:.3g}"
        for point in tradeoff.points
        if point.nll.mean > top
    ]
    if above and top > means.min():
        ax.set_ylim(top=top)
        ax.annotate(
            "\n".join(above), (0.02, 0.98), xycoords="axes fraction", va="top", fontsize=6
        ).set_in_layout(False)  # a long name must not push the panels apart


def cost_figure(tradeoffs: Sequence[CostTradeoff], styles: Styles) -> ReportFigure:
    """Draw nll against each cost, two panels a data set.

    Parameters
    ----------
    tradeoffs : sequence of CostTradeoff
        nll and costs on each data set.
    styles : dict of str to MethodStyle
        Styles of the methods.

    Returns
    -------
    ReportFigure
        The figure.
    """
    names = list(dict.fromkeys(tradeoff.dataset for tradeoff in tradeoffs))
    grid = panel_grid(names, down=len(tradeoffs) // len(names), beside=1.9)
    for name, panels in grid.panels.items():
        of_data_set = [tradeoff for tradeoff in tradeoffs if tradeoff.dataset == name]
        for ax, tradeoff in zip(panels, of_data_set, strict=True):
            cost_tradeoff(tradeoff, styles, ax)
    for ax in grid.axes[:, 0]:
        ax.set_ylabel("nll")
    grid.legend()
    alt = f"nll against the cost of a fit and of a draw of each method on {', '.join(names)}"
    title = (
        "nll against cost (lower left is better; bars: 95 % intervals; line: the methods that no "
        "other beats in both; grey: marginal)"
    )
    return ReportFigure("pareto", "costs", title, alt, grid.figure)
