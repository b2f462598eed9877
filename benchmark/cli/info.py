"""The command `howrobust info`."""

import click


@click.command()
def info() -> None:
    """Show versions, processor and GPU."""
    from howrobust import environment

    for name, value in {**environment.describe(), "gpu": environment.gpu()}.items():
        click.echo(f"{name:14} {value}")
