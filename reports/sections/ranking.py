"""Methods ranked over all data sets, as a table."""

import math
from collections.abc import Sequence

from howrobust.analysis.ranking import Contest, Improvement
from howrobust.base.metric import Undefined
from howrobust.reports.number_text import TableCell
from howrobust.reports.table import Sheet, SheetRow

HEADER = ("method", "mean rank", "p against first", "nll below first's")
CAPTION = (
    "Ranks by nll, averaged over the data sets on which every method has every split. 'p against "
    "first': Wilcoxon's signed ranks over data sets, Holm's correction over all pairs. 'nll below "
    "first's': how often on a run of each, ties half, averaged over data sets, with a 95 % "
    "interval (Agarwal et al. 2021)."
)


def standings(contest: Contest, found: Sequence[Improvement] | Undefined) -> Sheet:
    """Methods by mean rank, each held against the first."""
    first = contest.methods[0]
    p = {(pair.method, pair.other): pair.p_holm for pair in contest.pairs}
    beats = {} if isinstance(found, Undefined) else {(i.method, i.other): i for i in found}
    rows = []
    for method in contest.methods:
        rank, p_first = contest.mean_ranks[method], p.get((first, method))
        cells = [
            TableCell(method),
            TableCell(f"{rank:.2f}", rank),
            TableCell("-") if p_first is None else TableCell(f"{p_first:.2g}", p_first),
            _probability(beats.get((method, first))),
        ]
        rows.append(SheetRow(cells, method=method))
    return Sheet(f"mean ranks over {len(contest.datasets)} data sets", HEADER, (0,), rows)


def _probability(found: Improvement | None) -> TableCell:
    """A probability in percent, with its interval where there is one."""
    if found is None:
        return TableCell("-")
    share, lower, upper = found.probability, found.lower, found.upper
    interval = "" if math.isnan(lower) else f" [{100 * lower:.0f}, {100 * upper:.0f}]"
    return TableCell(f"{100 * share:.0f} %{interval}", share)
