"""A run as Markdown, for pull requests: what the page says, without its figures."""

import html
from collections.abc import Iterator, Sequence

from howrobust.analysis.ranking import contest, improvements
from howrobust.base.metric import Undefined
from howrobust.reports import number_text as tables
from howrobust.reports import table as sheets
from howrobust.reports.number_text import TableCell, single_line
from howrobust.reports.sections.answer import answer, on_data_set
from howrobust.reports.sections.protocol import settings
from howrobust.reports.sections.ranking import CAPTION, standings
from howrobust.reports.sections.scores import Summary
from howrobust.reports.table import Sheet

MARKS = "\\|*_<>[]`~$&"  # what would be markup, a formula or an entity
LONGEST = 12  # rows that a reader scrolls past; a longer table is folded


def markdown(summary: Summary) -> str:
    """The answer, every table, warnings and failures, and the protocol in short."""
    about = summary.about
    parts = [f"## How robust is it? Suite {md(about.suite)}, seed {about.seed}"]
    parts += [md(sentence) for sentence in answer(summary)]
    parts += _ranking(summary)
    for data in summary.data:
        rows = summary.rows(data.name)
        parts.append(f"### {md(data.name)}: {md(data.title)}")
        parts += [md(on_data_set(summary, data)), md_table(sheets.scores(summary, data))]
        parts.append(md(tables.told_apart(rows)))
    parts.append(f"{md(tables.CAPTION)} Bold: {tables.BEST}.")
    parts += ["### In more detail", *_details(summary)]
    parts += _published(summary)
    parts += _warnings(summary)
    parts += _protocol(summary)
    return "\n\n".join(part for part in parts if part) + "\n"


def _ranking(summary: Summary) -> Iterator[str]:
    yield "### Ranking"
    found = contest(summary)
    if isinstance(found, Undefined):
        yield f"There is none: {md(found.reason)}."
        return
    yield md_table(standings(found, improvements(summary)))
    yield md(CAPTION)
    yield md(found.note)


def _details(summary: Summary) -> Iterator[str]:
    parts = (sheets.covered, sheets.variance, sheets.costs)
    for sheet in (*sheets.degraded(summary).values(), *(part(summary) for part in parts)):
        if sheet.rows:
            yield from folded(sheet)


def _published(summary: Summary) -> Iterator[str]:
    found = sheets.published(summary)
    if found.rows:
        yield f"### {tables.PUBLISHED_TITLE}"
        yield from folded(found)
        yield md(tables.PUBLISHED_CAPTION)


def _warnings(summary: Summary) -> Iterator[str]:
    failed = [f"{c.method} on {c.dataset} {c.split} failed: {c.reason}" for c in summary.failures()]
    found = [*failed, *summary.warnings()]
    yield "### Failures and warnings"
    yield "\n".join(f"* {md(sentence)}" for sentence in found) or "None."


def _protocol(summary: Summary) -> Iterator[str]:
    about, ran = summary.about, summary.about.environment
    yield "### Protocol"
    splits = ", ".join(
        f"{md(d.name)} {summary.planned_splits(d.name)} {d.split}" for d in summary.data
    )
    yield (
        f"Splits: {splits}. Run {summary.results.run}; {len(summary.cells)} fits took "
        f"{about.took_s:.0f} s on {ran['cores']} cores ({md(ran['processor'])}; "
        f"howrobust {ran['howrobust']}, torch {ran['torch']}). {summary.reused()}"
    )
    again = about.command
    yield f"Made again by\n\n```\n{single_line(again.text)}\n```"
    yield "\n".join(f"* {md(sentence)}" for sentence in again.remarks)
    yield from folded(settings(summary))


def folded(sheet: Sheet) -> list[str]:
    """A table under its title, or behind it where it is long."""
    title = sheet.label[0].upper() + sheet.label[1:]
    if len(sheet.rows) <= LONGEST:
        return [f"**{md(title)}**", md_table(sheet)]
    # Inside a tag a backslash is no escape.
    summary = f"<summary>{html.escape(title)}: {len(sheet.rows)} rows</summary>"
    return [f"<details>{summary}", md_table(sheet), "</details>"]


def md_table(sheet: Sheet) -> str:
    """A Markdown table, the best in bold."""
    rule = ["---" if k in sheet.names else "---:" for k in range(len(sheet.header))]
    lines = [_row([md(title) for title in sheet.header]), _row(rule)]
    lines += [_row([_cell(cell) for cell in row.cells]) for row in sheet.rows]
    return "\n".join(lines)


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _cell(cell: TableCell) -> str:
    return f"**{md(cell.text)}**" if cell.best else md(cell.text)


def md(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{c}" if c in MARKS else c for c in single_line(text))
