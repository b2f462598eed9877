"""How figures look: one colour, dash and marker per method, the same in every figure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from numpy.typing import ArrayLike, NDArray

from howrobust.analysis.run_scores import REFERENCES
from howrobust.reports.number_text import single_line

INK = "#1b1f24"  # text and axes; in SVG the colour of the text around it
GREY = "#808080"
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: smaller, and readable by a screen reader
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    **{
        f"{part}color": INK
        for part in ("text.", "axes.edge", "axes.label", "xtick.", "ytick.", "legend.label")
    },
}
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
class Look:
    """Colour, dash and marker of a method's lines and points."""

    colour: str
    dash: Dash
    marker: str


Looks = dict[str, Look]
MARGINAL = Look(GREY, (0, (1, 2.5)), ".")
ORACLE = Look(INK, (0, (4, 4)), ".")


def looks(methods: list[str]) -> Looks:
    """A look per method: 40 of them before one comes again. References are without colour."""
    ranked = [method for method in methods if method not in REFERENCES]
    found = {"marginal": MARGINAL, "oracle": ORACLE}
    for k, method in enumerate(ranked):
        dash, marker = DASHES[k % len(DASHES)], MARKERS[k % len(MARKERS)]
        found[method] = Look(COLOURS[k % len(COLOURS)], dash, marker)
    return found


def plain(text: str) -> str:
    """A name as it is: to matplotlib a dollar begins a formula, and "_" what no legend shows."""
    text = single_line(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def log_axis(axis: Axis, values: ArrayLike) -> None:
    """Give a log axis a few round labels: 1, 2 and 5 over short ranges, powers of ten over long."""
    drawn = np.asarray(values)
    short = drawn.max() < 50 * drawn.min()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if short else (1,), numticks=5))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def panels(
    names: list[str], down: int, beside: float
) -> tuple[Figure, NDArray[Any], dict[str, list[Axes]]]:
    """A figure with as many panels for each name, one below the other, three names abreast.

    ``beside``: inches for a legend. Returns the figure, all its axes and each name's from above.
    """
    columns = min(3, len(names))
    blocks = -(-len(names) // columns)
    size = (3.1 * columns + beside, 2.3 * down * blocks)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(down * blocks, columns, squeeze=False)
    own = {}
    for k in range(blocks * columns):
        top = down * (k // columns)
        column = list(axes[top : top + down, k % columns])
        if k < len(names):
            column[0].set_title(plain(names[k]), fontsize=9)
            own[names[k]] = column
        else:
            for ax in column:
                ax.set_visible(False)
    return figure, axes, own


def legend(figure: Figure, axes: NDArray[Any]) -> None:
    """One legend beside all panels, a line for each method that any of them shows."""
    handles: dict[str, Any] = {}
    for ax in axes.flat:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        handles.values(), handles.keys(), fontsize=7, frameon=False, handlelength=3.2,
        loc="outside right center",
    )  # fmt: skip
