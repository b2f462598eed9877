"""Cells of a run's tables: numbers as text that a person reads, with the exact ones behind."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from howrobust.analysis.run_scores import REFERENCES
from howrobust.analysis.statistics import Estimate
from howrobust.base.facts import DataFacts
from howrobust.reports.sections.published_results import Published, PublishedComparison
from howrobust.reports.sections.scores import Row

SCORES = ("nll", "rmse", "crps")
KNOWN_TRUTH = "kl_to_truth"  # shown where the truth is known
MOST_DIGITS = 6
CAPTION = (
    "Mean over splits ± standard error, ranked by nll (nats, lower is better). 'nll above best': "
    "paired by split, with its 95 % interval; ≈ where all splits together cannot tell it from 0 "
    "(5 %, Holm's correction over all pairs of methods). A share in place of a rank: splits that "
    "have an nll. 'inside 95 %': held-out points inside their 95 % interval. 'in null "
    "band': splits whose calibration error is within the 95 % null band of a perfect forecaster."
)
BEST = "the best of its column, and distinguishable from every other ranked method (as for nll)"
PUBLISHED_TITLE = "Beside published results"
PUBLISHED_HEADER = ("data set", "method", "score", "ours", "published", "difference", "spread")
PUBLISHED_CAPTION = (
    "Mean over splits ± standard error, on the published splits. 'difference': ours less theirs "
    "in standard errors, paired by split where their results of every split are known; 2 or more "
    "in either direction is an exception (!). Brackets: a reference of another protocol, not a "
    "target."
)


@dataclass(frozen=True)
class TableCell:
    """A cell of a table: its text and, where it is a number, the exact one."""

    text: str
    value: float | None = None
    best: bool = False  # the column's best, and distinguishable from every other's


def number(estimate: Estimate | None) -> str:
    """Mean ± standard error, to two digits of the error but no more than six of the larger.

    Four digits where there is no error. Both share a power of ten where they are far from 1.
    """
    if estimate is None:
        return "-"
    mean, se = estimate.mean, estimate.se
    if not 0 < se < math.inf:  # one split, or equal scores
        return significant(mean)
    power = _power(mean, se)
    if not -5 < power < 6:
        return f"({_mean_and_error(mean / 10.0**power, se / 10.0**power)})e{power:+03d}"
    return _mean_and_error(mean, se)


def _power(mean: float, se: float) -> int:
    """Decimal exponent of the larger."""
    return math.floor(math.log10(max(abs(mean), se)))


def _decimals(mean: float, se: float) -> int:
    error = 1 - math.floor(math.log10(se))
    return max(0, min(error, MOST_DIGITS - 1 - _power(mean, se)))


def _mean_and_error(mean: float, se: float) -> str:
    decimals = _decimals(mean, se)
    error = f"{se:.{decimals}f}"
    if not float(error):
        error = f"<{10.0**-decimals:.{decimals}f}"
    return f"{mean:.{decimals}f} ± {error}"


def significant(value: float) -> str:
    """Four significant digits; a power of ten only where a number is far from 1."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"


def signed(estimate: Estimate) -> str:
    """A difference with its interval, to two digits of its standard error."""
    mean, se = estimate.mean, estimate.se
    if not 0 < se < math.inf:
        return f"{mean:+.4g}"
    shape = f".{_decimals(mean, se)}f" if -5 < _power(mean, se) < 6 else ".2e"
    return f"{mean:+{shape}} [{estimate.lower:{shape}}, {estimate.upper:{shape}}]"


def cost(row: Row, name: str) -> str:
    """A cost with two significant digits, whole from ten on."""
    if name not in row.costs:
        return "-"
    value = row.costs[name]
    return f"{value:.0f}" if value >= 9.95 else f"{value:.2g}"


def place(row: Row) -> str:
    """Rank; a method without an nll on every split has none: how many it has stands there."""
    if row.rank is not None:
        return str(row.rank)
    scored, planned = row.scored_splits
    return "" if row.method in REFERENCES or scored == planned else f"{scored}/{planned}"


def above_best(row: Row) -> TableCell:
    """The paired difference of a ranked method's nll to the first's; ≈ where it may be 0."""
    if row.rank == 1:
        return TableCell("0", 0.0)
    if row.behind is None:
        return TableCell("-")
    estimate = row.behind.estimate
    return TableCell(f"{'≈ ' if row.tied else ''}{signed(estimate)}", estimate.mean)


def inside(row: Row) -> str:
    """Share of held-out points inside their 95 % interval, with Wilson's interval."""
    if row.coverage_95 is None:
        return "-"
    share, lower, upper = (100 * v for v in row.coverage_95)
    return f"{share:.1f} % [{lower:.1f}, {upper:.1f}]"


def header(data: DataFacts) -> list[str]:
    """Titles of the columns of a data set's table."""
    truth = ["kl to truth"] if data.limits else []
    nll, *others = SCORES
    scores = [nll, "nll above best", *others, *truth]
    return ["rank", "method", *scores, "inside 95 %", "in null band", "fit s", "µs/draw"]


def cells_of(row: Row, data: DataFacts) -> list[TableCell]:
    """Cells of a row, in the order of `header`."""
    nll, *others = (_score(row, name) for name in SCORES)
    truth = [_score(row, KNOWN_TRUTH)] if data.limits else []
    within, of = row.in_null_band
    return [
        TableCell(place(row), None if row.rank is None else float(row.rank)),
        TableCell(row.method),
        *(nll, above_best(row), *others, *truth),
        TableCell(inside(row), row.coverage_95[0] if row.coverage_95 else None),
        TableCell(f"{within}/{of}", within / of) if of else TableCell("-"),
        *(
            TableCell(cost(row, name), row.costs.get(name))
            for name in ("fit_wall_s", "us_per_draw")
        ),
    ]


def _score(row: Row, name: str) -> TableCell:
    estimate = row.scores[name]
    return TableCell(number(estimate), estimate.mean if estimate else None, name in row.best)


def limits_of(limits: dict[str, float]) -> list[TableCell]:
    """Cells of the row of limits of a known truth, in the order of `header`."""
    nll = TableCell(f"{limits['nll']:.3f} (Gaussian {limits['nll_gaussian']:.3f})", limits["nll"])
    rmse, none = TableCell(f"{limits['rmse']:.3f}", limits["rmse"]), TableCell("")
    scores = [nll, none, rmse, none, TableCell("0", 0.0)]
    return [none, TableCell("limit of the truth"), *scores, none, none, none, none]


def told_apart(rows: Sequence[Row]) -> str:
    """From which methods the first by nll can be told, and on how many splits that rests."""
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


def published_cells(comparison: PublishedComparison) -> list[TableCell]:
    """Cells of a comparison, in the order of `PUBLISHED_HEADER`."""
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
        TableCell(printed(comparison.theirs), comparison.theirs.mean),
        TableCell(difference, comparison.difference),
        TableCell(comparison.theirs.spread or "no spread given"),
    ]


def printed(published: Published) -> str:
    """A published mean as it was printed, with its standard error."""
    decimals = min(4, max(0, round(-math.log10(published.unit))))
    mean = f"{published.mean:.{decimals}f}"
    return mean if published.se is None else f"{mean} ± {published.se:.2g}"


def single_line(text: str) -> str:
    """Text on one line without control characters: names come from files and plug-ins."""
    return "".join(c if c.isprintable() else " " for c in text)
