"""Published results beside a run's, as a table."""

import math
from collections.abc import Sequence

from howrobust.reports.number_text import number
from howrobust.reports.sections.published_results import Published, PublishedComparison
from howrobust.reports.table import Table, TableCell, TableRow

TITLE = "Beside published results"
HEADER = ("data set", "method", "score", "ours", "published", "difference", "spread")
CAPTION = (
    "Mean over splits ± standard error, on the published splits. 'difference': ours minus the "
    "published, in standard errors, paired by split where the published results of every split are "
    "known; 2 or more in either direction is an exception (!). Brackets: a reference of another "
    "protocol, not a target."
)


def published_table(comparisons: Sequence[PublishedComparison]) -> Table:
    """Return published results beside a run's.

    Parameters
    ----------
    comparisons : sequence of PublishedComparison
        The comparisons.

    Returns
    -------
    Table
        A row for each comparison.
    """
    rows = [TableRow(_cells(c), c.dataset, c.method) for c in comparisons]
    return Table("published numbers beside ours", HEADER, (0, 1, 2, 6), rows)


def _cells(comparison: PublishedComparison) -> list[TableCell]:
    difference = f"{comparison.difference:+.1f}{' paired' if comparison.paired else ''}"
    if not comparison.reproduces:
        difference = f"[{difference}]"
    elif comparison.is_exception:
        difference += " !"
    return [
        TableCell(comparison.dataset),
        TableCell(comparison.method),
        TableCell(comparison.metric),
        TableCell(number(comparison.ours), comparison.ours.mean),
        TableCell(published_number(comparison.theirs), comparison.theirs.mean),
        TableCell(difference, comparison.difference),
        TableCell(comparison.theirs.spread or "no spread given"),
    ]


def published_number(published: Published) -> str:
    """Return a published mean as it was printed, with its standard error.

    Parameters
    ----------
    published : Published
        The published result.

    Returns
    -------
    str
        Such as "1.58 ± 0.11".
    """
    decimals = min(4, max(0, round(-math.log10(published.unit))))
    mean = f"{published.mean:.{decimals}f}"
    return mean if published.se is None else f"{mean} ± {published.se:.2g}"
