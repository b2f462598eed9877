"""The critical-difference diagram: mean ranks, and the methods that they do not distinguish."""

from matplotlib.axes import Axes

from howrobust.analysis.ranking import Contest
from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.style import (
    GREY,
    INK,
    Styles,
    axes_or_new,
    method_styles,
    new_figure,
    plain,
)

BAR = 0.28  # between bars and between names, in rows


def critical_difference(
    contest: Contest, styles: Styles | None = None, ax: Axes | None = None
) -> Axes:
    """Draw mean ranks on a line, with bars that join similar methods.

    Parameters
    ----------
    contest : Contest
        Mean ranks and their tests.
    styles : dict of str to MethodStyle, optional
        Styles of the methods.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes.

    Notes
    -----
    As Demsar (2006) draws it, but the bars are the groups of the contest: Wilcoxon's test with
    Holm's correction. A dot marks each member of a bar; the bar may pass by a method without one.
    """
    ax = axes_or_new(ax, *_size(contest))
    styles = styles or method_styles(contest.methods)
    k, bars = len(contest.methods), len(contest.groups)
    left, right = contest.methods[: (k + 1) // 2], contest.methods[(k + 1) // 2 :][::-1]
    ax.set_axis_off()
    ax.set(xlim=(1 - 0.45 * k, k + 0.45 * k), ylim=(-_depth(contest), 0.55))
    _scale(ax, k, contest.critical_difference)
    for side, names in ((1 - 0.06 * k, left), (k + 0.06 * k, right)):
        for row, method in enumerate(names):
            place = (contest.mean_ranks[method], side, -0.3 - BAR * (bars + row))
            _label(ax, *place, method, styles)
    for row, group in enumerate(contest.groups):
        ranks = [contest.mean_ranks[method] for method in group]
        heights = [-0.2 - BAR * row] * len(ranks)
        ax.plot(ranks, heights, "-o", color=INK, lw=2.5, ms=4, solid_capstyle="round")
    return ax


def ranks_figure(contest: Contest, styles: Styles) -> ReportFigure:
    """Draw the critical-difference diagram for a report.

    Parameters
    ----------
    contest : Contest
        Mean ranks and their tests.
    styles : dict of str to MethodStyle
        Styles of the methods.

    Returns
    -------
    ReportFigure
        The figure.
    """
    figure = new_figure(*_size(contest))
    critical_difference(contest, styles, figure.subplots())
    joined = "; ".join(", ".join(group) for group in contest.groups)
    order = ", ".join(f"{m} {contest.mean_ranks[m]:.2f}" for m in contest.methods)
    alt = f"Mean ranks: {order}. Not distinguishable: {joined or 'none'}"
    title = (
        f"Mean ranks by {contest.metric} over {len(contest.datasets)} data sets; bars join methods "
        "that are not distinguishable (Wilcoxon, Holm, 5 %)"
    )
    return ReportFigure("critical-difference", "ranking", title, alt, figure)


def _depth(contest: Contest) -> float:
    """Rows below the axis."""
    return 0.4 + BAR * (len(contest.groups) + (len(contest.methods) + 1) // 2)


def _size(contest: Contest) -> tuple[float, float]:
    return 7.2, 0.6 + 0.85 * _depth(contest)


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


def _label(ax: Axes, rank: float, side: float, height: float, method: str, styles: Styles) -> None:
    """A line from a rank to the name beside it."""
    style = styles[method]
    ax.plot([rank, rank, side], [0, height, height], color=style.colour, lw=1)
    ax.plot([rank], [0], style.marker, color=style.colour, ms=5)
    text, gap = f"{plain(method)}  {rank:.2f}", 0.3 if side > rank else -0.3
    alignment = "left" if gap > 0 else "right"
    ax.annotate(
        text, (side, height), (12 * gap, 0), textcoords="offset points", ha=alignment, va="center",
        fontsize=8,
    )  # fmt: skip
