"""The commands `howrobust store check`, `export` and `merge`."""

import click

from howrobust.cli.messages import report_problem


@click.group()
def store() -> None:
    """Check and copy stores: folders of results, or databases.

    The URL of a database is postgresql+psycopg://USER@HOST/NAME.
    """


@store.command("check")
@click.argument("out", metavar="FOLDER|URL")
def check(out: str) -> int:
    """Read everything in a store and list what is damaged, missing or left over.

    The exit code is 1 where something is damaged or missing.
    """
    from howrobust.storage import check as storage_check

    findings = storage_check.check(out)
    for finding in findings:
        click.echo(f"{'note  ' if finding.harmless else 'DAMAGE'} {finding.text}")
    damaged = sum(not finding.harmless for finding in findings)
    click.echo(f"{damaged} damaged; `howrobust store export` saves the rest" if damaged else "fine")
    return 1 if damaged else 0


@store.command("export")
@click.argument("source", metavar="FOLDER|URL")
@click.argument("target")
def export(source: str, target: str) -> int:
    """Copy everything that is readable in a store to TARGET, a new folder or an empty database.

    The exit code is 1 where something could not be read.
    """
    from howrobust.storage import merge as storage_merge

    return _report_problems(storage_merge.export(source, target))


@store.command("merge")
@click.argument("target")
@click.argument("sources", nargs=-1, required=True)
def merge(target: str, sources: tuple[str, ...]) -> int:
    """Add the runs and cells of SOURCES, computed on other machines, to TARGET.

    A finished cell replaces a failed one; where both stores have finished a cell, TARGET's is
    kept. The exit code is 1 where two differ or something could not be read.
    """
    from howrobust.storage import merge as storage_merge

    return _report_problems(storage_merge.merge(target, sources))


def _report_problems(problems: list[str]) -> int:
    """Print the problems on standard error, and return the exit code."""
    for problem in problems:
        report_problem(problem)
    return 1 if problems else 0
