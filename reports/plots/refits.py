"""Scores and training losses of what was fitted again."""

from collections.abc import Callable, Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from howrobust.distributions.arrays import Array
from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.panel_grid import panel_grid
from howrobust.reports.plots.style import GREY, Styles, axes_or_new, method_styles, plain
from howrobust.reports.sections.stability import Refits


def refit_scores(
    refits: Sequence[Refits], styles: Styles | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the relative rmse of restarts (dots) and shuffles (crosses).

    Parameters
    ----------
    refits : sequence of Refits
        The refits of each method on one data set.
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
    styles = styles or method_styles([r.method for r in refits])
    _strips(ax, refits, styles, lambda r: r.restarts, "o", -0.15)
    _strips(ax, refits, styles, lambda r: r.shuffles, "x", 0.15)
    return _name_columns(ax, refits, 1)


def refit_losses(
    refits: Sequence[Refits], styles: Styles | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the training losses of the networks of one fit, less their mean.

    Parameters
    ----------
    refits : sequence of Refits
        The refits of each method on one data set.
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
    styles = styles or method_styles([r.method for r in refits])
    _strips(ax, refits, styles, lambda r: r.losses, "o", 0.0)
    return _name_columns(ax, refits, 0)


def _strips(
    ax: Axes,
    refits: Sequence[Refits],
    styles: Styles,
    values_of: Callable[[Refits], Array],
    marker: str,
    shift: float,
) -> None:
    """A strip of points for each method."""
    for k, each in enumerate(refits):
        values = values_of(each)
        if len(values):
            sns.stripplot(
                x=np.full(len(values), k + shift), y=values, jitter=False, native_scale=True,
                marker=marker, size=4, linewidth=1, edgecolor="face",
                color=styles[each.method].colour, alpha=0.7, ax=ax,
            )  # fmt: skip


def _name_columns(ax: Axes, refits: Sequence[Refits], level: float) -> Axes:
    ax.set_xlim(-0.6, len(refits) - 0.4)
    names = [plain(each.method.partition("[")[0]) for each in refits]
    ax.set_xticks(range(len(refits)), names, rotation=40, ha="right", fontsize=7)
    ax.axhline(level, color=GREY, lw=0.8, zorder=0)
    return ax


def refits_figure(refits: Sequence[Refits], styles: Styles) -> ReportFigure:
    """Draw scores and training losses of refits, two panels a data set.

    Parameters
    ----------
    refits : sequence of Refits
        The refits of each method on each data set.
    styles : dict of str to MethodStyle
        Styles of the methods.

    Returns
    -------
    ReportFigure
        The figure.
    """
    names = list(dict.fromkeys(each.dataset for each in refits))
    grid = panel_grid(names, down=2, beside=0.6)
    for name, (upper, lower) in grid.panels.items():
        of_data_set = [each for each in refits if each.dataset == name]
        refit_scores(of_data_set, styles, upper)
        refit_losses(of_data_set, styles, lower)
    grid.axes[0, 0].set_ylabel("rmse / mean rmse")
    grid.axes[1, 0].set_ylabel("training loss - mean")
    shown = ", ".join(names)
    alt = f"rmse of restarts (dots) and shuffles (crosses), and training losses, on {shown}"
    title = "Fitted again: rmse of restarts (dots) and shuffles (crosses); losses of each network"
    return ReportFigure("stability", "stability", title, alt, grid.figure)
