"""The methods on a data set: their scores, their rank, and the table that shows them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from howrobust.analysis.cards.measures import coverage_95
from howrobust.analysis.complete_blocks import ranked_methods
from howrobust.analysis.differences import Difference, differences
from howrobust.analysis.measured import Measured
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import Estimate
from howrobust.base.facts import REFERENCES, DataFacts, MetricFacts
from howrobust.base.records import COSTS
from howrobust.reports.number_text import number, signed, two_digits
from howrobust.reports.sections.protocol import signs_of
from howrobust.reports.table import Table, TableCell, TableRow, kind_of

KNOWN_TRUTH = "kl_to_truth"  # shown where the truth is known
SCORES = ("nll", "rmse", "crps")
SHOWN = (*SCORES, KNOWN_TRUTH)
CAPTION = (
    "Mean over splits ± standard error, ranked by nll (nats, lower is better). 'nll above best': "
    "paired by split, with its 95 % interval; ≈ where the difference over all splits is not "
    "significant (5 %, Holm's correction over all pairs of methods). A share in place of a rank: "
    "splits that have an nll. 'inside 95 %': held-out points inside their 95 % interval. 'within "
    "null band': splits whose calibration error is within the 95 % null band of a perfect "
    "forecaster."
)
BEST = "the best of its column, and distinguishable from every other ranked method (as for nll)"


@dataclass(frozen=True)
class ScoreRow:
    """The scores of a method on a data set.

    Parameters
    ----------
    method : str
        Label of the method.
    rank : int or None
        Rank by nll among the ranked methods; None for references and for methods without an nll on
        every split.
    behind : Difference or None
        Its nll less that of the first; None for the first and for the unranked.
    best : frozenset of str
        Scores in which it leads every other ranked method distinguishably.
    scores : dict of str to Estimate or None
        Means over splits by metric.
    coverage_95 : Measured or None
        Share of held-out points inside their 95 % interval, with Wilson's interval.
    within_null_band : tuple of (int, int)
        Splits whose mace is within the 95 % null band, of how many.
    scored_splits : tuple of (int, int)
        Splits that have an nll, of those planned.
    costs : dict of str to float
        Means over splits by name of the cost.
    """

    method: str
    rank: int | None
    behind: Difference | None
    best: frozenset[str]
    scores: dict[str, Estimate | None]
    coverage_95: Measured | None
    within_null_band: tuple[int, int]
    scored_splits: tuple[int, int]
    costs: dict[str, float]

    @property
    def tied(self) -> bool:
        """Whether several splits do not distinguish its nll from the first's."""
        return self.behind is not None and self.behind.pairs > 1 and not self.behind.distinguishable


def score_rows(scores: Scores, dataset: str) -> tuple[ScoreRow, ...]:
    """Return ranked methods by nll, the rest, then the references.

    A method is ranked if it has an nll on every planned split: a mean over the splits that it
    finished is not comparable with a mean over all of them.

    Parameters
    ----------
    scores : Scores
        The scores of the run.
    dataset : str
        Name of the data set.

    Returns
    -------
    tuple of ScoreRow
        One row for each method that the run has on the data set.
    """
    present = [
        m
        for m in scores.methods
        if any((c.method, c.dataset) == (m, dataset) for c in scores.cells)
    ]
    candidates = [m for m in ranked_methods(scores) if m in present]
    planned = scores.planned_splits(dataset)
    nll = {m: scores.values(dataset, m, "nll") for m in candidates}
    means = {m: float(v.mean()) for m, v in nll.items() if len(v) == planned}
    order = sorted(means, key=lambda m: means[m])
    signs = dict.fromkeys(SHOWN, 1) | signs_of(scores.plugin_metrics)
    gaps = {metric: differences(scores, dataset, metric) for metric in signs}
    leads = {
        metric: _leader(scores, dataset, metric, order, gaps[metric], sign)
        for metric, sign in signs.items()
    }
    rows = []
    for k, method in enumerate(order):
        best = frozenset(metric for metric in signs if leads[metric] == method)
        behind = _between(gaps["nll"], method, order[0]) if k else None
        rows.append(_row(scores, dataset, method, k + 1, behind, best))
    unranked = [m for m in candidates if m not in means]
    rest = [*unranked, *(m for m in present if m not in candidates)]
    return (*rows, *(_row(scores, dataset, m, None, None, frozenset()) for m in rest))


