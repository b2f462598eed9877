"""Histograms of PIT values, a panel per method."""

import numpy as np
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
from howrobust.reports.sections.calibration import BINS, Calibration

EDGES = np.linspace(0, 1, BINS + 1)


def pit_histogram(
    shown: Calibration, method: str, styles: Styles | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the histogram of a method's PIT values, with the null band.

    Parameters
    ----------
    shown : Calibration
        Calibration of the methods on a data set.
    method : str
        Label of the method.
    styles : dict of str to MethodStyle, optional
        Styles of the methods.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes.
    """
    ax = axes_or_new(ax, 2.2, 1.9)
    styles = styles or method_styles(list(shown.histograms))
    lower, upper = shown.histogram_band
    ax.stairs(shown.histograms[method], EDGES, fill=True, color=styles[method].colour, alpha=0.55)
    ax.stairs(upper, EDGES, baseline=lower, fill=True, color=GREY, alpha=0.3, lw=0)
    ax.axhline(1, color=GREY, lw=0.8)
    ax.set_title(plain(method), fontsize=7)
    ax.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    return ax


def pit_figure(shown: Calibration, styles: Styles) -> ReportFigure:
    """Draw the PIT histograms of a data set for a report.

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
    methods = list(shown.histograms)
    columns = min(4, len(methods))
    rows = -(-len(methods) // columns)
    figure = new_figure(2.2 * columns, 1.9 * rows)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax, method in zip(axes.flat, methods, strict=False):
        pit_histogram(shown, method, styles, ax)
    for ax in axes.flat[len(methods) :]:
        ax.set_visible(False)
    figure.supxlabel("F(y), the PIT value", fontsize=9)
    figure.supylabel("density", fontsize=9)
    alt = f"Histograms of the PIT values of each method on {shown.dataset}; flat is calibrated"
    title = (
        "PIT values of the test points, all splits (flat: calibrated; high at both ends: too "
        "narrow; high in the middle: too wide; grey: a perfect forecaster, 95 %)"
    )
    return ReportFigure(f"pit-{shown.dataset}", "calibration", title, alt, figure, shown.dataset)
