"""The critical-difference diagram: mean ranks, and the methods that the ranks do not tell apart."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from howrobust.analysis.ranking import Contest
from howrobust.reports.plots.figure_file import Picture
from howrobust.reports.plots.style import GREY, INK, Looks, plain

BAR = 0.28  # between bars and between names, in rows


def critical_difference(contest: Contest, own: Looks) -> Picture:
    """Mean ranks on a line, the best on the left; a bar joins methods that are not told apart.

    As Demsar (2006) draws it, but the bars are `Contest.groups`: Wilcoxon's test with Holm's
    correction. A bar's members are dotted; a method that it passes by is not one.
    """
    k, bars = len(contest.methods), len(contest.groups)
    left, right = contest.methods[: (k + 1) // 2], contest.methods[(k + 1) // 2 :][::-1]
    depth = 0.4 + BAR * (bars + len(left))
    figure = Figure(figsize=(7.2, 0.6 + 0.85 * depth), layout="constrained")
    ax: Axes = figure.subplots()
    ax.set_axis_off()
    ax.set(xlim=(1 - 0.45 * k, k + 0.45 * k), ylim=(-depth, 0.55))
    _scale(ax, k, contest.critical_difference)
    for side, names in ((1 - 0.06 * k, left), (k + 0.06 * k, right)):
        for row, method in enumerate(names):
            _label(ax, contest.mean_ranks[method], side, -0.3 - BAR * (bars + row), method, own)
    for row, group in enumerate(contest.groups):
        ranks = [contest.mean_ranks[method] for method in group]
        heights = [-0.2 - BAR * row] * len(ranks)
        ax.plot(ranks, heights, "-o", color=INK, lw=2.5, ms=4, solid_capstyle="round")
    joined = "; ".join(", ".join(group) for group in contest.groups)
    order = ", ".join(f"{m} {contest.mean_ranks[m]:.2f}" for m in contest.methods)
    alt = f"Mean ranks: {order}. Not told apart: {joined or 'none'}"
    title = (
        f"Mean ranks by {contest.metric} over {len(contest.datasets)} data sets; bars join methods "
        "that are not told apart (Wilcoxon, Holm, 5 %)"
    )
    return Picture("critical-difference", "ranking", title, alt, figure)


def _scale(ax: Axes, k: int, distance: float) -> None:
    """The axis of ranks, and above it how far mean ranks must differ for Nemenyi's test."""
    ax.plot([1, k], [0, 0], color=INK, lw=1)
    for rank in range(1, k + 1):
        ax.plot([rank, rank], [0, 0.06], color=INK, lw=1)
        ax.text(rank, 0.09, str(rank), ha="center", va="bottom", fontsize=8)
    end = min(1 + distance, k)
    text = f"Nemenyi's critical difference {distance:.2f}"
    text += "" if 1 + distance <= k else ", wider than the axis"
    ax.plot([1, end], [0.36, 0.36], "-", color=GREY, lw=1.5)
    ax.text(1, 0.39, text, fontsize=7, va="bottom")


def _label(ax: Axes, rank: float, side: float, height: float, method: str, own: Looks) -> None:
    """A line from a rank to the name beside it."""
    ax.plot([rank, rank, side], [0, height, height], color=own[method].colour, lw=1)
    ax.plot([rank], [0], own[method].marker, color=own[method].colour, ms=5)
    text, gap = f"{plain(method)}  {rank:.2f}", 0.3 if side > rank else -0.3
    beyond = "left" if gap > 0 else "right"
    ax.annotate(
        text, (side, height), (12 * gap, 0), textcoords="offset points", ha=beyond, va="center",
        fontsize=8,
    )  # fmt: skip
