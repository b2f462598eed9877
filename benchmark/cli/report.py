"""The command `howrobust report`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from howrobust.errors import BadInput

if TYPE_CHECKING:
    from howrobust.reports.model import Report

FORMATS = ("html", "md", "latex", "csv")


@click.command()
@click.argument("out", metavar="FOLDER|URL")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="html", show_default=True)
@click.option(
    "--figures",
    type=click.Path(path_type=Path),
    help="Also write every figure to this folder, as PNG and PDF.",
)
def report(out: str, kind: str, figures: Path | None) -> None:
    """Write the report of the latest run in a FOLDER or the database at URL.

    The page is written to that folder, or to the current one for a database; the other formats
    are written to standard output.
    """
    from howrobust._run import score_again
    from howrobust.reports.csv_text import csv_text
    from howrobust.reports.latex import latex
    from howrobust.reports.markdown import markdown
    from howrobust.reports.model import build_report
    from howrobust.reports.page import write_page

    results = score_again(out)
    built = build_report(results)
    if figures is not None:
        _write_figures(built, figures)
    if kind == "html":
        click.echo(f"Report: {write_page(built)}")
    elif kind == "csv":
        click.echo(csv_text(results.records()), nl=False)
    else:
        click.echo({"md": markdown, "latex": latex}[kind](built), nl=False)


def _write_figures(report: "Report", folder: Path) -> None:
    from howrobust.reports.plots.all_figures import report_figures

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for figure in report_figures(report):
            figure.write(folder)
    except OSError as error:
        raise BadInput(f"figures cannot be written to {folder} ({error.strerror})") from None
