"""The tables of a report as LaTeX, with booktabs."""

import re
from collections.abc import Iterator

from howrobust.reports.model import Report
from howrobust.reports.number_text import single_line
from howrobust.reports.sections import published
from howrobust.reports.sections.scores import BEST, CAPTION
from howrobust.reports.table import Table, TableCell

PREAMBLE = "% needs \\usepackage[T1]{fontenc} and \\usepackage{booktabs}"
SPECIAL = {
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "≈": r"$\approx$",
    "µ": r"$\mu$",
    # Alone in a group: after a row's end "[" and "*" would be read as its arguments, and two
    # hyphens as a dash.
    **{mark: f"{{{mark}}}" for mark in "[]*-"},
}

SIGN, MINUS = re.compile(r"(?<![\w)\]])-(?=\d)"), "$-$"


def latex(report: Report) -> str:
    """Return the tables of data sets, ranking and published numbers.

    Parameters
    ----------
    report : Report
        The report of a run.

    Returns
    -------
    str
        A floating table for each; its first line names the packages that they need.
    """
    return "\n\n".join([PREAMBLE, *_parts(report)]) + "\n"


def _parts(report: Report) -> Iterator[str]:
    for section in report.data_sets:
        caption = f"{section.facts.name}. {section.comparison} {CAPTION} Bold: {BEST}."
        yield tex_table(section.table, caption)
    if report.ranking.table is not None:
        yield tex_table(report.ranking.table, report.ranking.caption)
    if report.published.rows:
        yield tex_table(report.published, published.CAPTION)


def tex_table(table: Table, caption: str) -> str:
    """Return a floating table, the best in bold.

    Parameters
    ----------
    table : Table
        The table.
    caption : str
        Its caption, as plain text.

    Returns
    -------
    str
        A table environment.
    """
    columns = "".join("l" if k in table.text_columns else "r" for k in range(len(table.header)))
    head = " & ".join(tex(title) for title in table.header)
    body = [" & ".join(_cell(cell) for cell in row.cells) + r" \\" for row in table.rows]
    lines = [r"\begin{table}", r"\centering\footnotesize", rf"\caption{{{tex(caption)}}}"]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head + r" \\", r"\midrule"]
    return "\n".join([*lines, *body, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _cell(cell: TableCell) -> str:
    return rf"\textbf{{{tex(cell.text)}}}" if cell.best else tex(cell.text)


def tex(text: str) -> str:
    """Return text that LaTeX sets as it is, the sign of a number as a minus.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        One line, with special characters escaped.
    """
    text = single_line(text)
    signs = {match.start() for match in SIGN.finditer(text)}
    return "".join(MINUS if k in signs else SPECIAL.get(c, c) for k, c in enumerate(text))
