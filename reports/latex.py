"""A run's tables as LaTeX, with booktabs."""

import re
from collections.abc import Iterator

from howrobust.analysis.ranking import contest, improvements
from howrobust.base.metric import Undefined
from howrobust.reports import number_text as tables
from howrobust.reports import table as sheets
from howrobust.reports.number_text import TableCell, single_line
from howrobust.reports.sections.ranking import CAPTION, standings
from howrobust.reports.sections.scores import Summary
from howrobust.reports.table import Sheet

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


def latex(summary: Summary) -> str:
    """A table for each data set, the ranking, and the published numbers beside ours."""
    return "\n\n".join([PREAMBLE, *_parts(summary)]) + "\n"


def _parts(summary: Summary) -> Iterator[str]:
    caption = f"{tables.CAPTION} Bold: {tables.BEST}."
    for data in summary.data:
        told = tables.told_apart(summary.rows(data.name))
        words = f"{data.name}. {told} {caption}"
        yield tex_table(sheets.scores(summary, data), words)
    found = contest(summary)
    if not isinstance(found, Undefined):
        yield tex_table(standings(found, improvements(summary)), CAPTION)
    beside = sheets.published(summary)
    if beside.rows:
        yield tex_table(beside, tables.PUBLISHED_CAPTION)


def tex_table(sheet: Sheet, caption: str) -> str:
    """A floating table, the best in bold."""
    columns = "".join("l" if k in sheet.names else "r" for k in range(len(sheet.header)))
    head = " & ".join(tex(title) for title in sheet.header)
    body = [" & ".join(_cell(cell) for cell in row.cells) + r" \\" for row in sheet.rows]
    lines = [r"\begin{table}", r"\centering\footnotesize", rf"\caption{{{tex(caption)}}}"]
    lines += [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", head + r" \\", r"\midrule"]
    return "\n".join([*lines, *body, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _cell(cell: TableCell) -> str:
    return rf"\textbf{{{tex(cell.text)}}}" if cell.best else tex(cell.text)


def tex(text: str) -> str:
    """Text that LaTeX sets as it is; the sign of a number as a minus."""
    text = single_line(text)
    signs = {found.start() for found in SIGN.finditer(text)}
    return "".join(MINUS if k in signs else SPECIAL.get(c, c) for k, c in enumerate(text))
