"""A run's tables as text: Markdown, LaTeX, CSV and the terminal. The numbers are the page's."""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from howrobust.reports.published import Comparison, Published, comparisons
from howrobust.reports.summary import Row, Summary
from howrobust.scores import REFERENCES
from howrobust.statistics import Estimate

SCORES = ("nll", "rmse", "crps")
KNOWN_TRUTH = "kl_to_truth"  # shown where the truth is known
CAPTION = (
    "Mean over splits +- standard error, ranked by nll (nats, lower is better). '=': so few "
    "splits cannot tell its nll from the first's (95 % interval of the paired difference). A share "
    "in place of a rank: splits that have an nll. 'inside 95 %': held-out points inside their 95 % "
    "interval. 'honest': splits whose calibration error a perfect forecaster could have."
)


PUBLISHED_TITLE = "Beside published results"
PUBLISHED_HEADER = ("data set", "method", "score", "ours", "published", "difference", "spread")
PUBLISHED_CAPTION = (
    "Mean over splits +- standard error, on the published splits. 'difference': ours less theirs "
    "in standard errors, paired by split where their results of every split are known; 2 or more "
    "in either direction is an exception (!). Brackets: a reference of another protocol, not a "
    "target."
)


def number(estimate: Estimate | None) -> str:
    """Mean +- standard error, to two digits of the error; four digits where there is none."""
    if estimate is None:
        return "-"
    if not estimate.se > 0:  # one split, or equal scores
        return f"{estimate.mean:.4g}"
    digits = max(0, 1 - math.floor(math.log10(estimate.se)))
    if digits > 6:
        return f"{estimate.mean:.3e} +- {estimate.se:.1e}"
    return f"{estimate.mean:.{digits}f} +- {estimate.se:.{digits}f}"


def cost(row: Row, name: str) -> str:
    """A cost with two significant digits, whole from ten on."""
    if name not in row.costs:
        return "-"
    value = row.costs[name]
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def place(row: Row) -> str:
    """Rank, with '=' where the splits cannot tell the method from the first.

    A method without an nll on every split is not ranked: how many it has stands there instead.
    """
    if row.rank is not None:
        return f"{row.rank}{'=' if row.tied else ''}"
    scored, planned = row.scored_splits
    return "" if row.method in REFERENCES or scored == planned else f"{scored}/{planned}"


def inside(row: Row) -> str:
    """Share of held-out points inside their 95 % interval, with Wilson's interval."""
    if row.coverage_95 is None:
        return "-"
    share, lower, upper = (100 * v for v in row.coverage_95)
    return f"{share:.1f} % [{lower:.1f}, {upper:.1f}]"


def header(data: dict[str, Any]) -> list[str]:
    """Titles of the columns of a data set's table."""
    truth = ["kl to truth"] if data["limits"] else []
    return ["", "method", *SCORES, *truth, "inside 95 %", "honest", "fit s", "µs/draw"]


def cells_of(row: Row, data: dict[str, Any]) -> list[str]:
    """Texts of a row, in the order of `header`."""
    honest = f"{row.honest_splits[0]}/{row.honest_splits[1]}" if row.honest_splits[1] else "-"
    shown = [*SCORES, *([KNOWN_TRUTH] if data["limits"] else [])]
    scores = [number(row.scores[name]) for name in shown]
    costs = [cost(row, "fit_wall_s"), cost(row, "us_per_draw")]
    return [place(row), row.method, *scores, inside(row), honest, *costs]


def limits_of(limits: dict[str, float]) -> list[str]:
    """Texts of the row of limits of a known truth."""
    nll = f"{limits['nll']:.3f} (Gaussian {limits['nll_gaussian']:.3f})"
    return ["", "limit of the truth", nll, f"{limits['rmse']:.3f}", "", "0", "", "", "", ""]


def grid(summary: Summary, data: dict[str, Any]) -> list[list[str]]:
    """All rows of a data set's table, as text."""
    rows = [cells_of(row, data) for row in summary.rows(data["name"])]
    return rows + ([limits_of(data["limits"])] if data["limits"] else [])


def published_cells(comparison: Comparison) -> list[str]:
    """Texts of a comparison, in the order of `PUBLISHED_HEADER`."""
    difference = f"{comparison.difference:+.1f}{' paired' if comparison.paired else ''}"
    if not comparison.reproduces:
        difference = f"[{difference}]"
    elif comparison.is_exception:
        difference += " !"
    return [
        comparison.dataset,
        comparison.method,
        comparison.metric,
        number(comparison.ours),
        printed(comparison.theirs),
        difference,
        comparison.theirs.spread or "no spread given",
    ]


