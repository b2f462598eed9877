"""The command `howrobust run`, its options generated from `RunOptions`."""

from typing import TYPE_CHECKING, Any

import click

from howrobust.errors import BadInput
from howrobust.planning.options import Option, RunOptions, run_options

if TYPE_CHECKING:
    from rich.console import Console

    from howrobust._results import Results
    from howrobust.planning.plan import Plan

ENDPOINT = {"batch_size", "retries"}  # settings of a model behind a network


def parameter(option: Option) -> click.Parameter:
    """Return the click parameter of a field of `RunOptions`.

    Parameters
    ----------
    option : Option
        The field.

    Returns
    -------
    click.Parameter
        An argument or an option.
    """
    if not option.flag.names:
        return click.Argument([option.name], default=option.default)
    names = [*option.flag.names, option.name]
    if option.type is bool:
        return click.Option(names, is_flag=True, help=option.flag.help)
    return click.Option(
        names,
        type=click.Choice(option.flag.choices) if option.flag.choices else option.type,
        multiple=option.repeatable,
        default=option.default,
        show_default=option.default is not None,
        metavar=option.flag.metavar,
        help=f"{option.flag.help} Repeatable." if option.repeatable else option.flag.help,
    )


PARAMETERS = [
    *map(parameter, run_options()),
    click.Option(["--store"], help="Database of results: postgresql+psycopg://USER@HOST/NAME."),
    click.Option(["--dry-run"], is_flag=True, help="Show the plan and an estimate; fit nothing."),
]


def options_from(parameters: dict[str, Any]) -> RunOptions:
    """Return the options of a run from the values that click has parsed.

    Parameters
    ----------
    parameters : dict of str to object
        Values by name of the field.

    Returns
    -------
    RunOptions
        The options. A repeatable option without a value is None.
    """
    repeatable = {option.name for option in run_options() if option.repeatable}
    values: dict[str, Any] = {
        name: None if name in repeatable and not value else value
        for name, value in parameters.items()
    }
    return RunOptions(**values)


@click.command(params=PARAMETERS)
def run(store: str | None, dry_run: bool, **parameters: Any) -> int:
    """Fit, stress and score methods on data sets; print a table and write report.html.

    SUITE is one of `howrobust list suites`. Running again in the same folder refits nothing that
    is finished.
    """
    from howrobust.planning.first_checks import checked_data

    options = options_from(parameters)
    checked_data(options)  # before what takes seconds to import
    from howrobust._run import execute
    from howrobust.planning.plan import make_plan

    plan = make_plan(options)
    _show_files(plan)
    _warn_of_limits(plan)
    if dry_run:
        _show_plan(plan, options.workers)
        return 0
    from howrobust.execution.progress import Reporter

    if options.out and store:
        raise BadInput("--out and --store both set where results go; give one of them")
    with Reporter() as reporter:
        results = execute(
            plan,
            store or options.destination,
            workers=options.workers,
            fresh=options.fresh,
            progress=reporter,
            dask=options.dask,
        )
    return _conclude(results, reporter.refitted)


def _show_files(plan: "Plan") -> None:
    """Print what the files hold on standard error, before anything is fitted."""
    if not plan.looks:
        return
    from rich.console import Console

    from howrobust.reports.preflight import show_look

    console = Console(stderr=True)
    warnings = {facts.name: facts.warnings for facts in plan.data}
    for look in plan.looks:
        show_look(look, warnings[look.name], console)


def _warn_of_limits(plan: "Plan") -> None:
    """Say on standard error which fits are estimated to exceed their limit."""
    from howrobust.planning.estimate import limit_warnings

    for sentence in limit_warnings(plan.jobs):
        click.echo(f"warning: {sentence}", err=True)


def _show_plan(plan: "Plan", workers: int | None) -> None:
    """Print the fits of each method on each data set, with an estimate of their time."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from howrobust._run import worker_count
    from howrobust.planning.estimate import rough_seconds

    workers = worker_count(workers)
    table = Table(title=f"Plan of suite {plan.suite}, seed {plan.seed}", title_justify="left")
    for name in ("data set", "method", "fits", "forecasts", "core-seconds, roughly"):
        table.add_column(name)
    total_s = 0.0
    for (dataset, method), jobs in _jobs_by_method(plan).items():
        fits = sum(len(job.cells) for job in jobs)
        forecasts = sum(len(job.cells) * len(job.levels) for job in jobs)
        seconds = sum(rough_seconds(job) for job in jobs)
        total_s += seconds
        table.add_row(escape(dataset), escape(method), str(fits), str(forecasts), f"{seconds:.1f}")
    console = Console()
    console.print(table)
    _show_calls(plan, console)
    console.print(
        f"{len(plan.cells)} cells; roughly {total_s / workers:.0f} s on {workers} workers."
    )


def _show_calls(plan: "Plan", console: "Console") -> None:
    """Print how often each model behind a network will be called."""
    for (dataset, method), jobs in _jobs_by_method(plan).items():
        if not ENDPOINT & set(jobs[0].method.settings):
            continue
        from howrobust.execution.call_count import call_count  # it imports torch: 1.5 s

        calls = call_count(jobs)
        if calls:
            text = f"{method} on {dataset}: {calls:,} calls of the model, retries aside."
            console.print(text, markup=False, highlight=False, soft_wrap=True)


def _jobs_by_method(plan: "Plan") -> dict[tuple[str, str], list[Any]]:
    """Return the jobs of each data set and method, in the plan's order."""
    grouped: dict[tuple[str, str], list[Any]] = {}
    for job in plan.jobs:
        cell = job.cells[0]
        grouped.setdefault((cell.dataset, cell.method), []).append(job)
    return grouped


def _conclude(results: "Results", refitted: int) -> int:
    """Print the tables, write the page, and return the exit code."""
    from howrobust.reports import terminal
    from howrobust.reports.model import build_report
    from howrobust.reports.page import write_page

    report = build_report(results)
    console = terminal.console()
    terminal.show(report, console)
    page = write_page(report)
    if refitted:
        console.print(report.protocol.reused)
    else:
        fits = report.protocol.n_fits
        console.print(f"All {fits} cells were finished before; nothing was refitted.")
    for warning in report.warnings:
        terminal.say(console, f"warning: {warning}", "yellow")
    for failure in report.failures:
        terminal.say(console, f"failed: {failure.where}: {failure.reason}", "red")
    console.print(f"Report: {page}", markup=False, soft_wrap=True)
    return 1 if report.failures else 0
