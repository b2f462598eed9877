"""A figure of a report with what it shows in words, and how it is written to files."""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import matplotlib as mpl
from matplotlib.figure import Figure

from howrobust.reports.plots.style import INK, STYLE, figure_style
from howrobust.storage.atomic import write_output

FORMATS = ("png", "pdf")
Section = Literal["ranking", "data", "calibration", "stress", "stability", "costs", "propagation"]


@dataclass(frozen=True)
class ReportFigure:
    """A figure of a report.

    Parameters
    ----------
    name : str
        Name of its files.
    section : {"ranking", "data", "calibration", "stress", "stability", "costs", "propagation"}
        The section that shows it.
    title, alt : str
        Its title, and what it shows, for those who cannot see it.
    figure : Figure
        The figure.
    dataset : str, default=""
        The data set that it is about; "" for several.
    """

    name: str
    section: Section
    title: str
    alt: str
    figure: Figure
    dataset: str = ""

    def svg(self) -> str:
        """Return inline SVG in the text colour of the page around it.

        Returns
        -------
        str
            An svg element whose ids begin with the name of the figure: several stand on one page.
        """
        text = io.StringIO()
        with mpl.rc_context({**STYLE, "svg.hashsalt": self.name}):
            self.figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
        svg = text.getvalue()
        svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
        prefix = re.sub(r"\W", "-", self.name)
        named = re.compile(r'(?<=\bid=")|(?<=url\(#)|(?<=href="#)')
        svg = re.sub(r"<[^>]*>", lambda tag: named.sub(f"{prefix}-", tag[0]), svg)
        # The size is the page's to choose; the viewBox keeps the shape.
        return re.sub(r'(<svg[^>]*?) width="[^"]*"| height="[^"]*pt"', r"\1", svg, count=2)

    def write(self, folder: Path) -> None:
        """Write the figure on white, as PNG of 150 dots an inch and as PDF.

        Parameters
        ----------
        folder : Path
            Where to write the files, which have the name of the figure.
        """
        name = re.sub(r"[^\w.-]", "-", self.name)
        for kind in FORMATS:
            content = io.BytesIO()
            with figure_style():
                self.figure.savefig(
                    content, format=kind, dpi=150, bbox_inches="tight", facecolor="white"
                )
            write_output(folder / f"{name}.{kind}", content.getvalue())
