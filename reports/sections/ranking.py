"""The methods ranked over all data sets, and compared in pairs on each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from howrobust.analysis.ranking import Contest, Improvement
from howrobust.base.metric import Undefined
from howrobust.reports.number_text import signed
from howrobust.reports.sections.scores import ScoreRow
from howrobust.reports.table import Table, TableCell, TableRow, p_value_cell

HEADER = ("method", "mean rank", "p against first", "nll below first's")
CAPTION = (
    "Ranks by nll, averaged over the data sets on which every method has every split. 'p against "
    "first': Wilcoxon's signed ranks over data sets, Holm's correction over all pairs. 'nll below "
    "first's': how often a run of the method has a lower nll than one of the first, ties counting "
    "half, averaged over data sets, with a 95 % interval (Agarwal et al. 2021)."
)
DIFFERENCES = (
    "data set", "method", "compared with", "nll above it", "p (Holm)", "p < 0.05", "splits",
    "missing",
)  # fmt: skip


@dataclass(frozen=True)
class RankingSection:
    """The ranking over all data sets.

    Parameters
    ----------
    table : Table or None
        Methods by mean rank; None where there is no ranking.
    reason : str
        Why there is no ranking; "" where there is one.
    sentence : str
        How many data sets count, and Friedman's test; "" without a ranking.
    note : str
        What was left out, and whether any two methods could differ significantly.
    caption : str
        What the columns are.
    """

    table: Table | None
    reason: str
    sentence: str
    note: str
    caption: str = CAPTION


def ranking_section(
    contest: Contest | Undefined, improvements: Sequence[Improvement] | Undefined, n_datasets: int
) -> RankingSection:
    """Return the ranking over all data sets.

    Parameters
    ----------
    contest : Contest or Undefined
        Mean ranks and their tests, or why there are none.
    improvements : sequence of Improvement or Undefined
        Probabilities of improvement of every ordered pair of methods.
    n_datasets : int
        Number of data sets of the run.

    Returns
    -------
    RankingSection
        The section.
    """
    if isinstance(contest, Undefined):
        return RankingSection(None, contest.reason, "", "")
    missing = ", ".join(f"{method} on {dataset}" for dataset, method in contest.missing)
    sentence = (
        f"{len(contest.datasets)} of {n_datasets} data sets have a score of every ranked method on "
        f"every split, and count here{f'; missing: {missing}' if missing else ''}. Friedman's test "
        f"that all methods are alike: p = {contest.friedman_p:.2g}."
    )
    return RankingSection(_ranking_table(contest, improvements), "", sentence, contest.note)


def _ranking_table(contest: Contest, improvements: Sequence[Improvement] | Undefined) -> Table:
    """Methods by mean rank, each compared with the first."""
    first = contest.methods[0]
    p = {(pair.method, pair.other): pair.p_holm for pair in contest.pairs}
    each = () if isinstance(improvements, Undefined) else improvements
    better = {(i.method, i.other): i for i in each}
    rows = []
    for method in contest.methods:
        rank, p_first = contest.mean_ranks[method], p.get((first, method))
        cells = [
            TableCell(method),
            TableCell(f"{rank:.2f}", rank),
            TableCell("-") if p_first is None else TableCell(f"{p_first:.2g}", p_first),
            _probability(better.get((method, first))),
        ]
        rows.append(TableRow(cells, method=method))
    return Table(f"mean ranks over {len(contest.datasets)} data sets", HEADER, (0,), rows)


def _probability(improvement: Improvement | None) -> TableCell:
    """A probability in percent, with its interval where there is one."""
    if improvement is None:
        return TableCell("-")
    share, lower, upper = improvement.probability, improvement.lower, improvement.upper
    interval = "" if math.isnan(lower) else f" [{100 * lower:.0f}, {100 * upper:.0f}]"
    return TableCell(f"{100 * share:.0f} %{interval}", share)


def difference_table(rows: Mapping[str, Sequence[ScoreRow]]) -> Table:
    """Return the paired differences in nll to the first of each data set.

    Parameters
    ----------
    rows : mapping of str to sequence of ScoreRow
        The methods on each data set, in order.

    Returns
    -------
    Table
        A row for each method and data set, but for the first of each data set.
    """
    shown = []
    for dataset, row in ((name, row) for name, of_data_set in rows.items() for row in of_data_set):
        difference = row.behind
        if difference is None:
            continue
        cells = [
            *(TableCell(name) for name in (dataset, row.method, difference.other)),
            TableCell(signed(difference.estimate), difference.estimate.mean),
            p_value_cell(difference.p_holm),
            TableCell("yes" if difference.distinguishable else "no"),
            *(TableCell(str(n), float(n)) for n in (difference.pairs, difference.missing)),
        ]
        shown.append(TableRow(cells, dataset, row.method))
    return Table(
        "paired differences to the best of each data set", DIFFERENCES, (0, 1, 2, 5), shown
    )
