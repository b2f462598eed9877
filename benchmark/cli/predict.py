"""The command `howrobust predict`."""

from collections.abc import Sequence
from pathlib import Path

import click

from howrobust.errors import BadInput, printable


@click.command()
@click.argument("run", metavar="FOLDER|URL")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-m", "--method", help="Label of the method, where the run has several.")
@click.option("-d", "--data", help="Name of the data set, where the run has several.")
@click.option(
    "--kept",
    is_flag=True,
    help="Load the fitted model that the run has kept (keep_model=True), instead of making it "
    "again. This executes code in its file: only for runs of your own.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write a .csv file instead of sentences."
)
def predict(
    run: str, file: Path, method: str | None, data: str | None, kept: bool, out: Path | None
) -> None:
    """Forecast the rows of FILE by a method of the latest run in a FOLDER or database.

    The method is made again from the command of the run, in the folder where that was given, and
    fitted to all rows of the data set; the module of a model of your own is imported, as
    `howrobust run` imports it. FILE is read as the run has read its own, by the same marks, forms
    of dates, --missing, --as and so on; columns that the model was not given are ignored.
    """
    from howrobust._results import load
    from howrobust._run_models import RunForecaster
    from howrobust.base.facts import REFERENCES
    from howrobust.datasets.tables.files import read_frame
    from howrobust.planning.facts import options_of
    from howrobust.planning.first_checks import spec_of
    from howrobust.storage.atomic import write_output

    results = load(run)
    labels = [label for label in results.about.labels if label not in REFERENCES]
    method = _one_of(method, labels, results.about.labels, "--method")
    names = [each.name for each in results.about.data]
    data = _one_of(data, names, names, "--data")
    options = options_of(results.about.command)
    learnt = (Path(name) for name in options.data or () if Path(name).name == data)
    like = next((path for path in learnt if path.is_file()), None)
    table = read_frame(file, spec_of(data, options).roles.read, like)
    table = table.set_index(table.index + 1)  # rows are counted from 1
    forecasts = RunForecaster(results.origin, method, kept)(table, data)
    if out is not None:
        text = forecasts.to_frame().to_csv(index_label="row", lineterminator="\n")
        write_output(out, text.encode())
        click.echo(f"Forecasts: {out}")
        return
    click.echo(f"{method} fitted to all rows of {data}:")
    for row, line in zip(forecasts.index, forecasts.lines(), strict=True):
        click.echo(printable(f"{row:>6}  {line}"))


def _one_of(name: str | None, names: Sequence[str], known: Sequence[str], option: str) -> str:
    """Return the name that was given, or the only one; BadInput where neither holds."""
    if name is None and len(names) == 1:
        return names[0]
    if name in known:
        return str(name)
    given = "" if name is None else f"the run has no {name!r}; "
    raise BadInput(f"{given}name one of the run with {option}: {', '.join(names)}")
