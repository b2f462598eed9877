"""The command `howrobust propagate`."""

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from howrobust.cli.messages import report_problem
from howrobust.errors import BadInput
from howrobust.execution.signals import Interruption

LINE_EVERY_S = 5.0


@click.command()
@click.argument("function", metavar="MODULE:FUNCTION")
@click.option(
    "--at", required=True, metavar="FILE", help="Table whose rows are the points (.csv, .parquet)."
)
@click.option(
    "--noise",
    "noises",
    multiple=True,
    required=True,
    metavar="INPUT=SD",
    help="Noise of an input: INPUT=SD, or INPUT=NAME(...) with a distribution of scipy.stats. "
    "Repeatable.",
)
@click.option(
    "--correlation",
    "correlations",
    multiple=True,
    metavar="INPUT,INPUT=R",
    help="Correlation of the noise of two inputs. Repeatable.",
)
@click.option(
    "--box",
    "boxes",
    multiple=True,
    metavar="INPUT=LOW:HIGH",
    help="Limits of an input in the search for the worst case. Repeatable.",
)
@click.option(
    "--unit",
    "units",
    multiple=True,
    metavar="NAME=UNIT",
    help="Unit of an input, or of the output under its name. Repeatable.",
)
@click.option("--name", help="Name of the output (default: that of the function).")
@click.option("--draws", default=10_000, show_default=True, help="Draws around each point.")
@click.option("--level", default=0.95, show_default=True, help="Level of the interval.")
@click.option("--no-indices", is_flag=True, help="Leave out Sobol' indices: fewer evaluations.")
@click.option("--batch-size", type=int, help="Most rows in one call of the function.")
@click.option("--workers", default=1, show_default=True, help="Processes for slow functions.")
@click.option("--seed", default=0, show_default=True, help="Seed of the draws.")
@click.option("--report", metavar="FILE", help="Write the page, one HTML file, to FILE.")
def propagate(
    function: str,
    at: str,
    noises: tuple[str, ...],
    correlations: tuple[str, ...],
    boxes: tuple[str, ...],
    units: tuple[str, ...],
    no_indices: bool,
    report: str | None,
    **settings: Any,
) -> int:
    """Propagate noise of the inputs through FUNCTION of MODULE: spread, sensitivities, worst case.

    FUNCTION takes the columns of the table by name, or the table. MODULE may be a file in the
    current folder. The exit code is 1 where a draw of the noise gives no finite output.
    """
    from howrobust._propagate import propagate as propagated
    from howrobust.datasets.tables.files import read_frame
    from howrobust.planning.entry_points import load
    from howrobust.propagation.noise_text import parsed_noise

    noise: dict[Hashable, Any] = {}
    for column, given in map(parsed_noise, noises):
        if column in noise:
            raise BadInput(f"--noise gives {column!r} twice; give each input once")
        noise[column] = given
    try:
        f, points = load("functions", function), read_frame(Path(at))
        with _progress() as progress:
            result = propagated(
                f,
                points,
                noise,
                correlation=_correlation(correlations, list(noise)),
                box={name: _limits(value, name) for name, value in map(_pair, boxes)},
                units=dict(map(_pair, units)),
                indices=not no_indices,
                progress=progress,
                **settings,
            )
    except Interruption as interruption:
        report_problem("interrupted; nothing is kept of a propagation, run it again")
        return interruption.exit_code
    click.echo(str(result))
    if report is not None:
        click.echo(f"Report: {result.report(report)}")
    return 1 if result.broken else 0


def _pair(text: str) -> tuple[str, str]:
    """Return NAME and VALUE of NAME=VALUE."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise BadInput(f"{text!r} is not NAME=VALUE; write it as F=N")
    return name, value


def _limits(value: str, name: str) -> tuple[float, float]:
    low, _, high = value.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise BadInput(f"the box of {name} is {value!r}; write it as {name}=LOW:HIGH") from None


def _correlation(texts: tuple[str, ...], columns: list[Hashable]) -> Any:
    """Return the correlation matrix (k, k) of texts such as F,L=0.5; None without any."""
    if not texts:
        return None
    import numpy as np

    matrix = np.eye(len(columns))
    for names, value in map(_pair, texts):
        pair = [name.strip() for name in names.split(",")]
        unknown = [name for name in pair if name not in columns]
        if len(pair) != 2 or pair[0] == pair[1] or unknown:
            raise BadInput(
                f"the correlation {names}={value} must name two inputs with noise, of "
                f"{', '.join(map(str, columns))}"
            )
        i, j = map(columns.index, pair)
        try:
            matrix[i, j] = matrix[j, i] = float(value)
        except ValueError:
            raise BadInput(f"the correlation of {names} is {value!r}; give a number") from None
    return matrix


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Yield what shows the number of evaluations on standard error, where they take seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = ("evaluations", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    task = bar.add_task("", total=None)
    printed = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal printed
        bar.update(task, completed=done, total=total)
        if not console.is_terminal and time.monotonic() - printed > LINE_EVERY_S:
            printed = time.monotonic()
            console.print(f"{done}/{total} evaluations", markup=False, highlight=False)

    with bar:
        yield show
