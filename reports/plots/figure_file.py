"""A figure with what it shows in words, and how it is written."""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from howrobust.reports.plots.style import INK, STYLE
from howrobust.storage.atomic import write_output

FORMATS = ("png", "pdf")


@dataclass(frozen=True)
class Picture:
    """A figure with its name, its place on the page and what it shows in words.

    ``dataset`` is the place: the name of a data set, or "ranking", "cost", "stability" or, for
    stresses, "".
    """

    name: str
    dataset: str
    title: str
    alt: str
    figure: Figure

    def svg(self) -> str:
        """Inline SVG on no ground, its ink the text colour of the page around it.

        Its ids are its own: several stand on one page.
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
        """Write it on white, as files named for it: PNG at 150 dots an inch, and PDF."""
        name = re.sub(r"[^\w.-]", "-", self.name)
        for kind in FORMATS:
            content = io.BytesIO()
            with mpl.rc_context(STYLE):
                self.figure.savefig(
                    content, format=kind, dpi=150, bbox_inches="tight", facecolor="white"
                )
            write_output(folder / f"{name}.{kind}", content.getvalue())
