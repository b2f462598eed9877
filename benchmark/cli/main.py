"""The command line: ``howrobust``.

Nothing heavy is imported here: ``--help`` and ``list methods`` answer at once.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from howrobust.errors import BadInput, printable
from howrobust.execution.signals import Interruption, interruptible

if TYPE_CHECKING:
    from howrobust._results import Results

LONGEST_SENTENCE = 1000  # a table may have a column whose name is a novel
FORMATS = ("html", "md", "latex", "csv")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit.

    0 fine, 1 failed cells, 2 bad input, 130 interrupted, 143 ended by SIGTERM.
    """
    stdout = sys.stdout
    try:
        with interruptible():
            code = cli.main(args=arguments, prog_name="howrobust", standalone_mode=False)
    except (BadInput, click.ClickException) as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        _say(f"howrobust: {printable(' '.join(message.split())[:LONGEST_SENTENCE])}")
        code = 2
    except Interruption as asked:
        _say("howrobust: interrupted; finished cells are stored, run again to continue")
        # Whoever asked waits, and to tear down all that is loaded takes a second.
        with suppress(OSError):
            sys.stdout.flush()
        os._exit(asked.exit_code)
    except (KeyboardInterrupt, click.Abort):  # a plug-in's, while it is planned
        code = 130
    except SystemExit as ended:
        # click raises it, and replaces the stream, where the reader of a pipe has left: that is no
        # failure. Any other is a plug-in's, and nothing was finished, whatever its code.
        code = 0 if sys.stdout is not stdout else _foreign_exit(ended)
    sys.exit(code if isinstance(code, int) else 0)


def _foreign_exit(ended: SystemExit) -> int:
    """Report code other than howrobust's that called `sys.exit`; return the exit code."""
    *_, (frame, _) = walk_tb(ended.__traceback__)
    module = frame.f_globals.get("__name__")
    _say(f"howrobust: {printable(f'the module {module} called sys.exit; nothing was finished')}")
    return 2


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
@click.option("--out", help="Folder of results (default: howrobust-out/SUITE).")
@click.option("--store", help="Database of results: postgresql+psycopg://USER@HOST/NAME.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--workers", type=int, help="Worker processes (default: one per core).")
@click.option("--dask", metavar="ADDRESS", help="Fit on the workers of this dask scheduler.")
@click.option("--timeout", type=float, help="Seconds that a cell may take.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where networks train.")
@click.option("--fresh", is_flag=True, help="Fit again what is finished.")
@click.option("--dry-run", is_flag=True, help="Show the plan and an estimate; fit nothing.")
def run(suite: str, **options: Any) -> int:
    """Fit, stress and score methods on data sets; end with a table and report.html.

    SUITE is one of `howrobust list suites`. Running again in the same folder refits nothing that
    is finished.
    """
    from howrobust._run import DEFAULT_FOLDER, execute
    from howrobust.planning.plan import Request, make_plan

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
    from howrobust.execution.progress import Reporter

    if options["out"] and options["store"]:
        raise BadInput("--out and --store both say where results go; give one of them")
    out = options["store"] or options["out"] or Path(DEFAULT_FOLDER) / suite
    with Reporter() as reporter:
        words = (options["workers"], options["fresh"], reporter)
        results = execute(plan, out, *words, dask=options["dask"])
    return _conclude(results, reporter.refitted)


def _show_plan(plan: Any, workers: int | None) -> None:
    from rich.markup import escape
    from rich.table import Table

    from howrobust._run import worker_count
    from howrobust.planning.jobs import rough_seconds

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
    from howrobust.reports import terminal
    from howrobust.reports.summary import Summary

    summary = Summary(results)
    console = terminal.console()
    terminal.show(summary, console)
    page = results.report()
    cells, failures = summary.cells, summary.failures()
    if refitted:
        console.print(summary.reused())
    else:
        console.print(f"All {len(cells)} cells were finished before; nothing was refitted.")
    for warning in summary.warnings():
        terminal.say(console, f"warning: {warning}", "yellow")
    for cell in failures:
        where = f"{cell.method} on {cell.dataset} {cell.split}"
        terminal.say(console, f"failed: {where}: {cell.reason}", "red")
    console.print(f"Report: {page}", markup=False, soft_wrap=True)
    return 1 if failures else 0


