"""Messages on standard error."""

import click

from howrobust.errors import printable

LONGEST_MESSAGE = 1000  # a message may quote a column name of any length


def report_problem(message: str) -> None:
    """Print a message on standard error.

    Parameters
    ----------
    message : str
        The message; it is printed on one line, without control characters, and cut if very long.
    """
    line = " ".join(message.split())[:LONGEST_MESSAGE]
    click.echo(f"howrobust: {printable(line)}", err=True)
