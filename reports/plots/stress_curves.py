"""Error and coverage against the severity of a stress."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from howrobust.analysis.regions import BASELINE, REGION
from howrobust.base.cells import CLEAN, Level
from howrobust.base.facts import StressFacts
from howrobust.reports.plots.figure_file import Picture
from howrobust.reports.plots.style import GREY, Looks, legend, log_axis, panels, plain
from howrobust.reports.sections.scores import Summary


def is_severity(facts: StressFacts) -> bool:
    """Whether a stress has a figure: its levels are severities, not numbers of repeats."""
    return facts.name != BASELINE and facts.ladder


def degradation(summary: Summary, stress: str, unit: str, own: Looks) -> Picture:
    """Error and nominal-90 % coverage against the severity of a stress, two panels a data set.

    Where a stress moves the true targets too, the stated sd stands in place of the error.
    """
    facts = summary.stress_facts(stress)
    error = facts.scored_by
    names = [data.name for data in summary.data]
    figure, axes, pairs = panels(names, down=2, beside=1.9)
    for name, (upper, lower) in pairs.items():
        _ladders(upper, summary, name, error, stress, own)
        _ladders(lower, summary, name, "coverage_90", stress, own)
        if error != "nll":
            _log_where_it_spreads(upper)
        lower.axhline(0.9, color=GREY, lw=0.8)
        lower.set_ylim(-0.02, 1.02)
    for ax, label in zip(axes[:2, 0], (error, "inside the 90 % interval"), strict=True):
        ax.set_ylabel("root mean variance" if label == "sharpness" else label)
    figure.supxlabel(f"{stress.replace('_', ' ')} ({unit})", fontsize=9)
    legend(figure, axes)
    title = f"{facts.title}: {error} and 90 % coverage (grey: as promised)"
    if stress.startswith("adversarial"):
        title += "; hollow: attacked without gradients, not to be compared"
    alt = f"{error} and 90 % coverage of each method on {', '.join(pairs)} as {stress} grows"
    return Picture(f"stress-{stress}", "", title[0].upper() + title[1:], alt, figure)


def _ladders(
    ax: Axes, summary: Summary, dataset: str, metric: str, stress: str, own: Looks
) -> None:
    """A line per method over the places of a stress."""
    for method in summary.methods:
        kept = []
        for x, place in _places(summary, stress):
            values = summary.values(dataset, method, metric, *place, first=True)
            if not values.empty:
                kept.append((x, float(values.mean())))
        if len(kept) < 2:
            continue
        blind = stress.startswith("adversarial") and not summary.has_gradients(dataset, method)
        look = own[method]
        ax.plot(
            [x for x, _ in kept],
            [y for _, y in kept],
            linestyle=look.dash,
            marker=look.marker,
            color=look.colour,
            markerfacecolor="none" if blind else look.colour,
            ms=4,
            lw=1.2,
            label=plain(method),
        )
    kind = summary.stress_facts(stress).kind
    if kind == "split":
        ax.set_xticks([0, 1], ["random third", stress])
    elif kind == "setting":
        ax.set_xscale("log", base=2)
        ax.set_xticks([0.5, 1, 2], ["half", "as set", "double"])


def _places(summary: Summary, stress: str) -> list[tuple[float, Level]]:
    """Where on the axis each level of a stress stands, and what it is held against."""
    levels = [(level, (stress, level)) for level in summary.stresses()[stress]]
    kind = summary.stress_facts(stress).kind
    if kind == "split":
        return [(0.0, (BASELINE, REGION)), *levels]
    if kind == "setting":
        return sorted([(1.0, CLEAN), *levels])
    return [(0.0, CLEAN), *levels]


def _log_where_it_spreads(ax: Axes) -> None:
    """A log axis where the largest value is five times the least."""
    lines: list[Any] = [line.get_ydata() for line in ax.lines]
    drawn = np.concatenate(lines or [np.empty(0)])
    if drawn.size and drawn.min() > 0 and drawn.max() >= 5 * drawn.min():
        ax.set_yscale("log")
        log_axis(ax.yaxis, drawn)
