"""Observed against stated probability of central intervals."""

import seaborn as sns
from matplotlib.axes import Axes

from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.style import (
    GREY,
    Styles,
    axes_or_new,
    method_styles,
    new_figure,
    plain,
)
from howrobust.reports.sections.calibration import LEVELS, Calibration

PERFECT = "a perfect forecaster, 95 %"


def calibration_curves(
    shown: Calibration, styles: Styles | None = None, ax: Axes | None = None
) -> Axes:
    """Draw observed against stated probability of central intervals.

    Parameters
    ----------
    shown : Calibration
        Calibration of the methods on a data set.
    styles : dict of str to MethodStyle, optional
        Styles of the methods.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes.
    """
    ax = axes_or_new(ax, 4.6, 4.0)
    styles = styles or method_styles(list(shown.observed))
    ax.fill_between(LEVELS, *shown.curve_band, color=GREY, alpha=0.3, lw=0, label=PERFECT)
    ax.plot([0, 1], [0, 1], color=GREY, lw=0.8)
    for method, observed in shown.observed.items():
        sns.lineplot(
            x=LEVELS, y=observed, estimator=None, sort=False, linestyle=styles[method].dash,
            color=styles[method].colour, lw=1.3, label=plain(method), legend=False, ax=ax,
        )  # fmt: skip
    ax.set(xlabel="stated probability of the interval", ylabel="share of test points inside")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.legend(fontsize=7, frameon=False, loc="upper left", handlelength=3.2)
    return ax


def calibration_figure(shown: Calibration, styles: Styles) -> ReportFigure:
    """Draw the calibration curves of a data set for a report.

    Parameters
    ----------
    shown : Calibration
        Calibration of the methods on a data set.
    styles : dict of str to MethodStyle
        Styles of the methods.

    Returns
    -------
    ReportFigure
        The figure.
    """
    figure = new_figure(4.6, 4.0)
    calibration_curves(shown, styles, figure.subplots())
    alt = f"Calibration curves on {shown.dataset}: share of test points inside central intervals"
    name, title = f"calibration-{shown.dataset}", "Calibration, all splits"
    return ReportFigure(name, "calibration", title, alt, figure, shown.dataset)
