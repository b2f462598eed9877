"""What each method predicts of one feature, side by side."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes

from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.style import COLOURS, GREY, INK, axes_or_new, new_figure, plain
from howrobust.reports.sections.data_sets import PredictiveBand


def predictive_band(band: PredictiveBand, ax: Axes | None = None) -> Axes:
    """Draw mean, 99.7 % band, test points and the true mean, if known.

    Parameters
    ----------
    band : PredictiveBand
        What a method predicts.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        The axes.
    """
    ax = axes_or_new(ax, 3.6, 2.9)
    blue, red = COLOURS[:2]
    ax.fill_between(
        band.x, band.lower, band.upper, alpha=0.3, lw=0, color=blue, label="99.7 % band"
    )
    ax.plot(band.x, band.y, ".", ms=2.5, color=GREY, alpha=0.8, label="test points")
    if band.truth is not None:
        ax.plot(band.x, band.truth, "--", color=INK, lw=1, label="true mean")
    sns.lineplot(
        x=band.x, y=band.mean, estimator=None, sort=False, lw=1.2, color=red,
        label="predicted mean", legend=False, ax=ax,
    )  # fmt: skip
    ax.set_title(plain(band.method), fontsize=9)
    # A runaway extrapolation must not flatten the other panels.
    spread = np.ptp(band.y)
    ax.set_ylim(band.y.min() - 0.35 * spread, band.y.max() + 0.35 * spread)
    return ax


def bands_figure(dataset: str, bands: Sequence[PredictiveBand]) -> ReportFigure:
    """Draw a panel for each method on a data set.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    bands : sequence of PredictiveBand
        What each method predicts.

    Returns
    -------
    ReportFigure
        The figure.
    """
    columns = min(3, len(bands))
    rows = -(-len(bands) // columns)
    figure = new_figure(3.6 * columns, 2.9 * rows)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat[len(bands) :]:
        ax.set_visible(False)
    for ax, band in zip(axes.flat, bands, strict=False):
        predictive_band(band, ax)
    axes[0, 0].legend(fontsize=7, frameon=False, loc="best")
    figure.supxlabel("x", fontsize=9)
    figure.supylabel("y", fontsize=9)
    names = ", ".join(band.method for band in bands)
    alt = f"Predicted mean and 99.7 % band of {names} over the test points of {dataset}"
    title = "Prediction, 99.7 % band, test points and true mean (first split)"
    return ReportFigure(f"bands-{dataset}", "data", title, alt, figure, dataset)
