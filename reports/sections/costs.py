"""What a fit and a draw cost, alone and against nll."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import Estimate
from howrobust.reports.sections.scores import ScoreRow, cost_cell
from howrobust.reports.table import Table, TableCell, TableRow, kind_of

COLUMNS = {
    "fit_cpu_s": "fit CPU s",
    "fit_wall_s": "fit wall s",
    "us_per_draw": "µs/draw",
    "peak_rss_mb": "peak MiB",
    "stack_size": "stack",
}
AXES = {"fit_cpu_s": "CPU seconds of a fit", "us_per_draw": "µs per draw"}


@dataclass(frozen=True)
class CostPoint:
    """A method by its cost and its nll.

    Parameters
    ----------
    cost : float
        Mean over splits, greater than 0.
    nll : Estimate
        Mean over splits with its interval.
    method : str
        Label of the method.
    """

    cost: float
    nll: Estimate
    method: str


@dataclass(frozen=True)
class CostTradeoff:
    """nll against a cost on a data set.

    Parameters
    ----------
    dataset : str
        Name of the data set.
    label : str
        The cost, with its unit.
    points : tuple of CostPoint
        The ranked methods that have the cost.
    marginal : Estimate or None
        nll of a forecast that ignores the inputs.
    """

    dataset: str
    label: str
    points: tuple[CostPoint, ...]
    marginal: Estimate | None

    @property
    def front(self) -> list[CostPoint]:
        """The points that no other dominates in cost and nll, cheapest first."""
        kept: list[CostPoint] = []
        for point in sorted(self.points, key=lambda p: (p.cost, p.nll.mean)):
            if not kept or point.nll.mean < kept[-1].nll.mean:
                kept.append(point)
        return kept


def cost_tradeoffs(
    scores: Scores, rows: Mapping[str, Sequence[ScoreRow]]
) -> tuple[CostTradeoff, ...]:
    """Return nll against each cost on each data set.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    rows : mapping of str to sequence of ScoreRow
        The methods on each data set, in order.

    Returns
    -------
    tuple of CostTradeoff
        Two for each data set; empty where no method is ranked on any.
    """
    if not any(row.rank for of_data_set in rows.values() for row in of_data_set):
        return ()
    return tuple(
        CostTradeoff(dataset, label, _points(rows[dataset], cost), marginal)
        for dataset, marginal in ((d, scores.estimate(d, "marginal", "nll")) for d in rows)
        for cost, label in AXES.items()
    )


def _points(rows: Sequence[ScoreRow], cost: str) -> tuple[CostPoint, ...]:
    """Cost and nll of the ranked methods that have both."""
    return tuple(
        CostPoint(row.costs[cost], nll, row.method)
        for row in rows
        if row.rank is not None and (nll := row.scores["nll"]) and row.costs.get(cost, 0.0) > 0
    )


def cost_table(rows: Mapping[str, Sequence[ScoreRow]]) -> Table:
    """Return what a fit and a draw of each method cost on each data set.

    Parameters
    ----------
    rows : mapping of str to sequence of ScoreRow
        The methods on each data set, in order.

    Returns
    -------
    Table
        A row for each method and data set with a cost.
    """
    shown = []
    for dataset, row in ((name, row) for name, of_data_set in rows.items() for row in of_data_set):
        if row.costs:
            numbers = [cost_cell(row, cost) for cost in COLUMNS]
            cells = [TableCell(dataset), TableCell(row.method), *numbers]
            shown.append(TableRow(cells, dataset, row.method, kind_of(row.method)))
    return Table("costs", ["data set", "method", *COLUMNS.values()], (0, 1), shown)
