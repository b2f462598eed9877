"""The command line: ``howrobust``.

Nothing heavy is imported here: ``--help`` and ``list methods`` answer at once.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from howrobust.errors import BadInput

if TYPE_CHECKING:
    from howrobust.results import Results

FORMATS = ("html", "md", "latex", "csv")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 fine, 1 failed cells, 2 bad input, 130 interrupted."""
    try:
        code = cli.main(args=arguments, prog_name="howrobust", standalone_mode=False)
    except (BadInput, click.ClickException) as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        _say(f"howrobust: {' '.join(message.split())}")
        code = 2
    except (KeyboardInterrupt, click.Abort):
        _say("howrobust: interrupted; finished cells are stored, run again to continue")
        code = 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe left; there is no one to tell
        code = 0
    sys.exit(code if isinstance(code, int) else 0)


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(package_name="howrobust")
@click.pass_context
def cli(context: click.Context) -> None:
    """Fine, it works, but how robust is it? Answers with numbers, for regression models."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@cli.command()
@click.argument("suite", default="quick")
@click.option("-m", "--method", "methods", multiple=True, help="METHOD[key=value,...]; repeatable.")
@click.option("-d", "--data", "data", multiple=True, help="Catalogue name or a .csv/.parquet file.")
@click.option("--target", help="Target column of a file (default: its last).")
@click.option("--groups", help="Column whose groups are held out whole.")
@click.option("--time", "time_", help="Column that orders rows: train on the past.")
@click.option("--one-hot", is_flag=True, help="Encode text columns as 0/1 columns.")
@click.option("--stress", multiple=True, help="Stress; repeatable. Replaces the suite's.")
@click.option("--splits", type=int, help="Number of splits.")
@click.option("--repeats", type=int, help="Fits per split from other random starts.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of results.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--workers", type=int, help="Worker processes (default: one per core).")
@click.option("--timeout", type=float, help="Seconds that a cell may take.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where networks train.")
@click.option("--fresh", is_flag=True, help="Fit again what is finished.")
@click.option("--dry-run", is_flag=True, help="Show the plan and an estimate; fit nothing.")
def run(suite: str, **options: Any) -> int:
    """Fit, stress and score methods on data sets; end with a table and report.html.

    SUITE is one of `howrobust list suites`. Running again in the same folder refits nothing that
    is finished.
    """
    from howrobust.harness import DEFAULT_FOLDER, execute
    from howrobust.plan import Request, make_plan

    request = Request(
        suite=suite,
        methods=options["methods"] or None,
        data=options["data"] or None,
        stress=options["stress"] or None,
        splits=options["splits"],
        repeats=options["repeats"],
        seed=options["seed"],
        target=options["target"],
        one_hot=options["one_hot"],
        groups=options["groups"],
        time=options["time_"],
        timeout_s=options["timeout"],
        device=options["device"],
    )
    plan = make_plan(request)
    if options["dry_run"]:
        _show_plan(plan, options["workers"])
        return 0
    from howrobust.progress import Reporter

    out = options["out"] or Path(DEFAULT_FOLDER) / suite
    with Reporter() as reporter:
        results = execute(plan, out, options["workers"], options["fresh"], reporter)
    return _conclude(results, reporter.refitted)


def _show_plan(plan: Any, workers: int | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    from howrobust.cells import rough_seconds
    from howrobust.harness import worker_count

    workers = worker_count(workers)
    table = Table(title=f"Plan of suite {plan.suite}, seed {plan.seed}", title_justify="left")
    for name in ("data set", "method", "fits", "forecasts", "core-seconds, roughly"):
        table.add_column(name)
    rows: dict[tuple[str, str], list[float]] = {}
    for job in plan.jobs:
        row = rows.setdefault((job.cells[0].dataset, job.cells[0].method), [0, 0, 0.0])
        counts = (len(job.cells), len(job.cells) * len(job.levels), rough_seconds(job))
        row[:] = [a + b for a, b in zip(row, counts, strict=True)]
    for (dataset, method), (fits, forecasts, seconds) in rows.items():
        counted = (f"{fits:.0f}", f"{forecasts:.0f}", f"{seconds:.1f}")
        table.add_row(escape(dataset), escape(method), *counted)
    total = sum(row[2] for row in rows.values())
    console = Console()
    console.print(table)
    console.print(f"{len(plan.cells)} cells; roughly {total / workers:.0f} s on {workers} workers.")


def _conclude(results: "Results", refitted: int) -> int:
    """Print the tables, write the page, and return the exit code."""
    from howrobust.reports import tables
    from howrobust.reports.summary import Summary

    summary = Summary(results)
    known = sys.stdout.isatty() or os.environ.get("COLUMNS")
    console = Console(width=None if known else 160)
    for table in tables.terminal(summary, console.width):
        console.print(table)
    console.print(tables.CAPTION, style="dim")
    page = results.report()
    cells, failures = summary.cells, summary.failures()
    if not refitted:
        console.print(f"All {len(cells)} cells were finished before; nothing was refitted.")
    for warning in summary.warnings():
        console.print(f"warning: {warning}", markup=False, style="yellow")
    for cell in failures:
        where = f"{cell['method']} on {cell['dataset']} {cell['split']}"
        console.print(f"failed: {where}: {cell['reason']}", markup=False, style="red")
    console.print(f"Report: {page}", markup=False, soft_wrap=True)
    return 1 if failures else 0


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(FORMATS), default="html", show_default=True)
@click.option("--figures", type=click.Path(path_type=Path), help="Also write figures here.")
def report(folder: Path, kind: str, figures: Path | None) -> None:
    """Write the report of the latest run in FOLDER: a page, or a table on standard output."""
    from howrobust.harness import score_again
    from howrobust.reports import tables
    from howrobust.reports.summary import Summary

    results = score_again(folder)
    if figures is not None:
        _write_figures(Summary(results), figures)
    if kind == "html":
        click.echo(f"Report: {results.report()}")
    elif kind == "csv":
        click.echo(tables.csv_text(results.records()), nl=False)
    else:
        text = {"md": tables.markdown, "latex": tables.latex}[kind](Summary(results))
        click.echo(text, nl=False)


def _write_figures(summary: Any, folder: Path) -> None:
    import re

    from howrobust.reports.figures import pictures

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures(summary):
            name = re.sub(r"[^\w.-]", "-", picture.name)
            for kind in ("png", "pdf"):
                picture.figure.savefig(folder / f"{name}.{kind}", dpi=150, bbox_inches="tight")
    except OSError as error:
        raise BadInput(f"figures cannot be written to {folder} ({error.strerror})") from None


@cli.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--notes", type=click.Path(path_type=Path), help="TOML file of notes on exceptions.")
def reproduction(folders: tuple[Path, ...], notes: Path | None) -> int:
    """Hold the latest runs in FOLDERS against published tables, as Markdown.

    Exits with 1 where an exception has no note.
    """
    from howrobust.harness import score_again
    from howrobust.reports.reproduction import read_notes, reproduction

    read = read_notes(notes)
    text, missing = reproduction([score_again(folder) for folder in folders], read)
    click.echo(text, nl=False)
    for sentence in missing:
        _say(f"howrobust: no note says why {sentence}")
    return 1 if missing else 0


@cli.command()
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path), help="Folder (default: where runs look).")
def fetch(name: str, to: Path | None) -> int:
    """Download data with published splits: NAME is `uci`, nine sets.

    They go to the folder that HOWROBUST_DATA names, or else to one in your cache.
    """
    from howrobust.datasets import fetch as fetching

    try:
        fetching.fetch(name, to, click.echo)
    except KeyboardInterrupt:
        _say("howrobust: interrupted; nothing was changed, fetch again to continue")
        return 130
    return 0


@cli.command("list")
@click.argument("kind", type=click.Choice(["methods", "datasets", "metrics", "stresses", "suites"]))
def list_(kind: str) -> None:
    """List what there is to choose from."""
    if kind == "metrics":
        from howrobust.score import all_metrics

        names = [metric.name for metric in all_metrics()]
    elif kind == "suites":
        from howrobust.plan import suite_names

        names = suite_names()
    else:
        from howrobust import catalogue

        names = catalogue.names("stress" if kind == "stresses" else kind)
    for name in names:
        click.echo(name)


@cli.command()
def info() -> None:
    """Show versions, processor and GPU."""
    from howrobust import environment

    for name, value in {**environment.describe(), "gpu": environment.gpu()}.items():
        click.echo(f"{name:14} {value}")


@cli.command()
@click.argument("plugin")
def check(plugin: str) -> int:
    """Check that PLUGIN (a name or package.module:Class) keeps the contracts' laws."""
    from howrobust.checks import check_plugin

    failed = 0
    for finding in check_plugin(plugin):
        click.echo(f"{'ok    ' if finding.passed else 'FAILED'} {finding.law}")
        if not finding.passed:
            failed += 1
            click.echo(f"       {finding.detail}")
    click.echo(f"{plugin}: {'fine' if not failed else f'{failed} laws broken'}")
    return 1 if failed else 0
