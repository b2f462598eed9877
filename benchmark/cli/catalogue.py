"""The commands `howrobust list`, `howrobust info` and `howrobust fetch`."""

from pathlib import Path

import click

from howrobust.cli.messages import report_problem
from howrobust.execution.signals import Interruption


@click.command("list")
@click.argument("kind", type=click.Choice(["methods", "datasets", "metrics", "stresses", "suites"]))
def list_(kind: str) -> None:
    """List what can be chosen: one name per line, with a sentence about it."""
    sentences = _sentences(kind)
    width = max(map(len, sentences), default=0)
    for name, sentence in sentences.items():
        click.echo(f"{name:{width}}  {sentence}".rstrip())


def _sentences(kind: str) -> dict[str, str]:
    """Return a sentence about each thing of a kind, by its name."""
    from howrobust.cli.descriptions import definition, docstring_of, summary

    if kind == "metrics":
        from howrobust.metrics.known import all_metrics

        return {metric.name: summary(definition(metric)) for metric in all_metrics()}
    if kind == "suites":
        from howrobust.planning.suite import load_suite, suite_names

        return {name: load_suite(name).title for name in suite_names()}
    from howrobust.planning.entry_points import entries

    registered = entries("stress" if kind == "stresses" else kind)
    return {name: summary(docstring_of(entry)) for name, entry in registered.items()}


@click.command()
def info() -> None:
    """Show versions, processor and GPU."""
    from howrobust import environment

    for name, value in {**environment.describe(), "gpu": environment.gpu()}.items():
        click.echo(f"{name:14} {value}")


@click.command()
@click.argument("name")
@click.option(
    "--to", type=click.Path(path_type=Path), help="Folder (default: where runs look for data)."
)
def fetch(name: str, to: Path | None) -> int:
    """Download data with published splits: NAME is `uci`, nine data sets.

    They are written to the folder that HOWROBUST_DATA names, or else to one in your cache.
    """
    from howrobust.datasets.fetching.fetch import fetch as fetch_data

    try:
        fetch_data(name, to, click.echo)
    except KeyboardInterrupt as error:
        report_problem("interrupted; nothing was changed, fetch again to continue")
        return error.exit_code if isinstance(error, Interruption) else 130
    return 0