@cli.command()
@click.argument("place", metavar="FOLDER|URL")
@click.option("--format", "kind", type=click.Choice(FORMATS), default="html", show_default=True)
@click.option(
    "--figures",
    type=click.Path(path_type=Path),
    help="Also write every figure here, as PNG and PDF.",
)
def report(place: str, kind: str, figures: Path | None) -> None:
    """Write the report of the latest run in a FOLDER or the database at URL.

    It is a page, in that folder or else the current one, or a table on standard output.
    """
    from howrobust._run import score_again
    from howrobust.reports.latex import latex
    from howrobust.reports.markdown import markdown
    from howrobust.reports.spreadsheet import csv_text
    from howrobust.reports.summary import Summary

    results = score_again(place)
    if figures is not None:
        _write_figures(Summary(results), figures)
    if kind == "html":
        click.echo(f"Report: {results.report()}")
    elif kind == "csv":
        click.echo(csv_text(results.records()), nl=False)
    else:
        text = {"md": markdown, "latex": latex}[kind](Summary(results))
        click.echo(text, nl=False)


def _write_figures(summary: Any, folder: Path) -> None:
    from howrobust.reports.figures import pictures

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for picture in pictures(summary):
            picture.write(folder)
    except OSError as error:
        raise BadInput(f"figures cannot be written to {folder} ({error.strerror})") from None


@cli.command()
@click.argument("base")
@click.argument("new")
@click.option("--max-slowdown", type=float, help="Most that a fit or a draw may cost: 1.3 times.")
@click.option("--alpha", type=float, default=0.05, show_default=True, help="Chance of false alarm.")
@click.option("--format", "kind", type=click.Choice(["text", "md"]), default="text")
def compare(base: str, new: str, max_slowdown: float | None, alpha: float, kind: str) -> int:
    """Say what got worse, better, slower, lost and new between two runs.

    BASE and NEW are folders of results or baseline files (.json); BASE may be the name of a
    baseline that NEW's store keeps. Exits with 0 where nothing is worse, 1 where something is
    worse, slower, missing, failed or of other data, and 3 where nothing can be compared.
    """
    from howrobust._results import compare
    from howrobust.reports import verdict

    found = compare(base, new, max_slowdown=max_slowdown, alpha=alpha)
    click.echo({"text": verdict.text, "md": verdict.markdown}[kind](found), nl=False)
    return found.exit_code


@cli.group()
def baseline() -> None:
    """Keep what later runs are compared with."""


_out = click.option(
    "--out", default="howrobust-out/quick", show_default=True, help="Folder of results."
)


@baseline.command("save")
@click.argument("name")
@_out
@click.option("--file", type=click.Path(path_type=Path), help="Write it to this file, too (.json).")
def baseline_save(name: str, out: str, file: Path | None) -> None:
    """Keep the latest run's scores and costs in its store under NAME."""
    from howrobust._results import load
    from howrobust.storage.atomic import write_output

    if not name or not name.isprintable() or "/" in name or name.endswith(".json"):
        raise BadInput(f"a baseline cannot be called {name!r}; give a word, such as main")
    if file is not None and file.suffix != ".json":
        raise BadInput(f"a baseline's file ends in .json, {file} does not")
    results = load(out)
    text = results.save_baseline(name)
    click.echo(f"Baseline {name} is kept in {results.where}")
    if file is not None:
        write_output(file, text.encode("utf-8"))
        click.echo(f"and written to {file}")


@baseline.command("list")
@_out
def baseline_list(out: str) -> None:
    """List the baselines of a store, the latest last."""
    from datetime import UTC, datetime

    from howrobust._results import load

    for name, saved in load(out).baselines():
        click.echo(f"{name:24} {datetime.fromtimestamp(saved / 1e9, UTC):%Y-%m-%d %H:%M} UTC")


@baseline.command("show")
@click.argument("name")
@_out
def baseline_show(name: str, out: str) -> None:
    """Print a baseline, as its file has it."""
    from howrobust._results import load

    click.echo(load(out).baseline(name), nl=False)


@cli.group()
def store() -> None:
    """Look after stores: folders of results, or databases (postgresql+psycopg://USER@HOST/NAME)."""


