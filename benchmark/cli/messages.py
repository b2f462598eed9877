"""Messages on standard error."""

import click

from howrobust.errors import printable

LONGEST_MESSAGE = 1000  # a message may quote a column name of any length


def report_problem(message: str) -> None:
    """Print a message on standard error.

    Parameters
    ----------
    message : str
        The message; its lines are printed without control characters, and cut if very long.
    """
    lines = [" ".join(line.split())[:LONGEST_MESSAGE] for line in message.split("\n")]
    text = "\n".join(map(printable, filter(None, lines)))
    click.echo(f"howrobust: {text}", err=True)
