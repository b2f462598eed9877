"""The tables of a run: rows of cells that know which method and data set they speak of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.measures import coverage
from howrobust.analysis.degradation import degradation
from howrobust.analysis.measured import Measured
from howrobust.analysis.run_scores import REFERENCES
from howrobust.analysis.variance_parts import variance_parts
from howrobust.base.facts import DataFacts
from howrobust.base.metric import Undefined
from howrobust.reports import number_text as tables
from howrobust.reports.card_html import Tile
from howrobust.reports.number_text import TableCell
from howrobust.reports.sections.published_results import comparisons
from howrobust.reports.sections.scores import Summary

COVERED = (0.5, 0.9, 0.95, 0.997)  # stated probabilities of central intervals
COSTS = {
    "fit_cpu_s": "fit CPU s",
    "fit_wall_s": "fit wall s",
    "us_per_draw": "µs/draw",
    "peak_rss_mb": "peak MiB",
    "stack_size": "stack",
}


@dataclass(frozen=True)
class SheetRow:
    """A row: its cells, and the data set and method it is about ("" where it is about none).

    ``kind``: "first" leads, "reference" is never ranked; "" for the others.
    """

    cells: Sequence[TableCell]
    dataset: str = ""
    method: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Sheet:
    """A table: what it shows, its columns, of which ``names`` are text, and its rows."""

    label: str
    header: Sequence[str]
    names: Sequence[int]
    rows: Sequence[SheetRow]


def kind_of(method: str) -> str:
    """The kind of a row on a method."""
    return "reference" if method in REFERENCES else ""


def number(value: float) -> TableCell:
    """Three significant digits; a dash where there is no number."""
    return TableCell("-") if math.isnan(value) else TableCell(f"{value:.3g}", value)


def share_of(found: Measured) -> TableCell:
    """A share in percent with its interval."""
    limits = [f"{100 * v:.1f}" for v in (found.lower, found.upper) if v is not None]
    interval = f" [{', '.join(limits)}]" if limits else ""
    return TableCell(f"{100 * found.value:.1f} %{interval}", found.value)


def scores(summary: Summary, data: DataFacts) -> Sheet:
    """The methods on a data set, ranked, and the limits of a known truth."""
    name = data.name
    rows = []
    for row in summary.rows(name):
        kind = "first" if row.rank == 1 else kind_of(row.method)
        rows.append(SheetRow(tables.cells_of(row, data), name, row.method, kind))
    if data.limits:
        rows.append(SheetRow(tables.limits_of(data.limits), name, kind="reference"))
    return Sheet(f"scores on {name}", tables.header(data), (1,), rows)


def part_ranks(cards: Sequence[Card], parts: Sequence[Sequence[Tile]]) -> Sheet:
    """Mean rank of each method by the headline of each part of its card."""
    rows = [
        SheetRow([TableCell(card.method), *map(_mean_rank, tiles)], method=card.method)
        for card, tiles in zip(cards, parts, strict=True)
    ]
    titles = [tile.part for tile in parts[0]]
    return Sheet("mean rank by each part of the cards", ["method", *titles], (0,), rows)


def _mean_rank(tile: Tile) -> TableCell:
    if tile.mean_rank is None:
        return TableCell("-")
    partly = f" on {tile.ranked_on}" if tile.ranked_on < len(tile.headlines) else ""
    return TableCell(f"{tile.mean_rank:.1f}{partly}", tile.mean_rank)


def differences(summary: Summary) -> Sheet:
    """The nll of every ranked method less that of the first on each data set, paired by split."""
    rows = []
    for data in summary.data:
        for row in summary.rows(data.name):
            found = row.behind
            if found is None:
                continue
            names = [TableCell(data.name), TableCell(row.method), TableCell(found.other)]
            mean = TableCell(tables.signed(found.estimate), found.estimate.mean)
            counts = [TableCell(str(n), float(n)) for n in (found.pairs, found.missing)]
            verdict = TableCell("yes" if found.distinguishable else "no")
            cells = [*names, mean, p_value(found.p_holm), verdict, *counts]
            rows.append(SheetRow(cells, data.name, row.method))
    header = ["data set", "method", "held against", "nll above it", "p (Holm)", "p < 0.05"]
    label = "paired differences to the best of each data set"
    return Sheet(label, [*header, "splits", "missing"], (0, 1, 2, 5), rows)


def p_value(p: float) -> TableCell:
    """A p-value to two digits; a dash where there is none."""
    if math.isnan(p):
        return TableCell("-")
    return TableCell("< 0.001" if p < 0.001 else f"{p:.3f}", p)


def covered(summary: Summary) -> Sheet:
    """Stated against observed probability of central intervals, pooled over splits."""
    rows = []
    for data in summary.data:
        name = data.name
        for method in summary.methods:
            if summary.finished(name, method):
                shares = [_covered(summary, name, method, level) for level in COVERED]
                cells = [TableCell(name), TableCell(method), *shares]
                rows.append(SheetRow(cells, name, method, kind_of(method)))
    header = ["data set", "method", *(f"inside {100 * level:.4g} %" for level in COVERED)]
    return Sheet("points inside intervals, observed against stated", header, (0, 1), rows)


def _covered(summary: Summary, dataset: str, method: str, level: float) -> TableCell:
    found = coverage(summary, dataset, method, level)
    return TableCell("-") if isinstance(found, Undefined) else share_of(found)


def degraded(summary: Summary) -> dict[str, Sheet]:
    """What every level of each stress does beside no stress, by stress."""
    rows: dict[str, list[SheetRow]] = {}
    for row in degradation(summary).to_dict("records"):
        dataset, method, level = row["dataset"], row["method"], row["level"]
        found = ("rmse_ratio", "nll_difference", "coverage_90", "sd_ratio")
        numbers = [TableCell(f"{level:g}", level), *(number(row[name]) for name in found)]
        cells = [TableCell(dataset), TableCell(method), *numbers]
        rows.setdefault(row["stress"], []).append(SheetRow(cells, dataset, method, kind_of(method)))
    header = ["data set", "method", "level", "rmse / clean", "nll - clean", "inside 90 %"]
    header.append("sd / clean")
    return {
        stress: Sheet(f"every level of {stress.replace('_', ' ')}", header, (0, 1), found)
        for stress, found in rows.items()
    }


def variance(summary: Summary) -> Sheet:
    """Variance components of rmse and nll; no rows where all are undefined."""
    rows = []
    for metric in ("rmse", "nll"):
        for row in variance_parts(summary, metric).to_dict("records"):
            if row["reason"]:
                continue
            dataset, method, share = row["dataset"], row["method"], row["share"]
            interval = f"{row['variance']:.3g} [{row['lower']:.3g}, {row['upper']:.3g}]"
            names = [TableCell(word) for word in (dataset, method, metric, row["component"])]
            cells = [
                *names,
                TableCell(f"{100 * share:.0f} %", share),
                TableCell(interval, row["variance"]),
            ]
            rows.append(SheetRow(cells, dataset, method))
    header = ["data set", "method", "score", "component", "share", "variance"]
    return Sheet("parts of the variance of scores", header, (0, 1, 2, 3), rows)


def costs(summary: Summary) -> Sheet:
    """What a fit and a draw cost."""
    rows = []
    for data in summary.data:
        for row in summary.rows(data.name):
            if row.costs:
                numbers = [TableCell(tables.cost(row, name), row.costs.get(name)) for name in COSTS]
                cells = [TableCell(data.name), TableCell(row.method), *numbers]
                rows.append(SheetRow(cells, data.name, row.method, kind_of(row.method)))
    return Sheet("costs", ["data set", "method", *COSTS.values()], (0, 1), rows)


def published(summary: Summary) -> Sheet:
    """Published numbers beside ours."""
    rows = [
        SheetRow(tables.published_cells(found), found.dataset, found.method)
        for found in comparisons(summary)
    ]
    return Sheet("published numbers beside ours", tables.PUBLISHED_HEADER, (0, 1, 2, 6), rows)
