"""A report for a terminal."""

import os
from collections.abc import Iterator, Sequence

from rich import table as rich_tables
from rich.console import Console
from rich.text import Text

from howrobust.reports.model import Report
from howrobust.reports.number_text import single_line
from howrobust.reports.sections.scores import BEST, CAPTION
from howrobust.reports.table import Table, TableCell

UNKNOWN_WIDTH = 160  # of a file or a pipe
NAME_WIDTH = 24
DISPENSABLE = (
    "µs/draw", "fit s", "kl to truth", "crps", "within null band", "inside 95 %", "nll above best"
)  # fmt: skip


def console() -> Console:
    """Return standard output, without colours if NO_COLOR is set.

    Returns
    -------
    Console
        A console as wide as the terminal; of 160 columns for a file or a pipe.
    """
    known = os.isatty(1) or os.environ.get("COLUMNS")
    return Console(
        width=None if known else UNKNOWN_WIDTH,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )


def show(report: Report, console: Console) -> None:
    """Print a table for each data set with its comparison, then the ranking.

    Parameters
    ----------
    report : Report
        The report of a run.
    console : Console
        Where to print.
    """
    for section in report.data_sets:
        facts = section.facts
        rows = f"{facts.n_train} rows train, {facts.n_test} test"
        title = f"{facts.name}: {facts.title} ({rows})"
        console.print(rich_table(section.table, title, console.width))
        say(console, section.comparison)
        console.print()
    for part in _ranking(report, console.width):
        console.print(part)
    say(console, f"{CAPTION} *: {BEST}.", "dim")


def say(console: Console, sentence: str, style: str = "") -> None:
    """Print a sentence as it is, whatever names it holds.

    Parameters
    ----------
    console : Console
        Where to print.
    sentence : str
        The sentence; nothing is printed for an empty one.
    style : str, default=""
        Style of the text, as rich names it.
    """
    if sentence:
        console.print(Text(single_line(sentence), style=style))


def _ranking(report: Report, width: int) -> Iterator[rich_tables.Table | Text]:
    ranking = report.ranking
    if ranking.table is not None:
        yield rich_table(ranking.table, ranking.table.label.capitalize(), width)
        yield Text(single_line(f"{ranking.caption} {ranking.note}"), style="dim")


def rich_table(table: Table, title: str, width: int) -> rich_tables.Table:
    """Return a table that fits a terminal.

    Parameters
    ----------
    table : Table
        The table.
    title : str
        Its title.
    width : int
        Characters in a line; columns that do not fit are left out, names last.

    Returns
    -------
    rich.table.Table
        The table, a star at the best of a column.
    """
    drawn = rich_tables.Table(title=Text(single_line(title)), title_justify="left")
    columns = [[_text(row.cells[k], marked) for row in table.rows] for k, marked in _marked(table)]
    shown = _fitting(table, columns, width)
    for k in shown:
        column = Text(single_line(table.header[k]))
        if k in table.text_columns:
            drawn.add_column(
                Text(single_line(table.header[k])), overflow="fold", min_width=NAME_WIDTH
            )
        else:
            drawn.add_column(column, justify="right", no_wrap=True)
    for row in zip(*(columns[k] for k in shown), strict=True):
        drawn.add_row(*row)
    return drawn


def _marked(table: Table) -> list[tuple[int, bool]]:
    """Columns, and whether one of their cells is marked as the best."""
    return [(k, any(row.cells[k].best for row in table.rows)) for k in range(len(table.header))]


def _text(cell: TableCell, marked: bool) -> Text:
    """A cell, the best with a star; the others make room for it."""
    mark = "" if not marked else " *" if cell.best else "  "
    return Text(single_line(cell.text) + mark, style="bold" if cell.best else "")


def _fitting(table: Table, columns: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Which columns fit, each with three characters of frame, once others have gone."""
    shown = list(range(len(columns)))
    needs = [
        3
        + (
            NAME_WIDTH
            if k in table.text_columns
            else max([len(table.header[k]), *map(len, columns[k])])
        )
        for k in shown
    ]
    for title in (*DISPENSABLE, *reversed(table.last)):
        if sum(needs[k] for k in shown) < width:
            break
        shown = [k for k in shown if table.header[k] != title]
    return shown
