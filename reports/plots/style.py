"""How figures look: the theme, and one colour, dash and marker per method in all of them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike

from howrobust.base.facts import REFERENCES
from howrobust.reports.number_text import single_line

INK = "#1b1f24"  # text and axes; in SVG the colour of the text around it
GREY = "#808080"
STYLE: dict[Any, Any] = {
    **sns.axes_style("ticks"),
    **sns.plotting_context("notebook", font_scale=9 / 12),
    "svg.fonttype": "none",  # text stays text: smaller, and readable by a screen reader
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    **{f"{axis}tick.labelsize": 9 for axis in "xy"},
    **{f"{axis}tick.major.size": 3.5 for axis in "xy"},
    **{f"{axis}tick.major.width": 0.8 for axis in "xy"},
    **{f"{axis}tick.minor.size": 2 for axis in "xy"},
    **{f"{axis}tick.minor.width": 0.6 for axis in "xy"},
    "axes.linewidth": 0.8,
    **{
        f"{part}color": INK
        for part in ("text.", "axes.edge", "axes.label", "xtick.", "ytick.", "legend.label")
    },
}  # fmt: skip
# After Okabe & Ito (2008), each of a contrast of 3 or more to white and to near-black.
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#d35fb7", "#b07d00", "#7a6fd0", "#3d95b8", "#a0522d"
)  # fmt: skip
MARKERS = "osD^vPX*"
Dash = str | tuple[float, tuple[float, ...]]
DASHES: tuple[Dash, ...] = (
    "-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (11, 3))
)  # fmt: skip


@dataclass(frozen=True)
class MethodStyle:
    """How the lines and points of a method look.

    Parameters
    ----------
    colour : str
        Hexadecimal colour.
    dash : str or tuple
        Line style of matplotlib.
    marker : str
        Marker of matplotlib.
    """

    colour: str
    dash: Dash
    marker: str


Styles = dict[str, MethodStyle]
MARGINAL = MethodStyle(GREY, (0, (1, 2.5)), ".")
ORACLE = MethodStyle(INK, (0, (4, 4)), ".")


def method_styles(methods: Sequence[str]) -> Styles:
    """Return a style for each method; references are without colour.

    Parameters
    ----------
    methods : sequence of str
        Labels of the methods, in the order of the run.

    Returns
    -------
    dict of str to MethodStyle
        Styles by method; the first 40 differ.
    """
    ranked = [method for method in methods if method not in REFERENCES]
    styles = {"marginal": MARGINAL, "oracle": ORACLE}
    for k, method in enumerate(ranked):
        dash, marker = DASHES[k % len(DASHES)], MARKERS[k % len(MARKERS)]
        styles[method] = MethodStyle(COLOURS[k % len(COLOURS)], dash, marker)
    return styles


def figure_style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the style of a report.

    Returns
    -------
    context manager
        It restores the settings of matplotlib.
    """
    return mpl.rc_context(STYLE)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure that no window shows.

    Parameters
    ----------
    width, height : float
        Size in inches.

    Returns
    -------
    Figure
        The figure; its parts make room for each other.
    """
    return Figure(figsize=(width, height), layout="constrained")


def axes_or_new(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the axes that are given, or those of a new figure of pyplot.

    Parameters
    ----------
    ax : Axes or None
        Where a caller wants to draw.
    width, height : float
        Size of the new figure in inches.

    Returns
    -------
    Axes
        Where to draw.
    """
    if ax is not None:
        return ax
    with figure_style():
        figure = plt.figure(figsize=(width, height), layout="constrained")
        drawn: Axes = figure.subplots()
    return drawn


def plain(text: str) -> str:
    """Return text that matplotlib shows as it is.

    Parameters
    ----------
    text : str
        Any text: a dollar begins a formula, and a legend leaves out what begins with "_".

    Returns
    -------
    str
        One line, with dollars escaped.
    """
    text = single_line(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def log_axis(axis: Axis, values: ArrayLike) -> None:
    """Give a log axis a few round labels.

    Parameters
    ----------
    axis : Axis
        The axis.
    values : array of shape (n,)
        What is drawn along it, greater than 0: labels are 1, 2 and 5 over short ranges, and powers
        of ten over long ones.
    """
    drawn = np.asarray(values)
    short = drawn.max() < 50 * drawn.min()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if short else (1,), numticks=5))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