def printed(published: Published) -> str:
    """A published mean as it was printed, with its standard error."""
    decimals = min(4, max(0, round(-math.log10(published.unit))))
    mean = f"{published.mean:.{decimals}f}"
    return mean if published.se is None else f"{mean} +- {published.se:.2g}"


DISPENSABLE = (
    "µs/draw",
    "fit s",
    "kl to truth",
    "crps",
    "honest",
    "inside 95 %",
)  # where a terminal is narrow
NAME_WIDTH = 24


def terminal(summary: Summary, width: int) -> list[Table]:
    """Tables for a terminal of so many columns, one per data set: names are the last to go."""
    tables = []
    for data in summary.data:
        about = (
            f"{data['name']}: {data['title']} ({data['n_train']} rows train, {data['n_test']} test)"
        )
        table = Table(title=escape(about), title_justify="left")
        titles, rows = header(data), grid(summary, data)
        shown = _fitting(titles, rows, width)
        for k in shown:
            if k == 1:
                table.add_column(titles[k], overflow="fold", min_width=NAME_WIDTH)
            else:
                table.add_column(titles[k], justify="right", no_wrap=True)
        for cells in rows:
            texts = [escape(cells[k]) for k in shown]
            table.add_row(*texts, style="bold" if cells[0] == "1" else None)
        tables.append(table)
    return tables


def _fitting(titles: list[str], rows: list[list[str]], width: int) -> list[int]:
    """Which columns fit, each with three characters of frame, once others have gone."""
    shown = list(range(len(titles)))
    needs = [3 + max(len(text) for text in column) for column in zip(titles, *rows, strict=True)]
    needs[1] = 3 + NAME_WIDTH
    for title in DISPENSABLE:
        if sum(needs[k] for k in shown) < width:
            break
        shown = [k for k in shown if titles[k] != title]
    return shown


def markdown(summary: Summary) -> str:
    """Tables for a pull request."""
    parts = []
    for data in summary.data:
        parts.append(f"### {md(data['name'])}: {md(data['title'])}")
        parts.append(md_table(header(data), grid(summary, data), names=(1,)))
    parts.append(CAPTION)
    found = comparisons(summary)
    if found:
        rows = [published_cells(comparison) for comparison in found]
        parts += [f"### {PUBLISHED_TITLE}", md_table(PUBLISHED_HEADER, rows, names=(0, 1, 2))]
        parts.append(PUBLISHED_CAPTION)
    return "\n\n".join(parts) + "\n"


def md_table(header: Sequence[str], rows: Sequence[Sequence[str]], names: Sequence[int]) -> str:
    """A Markdown table; columns in ``names`` are text, the others numbers."""
    rule = ["---" if k in names else "---:" for k in range(len(header))]
    lines = [_md_row(header), _md_row(rule, raw=True), *(_md_row(cells) for cells in rows)]
    return "\n".join(lines)


def _md_row(cells: Sequence[str], raw: bool = False) -> str:
    return "| " + " | ".join(cell if raw else md(cell) for cell in cells) + " |"


def md(text: str) -> str:
    """Text that Markdown shows as it is."""
    for mark in "\\|*_<>[]`":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", " ").replace("+-", "±")


def latex(summary: Summary) -> str:
    """Tables with booktabs."""
    parts = []
    for data in summary.data:
        head = " & ".join(_tex(name) for name in header(data))
        body = [" & ".join(_tex(c) for c in cells) + r" \\" for cells in grid(summary, data)]
        caption = _tex(f"{data['name']}. {CAPTION}")
        lines = [r"\begin{table}", rf"\caption{{{caption}}}"]
        lines.append(rf"\begin{{tabular}}{{rl{'r' * (len(header(data)) - 2)}}}")
        lines += [r"\toprule", head + r" \\", r"\midrule", *body, r"\bottomrule"]
        parts.append("\n".join([*lines, r"\end{tabular}", r"\end{table}"]))
    return "\n\n".join(parts) + "\n"


def _tex(text: str) -> str:
    escapes = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    escapes |= {mark: f"\\{mark}" for mark in "&%$#_{}"}
    return "".join(escapes.get(c, c) for c in text).replace("+-", r"$\pm$").replace("\n", " ")


def csv_text(records: pd.DataFrame) -> str:
    """Tidy records as CSV; text that a spreadsheet would run as a formula is made inert."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(records.columns)
    for row in records.itertuples(index=False):
        writer.writerow([_inert(value) for value in row])
    return out.getvalue()


def _inert(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    if isinstance(value, float):
        return "" if value != value else repr(value)
    return value
