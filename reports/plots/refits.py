"""Scores and training losses of what was fitted again."""

import numpy as np
from matplotlib.axes import Axes

from howrobust.analysis.cards.measures import SHUFFLE
from howrobust.analysis.run_scores import REFERENCES
from howrobust.base.cells import CLEAN
from howrobust.reports.plots.figure_file import Picture
from howrobust.reports.plots.style import GREY, Looks, panels, plain
from howrobust.reports.sections.scores import Summary


def stability(summary: Summary, own: Looks) -> Picture:
    """Two panels a data set: the rmse of each restart and shuffle over their mean; and the training
    losses of the networks of one fit, the local minima that they ended in."""
    methods = [m for m in summary.methods if m not in REFERENCES]
    names = [data.name for data in summary.data]
    figure, axes, pairs = panels(names, down=2, beside=0.6)
    for name, (upper, lower) in pairs.items():
        _again(upper, summary, name, methods, own)
        _losses(lower, summary, name, methods, own)
    axes[0, 0].set_ylabel("rmse / mean rmse")
    axes[1, 0].set_ylabel("training loss - mean")
    shown = ", ".join(pairs)
    alt = f"rmse of restarts (dots) and shuffles (crosses), and training losses, on {shown}"
    title = "Fitted again: rmse of restarts (dots) and shuffles (crosses); losses of each network"
    return Picture("stability", "stability", title, alt, figure)


def _again(ax: Axes, summary: Summary, dataset: str, methods: list[str], own: Looks) -> None:
    """Each restart's rmse, and each shuffle's, over the mean of their kind on a split."""
    r = summary.records
    found = r[(r["dataset"] == dataset) & (r["metric"] == "rmse") & (r["status"] == "ok")]
    for k, method in enumerate(methods):
        of_method = found[found["method"] == method]
        for stress, marker, side in ((CLEAN[0], "o", -0.15), (SHUFFLE, "x", 0.15)):
            kept = of_method[of_method["stress"] == stress]
            for _, group in kept.groupby("split"):
                if len(group) > 1:
                    values = group["value"] / group["value"].mean()
                    x = np.full(len(values), k + side)
                    ax.plot(x, values, marker, ms=4, color=own[method].colour, alpha=0.7)
    _name_columns(ax, methods, 1)


def _losses(ax: Axes, summary: Summary, dataset: str, methods: list[str], own: Looks) -> None:
    """Training losses of the networks of the first fit, less their mean."""
    for k, method in enumerate(methods):
        for cell in summary.finished(dataset, method)[:1]:
            for values in cell.facts.values():
                if isinstance(values, list) and len(values) > 1:
                    y = np.asarray(values) - np.mean(values)
                    ax.plot(np.full(len(y), k), y, "o", ms=4, color=own[method].colour, alpha=0.7)
    _name_columns(ax, methods, 0)


def _name_columns(ax: Axes, methods: list[str], level: float) -> None:
    ax.set_xlim(-0.6, len(methods) - 0.4)
    names = [plain(method.partition("[")[0]) for method in methods]
    ax.set_xticks(range(len(methods)), names, rotation=40, ha="right", fontsize=7)
    ax.axhline(level, color=GREY, lw=0.8, zorder=0)