@store.command("check")
@click.argument("place", metavar="FOLDER|URL")
def store_check(place: str) -> int:
    """Read all that a store holds; say what is damaged, missing or left over.

    Exits with 1 where something is damaged or missing.
    """
    from howrobust.storage.check import check

    findings = check(place)
    for finding in findings:
        click.echo(f"{'note  ' if finding.harmless else 'DAMAGE'} {finding.text}")
    damaged = sum(not finding.harmless for finding in findings)
    click.echo(f"{damaged} damaged; `howrobust store export` saves the rest" if damaged else "fine")
    return 1 if damaged else 0


@store.command("export")
@click.argument("source", metavar="FOLDER|URL")
@click.argument("target")
def store_export(source: str, target: str) -> int:
    """Copy what can be read of a store into TARGET, a new folder or an empty database.

    Exits with 1 where something could not be read.
    """
    from howrobust.storage.merge import export

    return _told(export(source, target))


@store.command("merge")
@click.argument("target")
@click.argument("sources", nargs=-1, required=True)
def store_merge(target: str, sources: tuple[str, ...]) -> int:
    """Add the runs and cells of SOURCES, filled on other machines, to TARGET.

    What is finished stands before what failed; where both have finished a cell, TARGET's stays.
    Exits with 1 where two differ or something could not be read.
    """
    from howrobust.storage.merge import merge

    return _told(merge(target, sources))


def _told(sentences: list[str]) -> int:
    for sentence in sentences:
        _say(f"howrobust: {sentence}")
    return 1 if sentences else 0


@cli.command()
@click.argument("name")
@click.option("--to", type=click.Path(path_type=Path), help="Folder (default: where runs look).")
def fetch(name: str, to: Path | None) -> int:
    """Download data with published splits: NAME is `uci`, nine sets.

    They go to the folder that HOWROBUST_DATA names, or else to one in your cache.
    """
    from howrobust.datasets.fetching.fetch import fetch as fetch_data

    try:
        fetch_data(name, to, click.echo)
    except KeyboardInterrupt as error:
        _say("howrobust: interrupted; nothing was changed, fetch again to continue")
        return error.exit_code if isinstance(error, Interruption) else 130
    return 0


@cli.command("list")
@click.argument("kind", type=click.Choice(["methods", "datasets", "metrics", "stresses", "suites"]))
def list_(kind: str) -> None:
    """List what there is to choose from: a name a line, and what it is."""
    listed = _described(kind)
    width = max(map(len, listed), default=0)
    for name, text in listed.items():
        click.echo(f"{name:{width}}  {text}".rstrip())


def _described(kind: str) -> dict[str, str]:
    """Names of a kind with a sentence on each."""
    from howrobust.planning.descriptions import definition, docstring_of, summary

    if kind == "metrics":
        from howrobust.metrics.scoring import all_metrics

        return {metric.name: summary(definition(metric)) for metric in all_metrics()}
    if kind == "suites":
        from howrobust.planning.plan import load_suite, suite_names

        return {name: load_suite(name).title for name in suite_names()}
    from howrobust.planning import registry

    entries = registry.entries("stress" if kind == "stresses" else kind)
    return {name: summary(docstring_of(entry)) for name, entry in entries.items()}


@cli.command()
def info() -> None:
    """Show versions, processor and GPU."""
    from howrobust import environment

    for name, value in {**environment.describe(), "gpu": environment.gpu()}.items():
        click.echo(f"{name:14} {value}")


@cli.command()
@click.argument("plugin")
def check(plugin: str) -> int:
    """Check that PLUGIN keeps the laws of its contract.

    PLUGIN is a name that `howrobust list` shows, or package.module:Name. Exits with 1 where a law
    is broken.
    """
    from howrobust.testing.checks import check_plugin

    failed = 0
    for finding in check_plugin(plugin):
        click.echo(f"{'ok    ' if finding.passed else 'FAILED'} {finding.law}")
        if not finding.passed:
            failed += 1
            click.echo(f"       {finding.detail}")
    click.echo(f"{plugin}: {'fine' if not failed else f'{failed} laws broken'}")
    return 1 if failed else 0
