"""The page: one self-contained HTML file that opens without a network."""

import base64
import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from howrobust import __version__
from howrobust.errors import BadInput
from howrobust.reports.card_html import environment
from howrobust.reports.model import Report
from howrobust.reports.plots.all_figures import report_figures
from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.sections import published
from howrobust.reports.sections.scores import BEST, CAPTION
from howrobust.storage.atomic import write_output

NAME = "report.html"
MARK = b'<meta name="generator" content="howrobust'
LONGEST_HEAD = 1000  # bytes: the mark is in the first lines


@dataclass(frozen=True)
class InlineFigure:
    """A figure on the page.

    Parameters
    ----------
    name, section, dataset, title, alt : str
        As of `ReportFigure`.
    width : float
        Width in inches for which it was drawn.
    svg : Markup
        The figure.
    """

    name: str
    section: str
    dataset: str
    title: str
    alt: str
    width: float
    svg: Markup


def write_page(report: Report, path: Path | None = None) -> Path:
    """Write the page of a run.

    Parameters
    ----------
    report : Report
        The report of the run.
    path : Path, optional
        Where to write it; report.html in the folder of the run by default.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    BadInput
        Where the file cannot be written, or a file of the default name is no page of howrobust.
    """
    if path is None:
        path = report.folder / NAME
        _require_replaceable(path)
    write_output(path, render(report).encode("utf-8"))
    return path


def _require_replaceable(path: Path) -> None:
    """Raise BadInput where a file is there that is no page of howrobust: it would be lost."""
    try:
        content = path.read_bytes() if path.is_file() else MARK
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); move it away") from None
    if MARK not in content[:LONGEST_HEAD]:
        raise BadInput(
            f"{path} was not made by howrobust and is left as it is; move it to another place and "
            "run `howrobust report` again"
        )


def render(report: Report) -> str:
    """Return the page as text.

    Parameters
    ----------
    report : Report
        The report of a run.

    Returns
    -------
    str
        HTML; everything from data and plug-ins is escaped.
    """
    template = environment().get_template("page.html")
    protocols = dict.fromkeys((c.published, c.theirs.protocol) for c in report.comparisons)
    return template.render(
        version=__version__,
        report=report,
        figures=[inline_figure(figure) for figure in report_figures(report)],
        caption=CAPTION,
        best=BEST,
        published_caption=published.CAPTION,
        protocols=protocols,
        **appearance(),
    )


def appearance() -> dict[str, Any]:
    """Return style and script, and a policy that lets the browser use these and load nothing.

    Figures are drawn with style attributes, which no hash can name.

    Returns
    -------
    dict of str to object
        ``style``, ``script`` and ``policy``, for a template.
    """
    folder = files("howrobust.reports.templates")
    style, script = ((folder / name).read_text("utf-8") for name in ("style.css", "script.js"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src-elem {_hash(style)}; "
        "style-src-attr 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    safe = Markup(style), Markup(script)  # nosec B704 # the package's own text, no one else's
    return {"style": safe[0], "script": safe[1], "policy": policy}


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def inline_figure(figure: ReportFigure) -> InlineFigure:
    """Return a figure for the page.

    Parameters
    ----------
    figure : ReportFigure
        The figure.

    Returns
    -------
    InlineFigure
        The figure as SVG.
    """
    # The style element of each figure is one rule, which the page's own style has.
    svg = re.sub(r"<style.*?</style>", "", figure.svg(), flags=re.DOTALL)
    return InlineFigure(
        name=figure.name,
        section=figure.section,
        dataset=figure.dataset,
        title=figure.title,
        alt=figure.alt,
        width=figure.figure.get_figwidth(),
        svg=Markup(svg),  # nosec B704 # matplotlib escapes what is written in a figure
    )
