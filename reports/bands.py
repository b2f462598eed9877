"""The article's figure: what each method predicts of one feature, side by side."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from howrobust.analysis.run_scores import REFERENCES
from howrobust.distributions.arrays import Array
from howrobust.reports.looks import COLOURS, GREY, INK, plain
from howrobust.reports.picture import Picture
from howrobust.reports.summary import Summary


def bands(summary: Summary, dataset: str, methods: list[str]) -> Picture:
    """A panel per method: mean, 99.7 % band, test points and, where it is known, the true mean."""
    shown = [m for m in methods if m not in REFERENCES]
    truth = summary.finished(dataset, "oracle")
    mean = summary.clean(truth[0]).mean if truth else None
    columns = min(3, max(len(shown), 1))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.9 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for ax in axes.flat[len(shown) :]:
        ax.set_visible(False)
    for ax, method in zip(axes.flat, shown, strict=False):
        _panel(ax, summary, dataset, method, mean)
    axes[0, 0].legend(fontsize=7, frameon=False, loc="best")
    figure.supxlabel("x", fontsize=9)
    figure.supylabel("y", fontsize=9)
    alt = f"Predicted mean and 99.7 % band of {', '.join(shown)} over the test points of {dataset}"
    title = "Prediction, 99.7 % band, test points and true mean (first split)"
    return Picture(f"bands-{dataset}", dataset, title, alt, figure)


def _panel(ax: Axes, summary: Summary, dataset: str, method: str, truth: Array | None) -> None:
    cell = summary.finished(dataset, method)[0]
    held, forecast = summary.held_out(cell), summary.clean(cell)
    x = held.X[:, 0]
    order = np.argsort(x)
    lower, upper = forecast.quantile(0.0015)[order], forecast.quantile(0.9985)[order]
    blue, red = COLOURS[:2]
    ax.fill_between(x[order], lower, upper, alpha=0.3, lw=0, color=blue, label="99.7 % band")
    ax.plot(x, held.y, ".", ms=2.5, color=GREY, alpha=0.8, label="test points")
    if truth is not None:
        ax.plot(x[order], truth[order], "--", color=INK, lw=1, label="true mean")
    ax.plot(x[order], forecast.mean[order], lw=1.2, color=red, label="predicted mean")
    ax.set_title(plain(method), fontsize=9)
    # A runaway extrapolation must not flatten the other panels.
    spread = np.ptp(held.y)
    ax.set_ylim(held.y.min() - 0.35 * spread, held.y.max() + 0.35 * spread)
