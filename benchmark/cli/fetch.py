"""The command `howrobust fetch`."""

from pathlib import Path

import click

from howrobust.cli.messages import report_problem
from howrobust.execution.signals import Interruption


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