def _leader(
    scores: Scores,
    dataset: str,
    metric: str,
    methods: Sequence[str],
    gaps: Sequence[Difference],
    sign: int,
) -> str | None:
    """The method with the best mean, if it differs distinguishably from each of the others."""
    estimates = {m: scores.estimate(dataset, m, metric) for m in methods}
    means = {m: sign * estimate.mean for m, estimate in estimates.items() if estimate}
    if len(means) < 2:
        return None
    least = min(means, key=lambda m: means[m])
    pairs = [_between(gaps, m, least) for m in means if m != least]
    return least if all(pair and pair.distinguishable for pair in pairs) else None


def _between(gaps: Sequence[Difference], method: str, other: str) -> Difference | None:
    """The difference of a method to another, whichever way round it was taken."""
    for gap in gaps:
        if (gap.method, gap.other) == (method, other):
            return gap
        if (gap.method, gap.other) == (other, method):
            e = gap.estimate
            turned = Estimate(-e.mean, e.se, -e.upper, -e.lower)
            return replace(gap, method=method, other=other, estimate=turned)
    return None


def _row(
    scores: Scores,
    dataset: str,
    method: str,
    rank: int | None,
    behind: Difference | None,
    best: frozenset[str],
) -> ScoreRow:
    covered = coverage_95(scores, dataset, method, "")
    shown = (*SHOWN, *(facts.name for facts in scores.plugin_metrics))
    mace = scores.values(dataset, method, "mace")
    edge = scores.values(dataset, method, "mace_null_95")
    costs = {name: scores.values(dataset, method, name) for name in COSTS}
    return ScoreRow(
        method=method,
        rank=rank,
        behind=behind,
        best=best,
        scores={metric: scores.estimate(dataset, method, metric) for metric in shown},
        coverage_95=covered if isinstance(covered, Measured) else None,
        within_null_band=(int((mace <= edge).sum()), len(mace)),
        scored_splits=(
            len(scores.values(dataset, method, "nll")), scores.planned_splits(dataset)
        ),
        costs={name: float(v.mean()) for name, v in costs.items() if not v.empty},
    )  # fmt: skip


def mean_ranks(rows: Mapping[str, Iterable[ScoreRow]]) -> dict[str, float]:
    """Return mean ranks by nll of the methods ranked on every data set.

    Parameters
    ----------
    rows : mapping of str to iterable of ScoreRow
        The rows of each data set.

    Returns
    -------
    dict of str to float
        Mean ranks by method, the best first.
    """
    ranks: dict[str, list[int]] = {}
    for row in (row for of_data_set in rows.values() for row in of_data_set):
        if row.rank is not None:
            ranks.setdefault(row.method, []).append(row.rank)
    means = {m: float(np.mean(r)) for m, r in ranks.items() if len(r) == len(rows)}
    return dict(sorted(means.items(), key=lambda item: item[1]))


def score_table(
    rows: Iterable[ScoreRow], data: DataFacts, plugins: Sequence[MetricFacts] = ()
) -> Table:
    """Return the table of a data set, with the limits of a known truth.

    Parameters
    ----------
    rows : iterable of ScoreRow
        The methods on the data set, in order.
    data : DataFacts
        Facts of the data set.
    plugins : sequence of MetricFacts, default ()
        The metrics of plug-ins, each a column after those of howrobust.

    Returns
    -------
    Table
        A row for each method.
    """
    names = [facts.name for facts in plugins]
    shown = []
    for row in rows:
        kind = "first" if row.rank == 1 else kind_of(row.method)
        shown.append(TableRow(_cells(row, data, names), data.name, row.method, kind))
    if data.limits:
        shown.append(TableRow(_limits(data.limits, names), data.name, kind="reference"))
    return Table(f"scores on {data.name}", _header(data, names), (1,), shown, tuple(names))


def _header(data: DataFacts, plugins: Sequence[str]) -> list[str]:
    truth = ["kl to truth"] if data.limits else []
    nll, *others = SCORES
    scores = [nll, "nll above best", *others, *truth]
    shares = ["inside 95 %", "within null band"]
    return ["rank", "method", *scores, *shares, *plugins, "fit s", "µs/draw"]


