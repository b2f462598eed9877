"""A run's tables for a terminal."""

import os
from collections.abc import Iterator, Sequence

from rich import table as drawn
from rich.console import Console
from rich.text import Text

from howrobust.analysis.ranking import contest, improvements
from howrobust.base.metric import Undefined
from howrobust.reports import number_text as tables
from howrobust.reports import table as sheets
from howrobust.reports.number_text import TableCell, single_line
from howrobust.reports.sections.ranking import CAPTION, standings
from howrobust.reports.sections.scores import Summary
from howrobust.reports.table import Sheet

UNKNOWN_WIDTH = 160  # of a file or a pipe
NAME_WIDTH = 24
DISPENSABLE = (
    "µs/draw", "fit s", "kl to truth", "crps", "in null band", "inside 95 %", "nll above best"
)  # fmt: skip


def console() -> Console:
    """Standard output; without colours and bold letters where NO_COLOR asks for none."""
    known = os.isatty(1) or os.environ.get("COLUMNS")
    return Console(
        width=None if known else UNKNOWN_WIDTH,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )


def show(summary: Summary, console: Console) -> None:
    """Print a table for each data set with what can be told apart, then the ranking."""
    for data in summary.data:
        rows = f"{data.n_train} rows train, {data.n_test} test"
        title = f"{data.name}: {data.title} ({rows})"
        console.print(rich_table(sheets.scores(summary, data), title, console.width))
        say(console, tables.told_apart(summary.rows(data.name)))
        console.print()
    for part in _ranking(summary, console.width):
        console.print(part)
    say(console, f"{tables.CAPTION} *: {tables.BEST}.", "dim")


def say(console: Console, sentence: str, style: str = "") -> None:
    """Print a sentence as it is, whatever names it holds."""
    if sentence:
        console.print(Text(single_line(sentence), style=style))


def _ranking(summary: Summary, width: int) -> Iterator[drawn.Table | Text]:
    found = contest(summary)
    if not isinstance(found, Undefined):
        sheet = standings(found, improvements(summary))
        yield rich_table(sheet, sheet.label.capitalize(), width)
        yield Text(single_line(f"{CAPTION} {found.note}"), style="dim")


def rich_table(sheet: Sheet, title: str, width: int) -> drawn.Table:
    """A table of no more than so many columns of text: names are the last to go."""
    made = drawn.Table(title=Text(single_line(title)), title_justify="left")
    columns = [[_text(row.cells[k], marked) for row in sheet.rows] for k, marked in _marked(sheet)]
    shown = _fitting(sheet, columns, width)
    for k in shown:
        if k in sheet.names:
            made.add_column(sheet.header[k], overflow="fold", min_width=NAME_WIDTH)
        else:
            made.add_column(sheet.header[k], justify="right", no_wrap=True)
    for row in zip(*(columns[k] for k in shown), strict=True):
        made.add_row(*row)
    return made


def _marked(sheet: Sheet) -> list[tuple[int, bool]]:
    """Columns, and whether one of their cells is marked as the best."""
    return [(k, any(row.cells[k].best for row in sheet.rows)) for k in range(len(sheet.header))]


def _text(cell: TableCell, marked: bool) -> Text:
    """A cell, the best with a star; the others make room for it."""
    mark = "" if not marked else " *" if cell.best else "  "
    return Text(single_line(cell.text) + mark, style="bold" if cell.best else "")


def _fitting(sheet: Sheet, columns: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Which columns fit, each with three characters of frame, once others have gone."""
    shown = list(range(len(columns)))
    needs = [
        3 + (NAME_WIDTH if k in sheet.names else max([len(sheet.header[k]), *map(len, columns[k])]))
        for k in shown
    ]
    for title in DISPENSABLE:
        if sum(needs[k] for k in shown) < width:
            break
        shown = [k for k in shown if sheet.header[k] != title]
    return shown
