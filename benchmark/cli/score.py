"""The command `howrobust score`."""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--y", required=True, metavar="COL", help="Column of the observed targets.")
@click.option(
    "--mean",
    metavar="COL",
    help="Column of the mean; beside quantiles or an interval, of the point forecast.",
)
@click.option("--sd", metavar="COL", help="Column of the standard deviation.")
@click.option(
    "--quantiles",
    metavar="PREFIX",
    help="Prefix of the columns of quantiles: q for q0.05, q0.5 and q0.95.",
)
@click.option(
    "--samples", metavar="PREFIX", help="Prefix of the columns of draws: s for s1, s2, ..."
)
@click.option("--lower", metavar="COL", help="Column of the lower end of an interval.")
@click.option("--upper", metavar="COL", help="Column of its upper end.")
@click.option("--level", type=float, metavar="P", help="Probability of the interval, such as .9.")
@click.option("--separator", default=",", show_default=True, help="Character between columns.")
@click.option("--decimal", default=".", show_default=True, help="Decimal point.")
@click.option(
    "--report",
    "page",
    metavar="HTML",
    type=click.Path(path_type=Path),
    help="Also write a page to this file.",
)
def score(path: Path, page: Path | None, **columns: Any) -> None:
    """Score the forecasts in FILE, a .csv that any model, in any language, has written.

    FILE has a column of observed targets and one form of forecast: --mean and --sd; --quantiles;
    --samples; or --lower, --upper and --level. Forecasts are judged by what they state.
    """
    from howrobust._score_file import ForecastFile, score_file
    from howrobust.errors import BadInput

    for name in ("separator", "decimal"):
        if len(columns[name]) != 1:
            raise BadInput(f"--{name} must be one character, not {columns[name]!r}")
    scores = score_file(ForecastFile(path, **columns))
    click.echo(str(scores))
    if page is not None:
        click.echo(f"Report: {scores.report(page)}")
