"""What a lower nll costs: fitting and predicting time, and the methods that none beats in both."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from howrobust.analysis.statistics import Estimate
from howrobust.reports.plots.figure_file import Picture
from howrobust.reports.plots.style import GREY, INK, Looks, legend, log_axis, panels, plain
from howrobust.reports.sections.scores import Row, Summary

COSTS = {"fit_cpu_s": "CPU seconds of a fit", "us_per_draw": "µs per draw"}
OFF_SCALE = 3.0  # leads of the best over marginal or, if larger, over the median method
Point = tuple[float, Estimate, str]  # cost, nll, method


def pareto(summary: Summary, own: Looks) -> Picture:
    """nll against each cost, two panels a data set, with its front and marginal's nll."""
    names = [data.name for data in summary.data]
    figure, axes, pairs = panels(names, down=len(COSTS), beside=1.9)
    for name, column in pairs.items():
        rows = [row for row in summary.rows(name) if row.rank is not None]
        marginal = summary.estimate(name, "marginal", "nll")
        for ax, (cost, label) in zip(column, COSTS.items(), strict=True):
            _panel(ax, points(rows, cost), marginal, own)
            ax.set_xlabel(label, fontsize=8)
    for ax in axes[:, 0]:
        ax.set_ylabel("nll")
    legend(figure, axes)
    alt = f"nll against the cost of a fit and of a draw of each method on {', '.join(pairs)}"
    title = (
        "nll against cost (lower left is better; bars: 95 % intervals; line: the methods that no "
        "other beats in both; grey: marginal)"
    )
    return Picture("pareto", "cost", title, alt, figure)


def points(rows: Sequence[Row], cost: str) -> list[Point]:
    """Cost and nll of the methods that have both."""
    return [
        (row.costs[cost], nll, row.method)
        for row in rows
        if (nll := row.scores["nll"]) and row.costs.get(cost, 0.0) > 0
    ]


def front(found: Sequence[Point]) -> list[Point]:
    """The points that no other beats or equals in cost and nll both, cheapest first."""
    kept: list[Point] = []
    for point in sorted(found, key=lambda p: (p[0], p[1].mean)):
        if not kept or point[1].mean < kept[-1][1].mean:
            kept.append(point)
    return kept


def _panel(ax: Axes, found: Sequence[Point], marginal: Estimate | None, own: Looks) -> None:
    if not found:
        return
    for cost, nll, method in found:
        error = None if not nll.se > 0 else [[nll.mean - nll.lower], [nll.upper - nll.mean]]
        look = own[method]
        ax.errorbar(
            cost, nll.mean, error, fmt=look.marker, color=look.colour, ms=5, lw=1,
            label=plain(method),
        )  # fmt: skip
    steps = front(found)
    costs = [cost for cost, _, _ in found]
    ax.step(
        [*(cost for cost, _, _ in steps), 2 * max(costs)],
        [*(nll.mean for _, nll, _ in steps), steps[-1][1].mean],
        where="post", color=INK, lw=0.7, alpha=0.6, zorder=0,
    )  # fmt: skip
    ax.set_xlim(min(costs) / 2, 2 * max(costs))
    ax.set_xscale("log")
    log_axis(ax.xaxis, ax.get_xlim())
    if marginal:
        ax.axhline(marginal.mean, color=GREY, lw=0.8, linestyle=own["marginal"].dash)
    _cut(ax, found, marginal)


def _cut(ax: Axes, found: Sequence[Point], marginal: Estimate | None) -> None:
    """End the axis where a runaway would flatten the others, and name what lies above."""
    means = np.array([nll.mean for _, nll, _ in found])
    usual = max(np.median(means), marginal.mean if marginal else -np.inf)
    top = means.min() + OFF_SCALE * (usual - means.min())
    above = [f"above: {plain(method)} {nll.mean:.3g}" for _, nll, method in found if nll.mean > top]
    if above and top > means.min():
        ax.set_ylim(top=top)
        ax.annotate(
            "\n".join(above), (0.02, 0.98), xycoords="axes fraction", va="top", fontsize=6
        ).set_in_layout(False)  # a long name must not push the panels apart
