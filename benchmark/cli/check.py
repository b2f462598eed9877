"""The command `howrobust check`."""

import click


@click.command()
@click.argument("plugin")
def check(plugin: str) -> int:
    """Check that PLUGIN meets the contract of its kind.

    PLUGIN is a name that `howrobust list` shows, or package.module:Name. The exit code is 1 where
    it does not.
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
