"""The table of a file's columns, shown before anything is fitted."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from howrobust.datasets.tables.look import Look
from howrobust.errors import printable


def show_look(look: Look, warnings: Sequence[str], console: Console) -> None:
    """Print what is found in a table: how it was read, its columns, problems and warnings.

    Parameters
    ----------
    look : Look
        What is found in it.
    warnings : sequence of str
        Sentences on what changes how results are to be read.
    console : Console
        Where to print.
    """

    def say(sentence: str, style: str = "") -> None:
        console.print(Text(printable(sentence), style=style))

    say(f"{look.name}: {look.n_rows} rows, {len(look.columns)} columns", "bold")
    for note in look.notes:
        say(note, "dim")
    if look.columns:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        table.add_column("column", max_width=16, overflow="fold")
        table.add_column("kind", no_wrap=True)
        table.add_column("missing", justify="right", no_wrap=True)
        table.add_column(
            "examples",
            max_width=18 if console.width < 100 else 32,
            no_wrap=True,
            overflow="ellipsis",
        )
        table.add_column("role", no_wrap=True)
        table.add_column("becomes", overflow="fold")
        shown, others = look.shown()
        for each in shown:
            cells = (
                each.name, each.kind, str(each.missing or ""), each.examples, each.role,
                each.becomes,
            )  # fmt: skip
            table.add_row(*(Text(printable(cell)) for cell in cells))
        console.print(table)
        if others:
            say(f"... and {', '.join(others)}")
    for number, problem in enumerate(look.problems, start=1):
        say(f"problem {number}: {problem}", "red")
    for warning in warnings:
        say(f"warning: {warning}", "yellow")
