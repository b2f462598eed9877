"""The command `howrobust compare`."""

import click


@click.command()
@click.argument("base")
@click.argument("new")
@click.option(
    "--max-slowdown",
    type=float,
    help="Largest allowed ratio of the new to the old cost of a fit or draw, such as 1.3.",
)
@click.option(
    "--alpha", type=float, default=0.05, show_default=True, help="Probability of a false alarm."
)
@click.option("--format", "kind", type=click.Choice(["text", "md"]), default="text")
def compare(base: str, new: str, max_slowdown: float | None, alpha: float, kind: str) -> int:
    """Compare two runs: what is worse, better, slower, missing or new.

    BASE and NEW are folders of results or baseline files (.json); BASE may be the name of a
    baseline that NEW's store keeps. The exit code is 0 where nothing is worse, 1 where something is
    worse, slower, missing, failed or computed on other data, and 3 where nothing can be compared.
    """
    from howrobust._results import compare as compare_runs
    from howrobust.reports import verdict

    comparison = compare_runs(base, new, max_slowdown=max_slowdown, alpha=alpha)
    click.echo({"text": verdict.text, "md": verdict.markdown}[kind](comparison), nl=False)
    return comparison.exit_code
