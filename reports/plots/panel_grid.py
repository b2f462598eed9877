"""Figures of several panels: a block of panels for each data set, and one legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from howrobust.reports.plots.style import new_figure, plain


@dataclass(frozen=True)
class PanelGrid:
    """A figure with as many panels for each name, one below the other.

    Parameters
    ----------
    figure : Figure
        The figure.
    axes : array of shape (rows, columns)
        All its axes.
    panels : dict of str to list of Axes
        The axes of each name, from above.
    """

    figure: Figure
    axes: NDArray[Any]
    panels: dict[str, list[Axes]]

    def legend(self) -> None:
        """Draw one legend beside all panels, a line for each method."""
        handles: dict[str, Any] = {}
        for ax in self.axes.flat:
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                handles.setdefault(label, handle)
        self.figure.legend(
            handles.values(), handles.keys(), fontsize=7, frameon=False, handlelength=3.2,
            loc="outside right center",
        )  # fmt: skip


def panel_grid(names: Sequence[str], down: int, beside: float) -> PanelGrid:
    """Return empty panels for each name, three names abreast.

    Parameters
    ----------
    names : sequence of str
        Titles of the blocks of panels.
    down : int
        Number of panels of each name.
    beside : float
        Inches for a legend.

    Returns
    -------
    PanelGrid
        The figure and its panels.
    """
    columns = min(3, len(names))
    blocks = -(-len(names) // columns)
    figure = new_figure(3.1 * columns + beside, 2.3 * down * blocks)
    axes = figure.subplots(down * blocks, columns, squeeze=False)
    panels = {}
    for k in range(blocks * columns):
        top = down * (k // columns)
        column = list(axes[top : top + down, k % columns])
        if k < len(names):
            column[0].set_title(plain(names[k]), fontsize=9)
            panels[names[k]] = column
        else:
            for ax in column:
                ax.set_visible(False)
    return PanelGrid(figure, axes, panels)
