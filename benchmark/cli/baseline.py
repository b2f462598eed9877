"""The commands `howrobust baseline save`, `list` and `show`."""

from pathlib import Path

import click

from howrobust.errors import BadInput


@click.group()
def baseline() -> None:
    """Keep the scores and costs that later runs are compared with."""


_out = click.option(
    "--out", default="howrobust-out/quick", show_default=True, help="Folder of results."
)


@baseline.command("save")
@click.argument("name")
@_out
@click.option("--file", type=click.Path(path_type=Path), help="Also write it to this .json file.")
def save(name: str, out: str, file: Path | None) -> None:
    """Keep the latest run's scores and costs in its store under NAME."""
    from howrobust._results import load
    from howrobust.storage.atomic import write_output

    if not name or not name.isprintable() or "/" in name or name.endswith(".json"):
        raise BadInput(f"a baseline cannot be called {name!r}; give a word, such as main")
    if file is not None and file.suffix != ".json":
        raise BadInput(f"a baseline file must end in .json; {file} does not")
    results = load(out)
    text = results.save_baseline(name)
    click.echo(f"Baseline {name} is kept in {results.where}")
    if file is not None:
        write_output(file, text.encode("utf-8"))
        click.echo(f"and written to {file}")


@baseline.command("list")
@_out
def list_(out: str) -> None:
    """List the baselines of a store, the latest last."""
    from datetime import UTC, datetime

    from howrobust._results import load

    for name, saved_ns in load(out).baselines():
        click.echo(f"{name:24} {datetime.fromtimestamp(saved_ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC")


@baseline.command("show")
@click.argument("name")
@_out
def show(name: str, out: str) -> None:
    """Print a baseline in the format of its file."""
    from howrobust._results import load

    click.echo(load(out).baseline(name), nl=False)
