"""A report as Markdown, for pull requests: what the page says, without its figures."""

import html
from collections.abc import Iterator, Sequence

from howrobust.reports.model import Report
from howrobust.reports.number_text import single_line
from howrobust.reports.sections import published
from howrobust.reports.sections.scores import BEST, CAPTION
from howrobust.reports.table import Table, TableCell

MARKS = "\\|*_<>[]`~$&"  # what would be markup, a formula or an entity
LONGEST = 12  # rows; a longer table is folded


def markdown(report: Report) -> str:
    """Return the sentences and tables of a report, with a short protocol.

    Parameters
    ----------
    report : Report
        The report of a run.

    Returns
    -------
    str
        Markdown, with tables as GitHub reads them.
    """
    protocol = report.protocol
    parts = [f"## How robust is it? Suite {md(protocol.suite)}, seed {protocol.seed}"]
    parts += [md(sentence) for sentence in (*report.answer, report.whose)]
    parts += _ranking(report)
    for section in report.data_sets:
        parts.append(f"### {md(section.facts.name)}: {md(section.facts.title)}")
        parts += [md(section.sentence), md_table(section.table), md(section.comparison)]
    parts.append(f"{md(CAPTION)} Bold: {BEST}.")
    parts += ["### In more detail", *_details(report)]
    parts += _published(report)
    parts += _warnings(report)
    parts += _protocol(report)
    return "\n\n".join(part for part in parts if part) + "\n"


def _ranking(report: Report) -> Iterator[str]:
    yield "### Ranking"
    ranking = report.ranking
    if ranking.table is None:
        yield f"There is none: {md(ranking.reason)}."
        return
    yield md_table(ranking.table)
    yield md(ranking.caption)
    yield md(ranking.note)


def _details(report: Report) -> Iterator[str]:
    tables = (*report.stress_tables.values(), report.coverage, report.variance, report.costs)
    for table in tables:
        if table.rows:
            yield from _folded(table)


def _published(report: Report) -> Iterator[str]:
    if report.published.rows:
        yield f"### {published.TITLE}"
        yield from _folded(report.published)
        yield md(published.CAPTION)


def _warnings(report: Report) -> Iterator[str]:
    sentences = [*(failure.sentence for failure in report.failures), *report.warnings]
    yield "### Failures and warnings"
    yield "\n".join(f"* {md(sentence)}" for sentence in sentences) or "None."


def _protocol(report: Report) -> Iterator[str]:
    protocol, machine = report.protocol, report.protocol.environment
    yield "### Protocol"
    splits = ", ".join(
        f"{md(section.facts.name)} {section.n_splits} {section.facts.split}"
        for section in report.data_sets
    )
    yield (
        f"Splits: {splits}. Run {protocol.run}; {protocol.n_fits} fits took "
        f"{protocol.took_s:.0f} s on {machine['cores']} cores ({md(machine['processor'])}; "
        f"howrobust {machine['howrobust']}, torch {machine['torch']}). {protocol.reused}"
    )
    yield f"Repeat the run with\n\n```\n{single_line(protocol.command.text)}\n```"
    yield "\n".join(f"* {md(sentence)}" for sentence in protocol.command.remarks)
    yield from _folded(protocol.settings)


def _folded(table: Table) -> list[str]:
    """A table under its title, or behind it where it is long."""
    title = table.label[0].upper() + table.label[1:]
    if len(table.rows) <= LONGEST:
        return [f"**{md(title)}**", md_table(table)]
    # Inside a tag a backslash is no escape.
    summary = f"<summary>{html.escape(title)}: {len(table.rows)} rows</summary>"
    return [f"<details>{summary}", md_table(table), "</details>"]


def md_table(table: Table) -> str:
    """Return a table as Markdown, the best in bold.

    Parameters
    ----------
    table : Table
        The table.

    Returns
    -------
    str
        A line for the header, the rule and each row.
    """
    columns = range(len(table.header))
    rule = ["---" if k in table.text_columns else "---:" for k in columns]
    lines = [_row([md(title) for title in table.header]), _row(rule)]
    lines += [_row([_cell(cell) for cell in row.cells]) for row in table.rows]
    return "\n".join(lines)


def _row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _cell(cell: TableCell) -> str:
    return f"**{md(cell.text)}**" if cell.best else md(cell.text)


def md(text: str) -> str:
    """Return text that Markdown shows as it is.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        One line, with a backslash before each character that would be markup.
    """
    return "".join(f"\\{c}" if c in MARKS else c for c in single_line(text))