def _cells(row: ScoreRow, data: DataFacts, plugins: Sequence[str]) -> list[TableCell]:
    """Cells of a row, in the order of the header."""
    nll, *others = (_score(row, name) for name in SCORES)
    truth = [_score(row, KNOWN_TRUTH)] if data.limits else []
    within, of = row.within_null_band
    return [
        TableCell(_rank(row), None if row.rank is None else float(row.rank)),
        TableCell(row.method),
        *(nll, _above_best(row), *others, *truth),
        TableCell(coverage_text(row), row.coverage_95.value if row.coverage_95 else None),
        TableCell(f"{within}/{of}", within / of) if of else TableCell("-"),
        *(_score(row, name) for name in plugins),
        *(cost_cell(row, name) for name in ("fit_wall_s", "us_per_draw")),
    ]


def _score(row: ScoreRow, name: str) -> TableCell:
    estimate = row.scores[name]
    return TableCell(number(estimate), estimate.mean if estimate else None, name in row.best)


def _rank(row: ScoreRow) -> str:
    """The rank; in its place, for a method without an nll on every split, how many it has."""
    if row.rank is not None:
        return str(row.rank)
    scored, planned = row.scored_splits
    return "" if row.method in REFERENCES or scored == planned else f"{scored}/{planned}"


def _above_best(row: ScoreRow) -> TableCell:
    """The paired difference of a ranked method's nll to the first's; ≈ where it may be 0."""
    if row.rank == 1:
        return TableCell("0", 0.0)
    if row.behind is None:
        return TableCell("-")
    estimate = row.behind.estimate
    return TableCell(f"{'≈ ' if row.tied else ''}{signed(estimate)}", estimate.mean)


def coverage_text(row: ScoreRow) -> str:
    """Return the share of held-out points inside their 95 % interval.

    Parameters
    ----------
    row : ScoreRow
        A method on a data set.

    Returns
    -------
    str
        The share in percent with Wilson's interval, or a dash.
    """
    if row.coverage_95 is None:
        return "-"
    c = row.coverage_95
    share, lower, upper = (100 * v for v in (c.value, c.lower or 0.0, c.upper or 1.0))
    return f"{share:.1f} % [{lower:.1f}, {upper:.1f}]"


def cost_cell(row: ScoreRow, name: str) -> TableCell:
    """Return a cost of a method on a data set.

    Parameters
    ----------
    row : ScoreRow
        A method on a data set.
    name : str
        Name of the cost.

    Returns
    -------
    TableCell
        The cost, or a dash where it was not measured.
    """
    if name not in row.costs:
        return TableCell("-")
    return TableCell(two_digits(row.costs[name]), row.costs[name])


def _limits(limits: Mapping[str, float], plugins: Sequence[str]) -> list[TableCell]:
    """Cells of the row of limits of a known truth, in the order of the header."""
    nll = TableCell(f"{limits['nll']:.3f} (Gaussian {limits['nll_gaussian']:.3f})", limits["nll"])
    rmse, none = TableCell(f"{limits['rmse']:.3f}", limits["rmse"]), TableCell("")
    scores = [nll, none, rmse, none, TableCell("0", 0.0)]
    return [none, TableCell("limit of the truth"), *scores, *[none] * (4 + len(plugins))]


def first_against_others(rows: Iterable[ScoreRow]) -> str:
    """Say from which methods the first by nll is distinguishable.

    Parameters
    ----------
    rows : iterable of ScoreRow
        The methods on a data set, in order.

    Returns
    -------
    str
        The sentence; "" where no two methods are ranked.
    """
    ranked = [row for row in rows if row.rank is not None]
    others = [(row, row.behind) for row in ranked[1:] if row.behind]
    if not others:
        return ""
    splits = min(behind.pairs for _, behind in others)
    if splits < 2:
        return "One split gives no interval of a difference of nll: run more splits."
    apart = [row.method for row, behind in others if not row.tied]
    tied = [f"{row.method} (p = {behind.p_holm:.2g})" for row, behind in others if row.tied]
    parts = [f"distinguishably better than {', '.join(apart)}"] if apart else []
    parts += [f"not distinguishable from {', '.join(tied)}"] if tied else []
    return f"By nll on {splits} splits {ranked[0].method} is {'; '.join(parts)}."
