"""Tables in text files: a first reading finds what the columns are, a second one what remains."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from howrobust.datasets.tables.reading.options import ReadOptions
from howrobust.datasets.tables.reading.table import Table
from howrobust.datasets.tables.reading.text.columns import collector, numbers
from howrobust.datasets.tables.reading.text.decision import Decision, decide, decimal_marks
from howrobust.datasets.tables.reading.text.dialect import (
    Dialect,
    dialect_of,
    names_of,
    problems_of_names,
)
from howrobust.datasets.tables.reading.text.example import Example
from howrobust.datasets.tables.reading.text.rows import Rows
from howrobust.datasets.tables.reading.text.source import TextSource, text_source
from howrobust.datasets.tables.reading.text.survey import Survey, surveyed
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[int, Survey]  # by their place in the file


def read_text(path: Path, options: ReadOptions, like: Path | None = None) -> Table:
    """Read a table in a text file.

    Parameters
    ----------
    path : Path
        The file.
    options : ReadOptions
        What the user says.
    like : Path, optional
        Another text file, as whose continuation the columns of the same name are read.

    Returns
    -------
    Table
        The table, with all problems.

    Raises
    ------
    BadInput
        Where the file is no table of text.
    """
    if options.decimal not in (None, ".", ","):
        raise BadInput(f"--decimal is {options.decimal!r}; give '.' or ','")
    source = text_source(path, options.encoding)
    dialect = dialect_of(source, options.separator)
    names = names_of(source, dialect)
    rows = Rows(source, dialect, len(names))
    example = None if like is None else Example.of(like, options)
    columns = _surveyed(rows, names, options, example)
    notes = [*_notes(source, dialect, options, rows), *_leave_out(columns, rows.count)]
    problems = [rows.problem] if rows.problem else []
    problems += problems_of_names([survey.name for survey in columns.values()])
    for place in list(columns):  # the frame has each name once
        if not names[place] or names[place] in names[:place]:
            del columns[place]
    marks = decimal_marks(columns.values(), options)
    separator = (example.rows if example else rows).dialect.separator
    decisions = {
        place: decide(survey, options, separator, marks) for place, survey in columns.items()
    }
    frame, wrong = _frame(rows, columns, decisions, options, example)
    for place, decision in decisions.items():
        notes += decision.notes
        problems += [text for text in (decision.problem, wrong.get(place)) if text]
    return Table(frame, tuple(notes), tuple(problems))


def _surveyed(
    rows: Rows, names: Sequence[str], options: ReadOptions, example: Example | None
) -> Columns:
    """Return what the cells of each column are, but for those that are dropped."""
    begun = Survey if example is None else example.survey
    missing = frozenset(options.missing)
    kept = {place: name for place, name in enumerate(names) if name not in options.drop}
    return surveyed(rows, {place: begun(name, missing) for place, name in kept.items()})


def _leave_out(columns: Columns, count: int) -> list[str]:
    """Remove columns without a name that hold nothing, or the numbers of the rows; say so."""
    notes = []
    for place in sorted(columns, reverse=True):
        survey = columns[place]
        if survey.name or survey.total("empty") < count:
            break
        del columns[place]
        notes.append(f"column {place + 1}, without a name or a value, is left out")
    first = columns.get(0)
    if first is not None and not first.name and first.chunks is not None and count:
        values = np.concatenate(first.chunks)
        if values.dtype == np.int64 and np.array_equal(values, np.arange(count)):
            del columns[0]
            notes.append(f"column 1, without a name, numbers the rows from 0 to {count - 1}")
    return notes


def _notes(source: TextSource, dialect: Dialect, options: ReadOptions, rows: Rows) -> list[str]:
    notes = []
    if options.encoding is None and source.encoding == "cp1252":
        notes.append("the text is no UTF-8 and was read as cp1252 (--encoding overrules)")
    if options.separator is None and dialect.separator != ",":
        notes.append(f"the separator is {dialect.word}")
    if dialect.skipped:
        lines = "1 line" if dialect.skipped == 1 else f"{dialect.skipped} lines"
        notes.append(f"{lines} before the header left out, blank or comments")
    if rows.blank:
        lines = "1 blank line" if len(rows.blank) == 1 else f"{len(rows.blank)} blank lines"
        notes.append(f"{lines} between the rows (line {rows.blank[0]}) left out")
    return notes


def _frame(
    rows: Rows,
    columns: Columns,
    decisions: dict[int, Decision],
    options: ReadOptions,
    example: Example | None,
) -> "tuple[pd.DataFrame, dict[int, str]]":
    """Return the frame, and what a second reading has found wrong by column."""
    import pandas as pd  # 0.65 s to import: only when a file is read

    collectors = {
        place: collector(survey.name, decisions[place], options)
        for place, survey in columns.items()
        if example is not None or not _is_read(survey, decisions[place])
    }  # fmt: skip
    if example is not None:
        example.feed({columns[place].name: each for place, each in collectors.items()})
    if collectors:
        count = rows.count
        for block in rows.blocks():
            cells = list(zip(*block.rows, strict=True))
            for place, each in collectors.items():
                each.add(cells[place], block.lines)
        if rows.count != count:
            raise BadInput(f"{rows.source.path} was changed while it was read; read it again")
    series: dict[str, pd.Series] = {}
    wrong = {}
    for place, survey in columns.items():
        if place in collectors:
            values, problem = collectors.pop(place).finish()
            series[survey.name] = values.iloc[len(values) - rows.count :].reset_index(drop=True)
            if problem:
                wrong[place] = problem
        else:
            series[survey.name] = numbers(survey.chunks or [])
    return pd.DataFrame(series, index=pd.RangeIndex(rows.count)), wrong


def _is_read(survey: Survey, decision: Decision) -> bool:
    """Return whether the first reading has kept the numbers, as they were decided to be read."""
    if decision.shape != "number" or survey.chunks is None:
        return False
    if decision.decimal == "," and any(form.dot for form in survey.forms("number")):
        return False
    gaps = survey.total("missing") + survey.total("empty")
    return not decision.is_whole or gaps > 0 or all(c.dtype == np.int64 for c in survey.chunks)
