"""Error and coverage of the methods under each stress of a run."""

from dataclasses import dataclass

from howrobust.analysis.degradation import LevelEffect, degradation
from howrobust.analysis.regions import BASELINE, REGION
from howrobust.analysis.run_scores import Scores
from howrobust.base.cells import CLEAN, Level
from howrobust.base.facts import StressFacts
from howrobust.reports.number_text import number
from howrobust.reports.table import Table, TableCell, TableRow, kind_of, number_cell

HEADER = (
    "data set", "method", "level", "rmse / clean", "nll - clean", "inside 90 %", "sd / clean"
)  # fmt: skip


@dataclass(frozen=True)
class StressLine:
    """Means over splits of a metric along the levels of a stress.

    Parameters
    ----------
    method : str
        Label of the method.
    x : tuple of float
        Severities; 0 is no stress.
    y : tuple of float
        Means of the metric.
    without_gradients : bool
        Whether an attack could not use the gradients of the method.
    """

    method: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    without_gradients: bool


@dataclass(frozen=True)
class StressCurves:
    """Error and coverage against the severity of a stress.

    Parameters
    ----------
    facts : StressFacts
        Facts of the stress.
    error : dict of str to tuple of StressLine
        Lines of the metric that the stress is scored by, by data set.
    coverage : dict of str to tuple of StressLine
        Lines of the share inside the 90 % interval, by data set.
    """

    facts: StressFacts
    error: dict[str, tuple[StressLine, ...]]
    coverage: dict[str, tuple[StressLine, ...]]


def stress_curves(scores: Scores) -> tuple[StressCurves, ...]:
    """Return the curves of each stress whose levels are severities.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    tuple of StressCurves
        The curves, in the order of the run's stresses.
    """
    every = (scores.stress_facts(stress) for stress in scores.stresses())
    return tuple(
        StressCurves(
            facts,
            {data.name: _lines(scores, data.name, facts.scored_by, facts) for data in scores.data},
            {data.name: _lines(scores, data.name, "coverage_90", facts) for data in scores.data},
        )
        for facts in every
        if facts.name != BASELINE and facts.ladder
    )


def _lines(scores: Scores, dataset: str, metric: str, facts: StressFacts) -> tuple[StressLine, ...]:
    """A line for each method with values at two levels or more."""
    lines = []
    for method in scores.methods:
        points = []
        for x, level in _levels(scores, facts):
            values = scores.values(dataset, method, metric, *level, first=True)
            if not values.empty:
                points.append((x, float(values.mean())))
        if len(points) > 1:
            attack = facts.name.startswith("adversarial")
            blind = attack and not scores.has_gradients(dataset, method)
            severities, means = zip(*points, strict=True)
            lines.append(StressLine(method, severities, means, blind))
    return tuple(lines)


def _levels(scores: Scores, facts: StressFacts) -> list[tuple[float, Level]]:
    """Where on the axis each level of a stress stands, and that which it is compared with."""
    levels = [(level, (facts.name, level)) for level in scores.stresses()[facts.name]]
    if facts.kind == "split":
        return [(0.0, (BASELINE, REGION)), *levels]
    if facts.kind == "setting":
        return sorted([(1.0, CLEAN), *levels])
    return [(0.0, CLEAN), *levels]


def stress_tables(scores: Scores) -> dict[str, Table]:
    """Return scores at every level of each stress, beside no stress.

    Parameters
    ----------
    scores : Scores
        The scores of the run.

    Returns
    -------
    dict of str to Table
        A table for each stress, by its name.
    """
    rows: dict[str, list[TableRow]] = {}
    plugins = [facts.name for facts in scores.plugin_metrics]
    frame = degradation(scores)
    for effect in (LevelEffect(*row) for row in frame.itertuples(index=False, name=None)):
        numbers = (effect.rmse_ratio, effect.nll_difference, effect.coverage_90, effect.sd_ratio)
        cells = [
            TableCell(effect.dataset),
            TableCell(effect.method),
            TableCell(f"{effect.level:g}", effect.level),
            *map(number_cell, numbers),
            *(_plugin_cell(scores, effect, name) for name in plugins),
        ]
        row = TableRow(cells, effect.dataset, effect.method, kind_of(effect.method))
        rows.setdefault(effect.stress, []).append(row)
    return {
        stress: Table(
            f"every level of {stress.replace('_', ' ')}", (*HEADER, *plugins), (0, 1), of_stress
        )
        for stress, of_stress in rows.items()
    }


def _plugin_cell(scores: Scores, effect: LevelEffect, metric: str) -> TableCell:
    """The mean of a metric of a plug-in at a level; a dash where the stress moves the targets."""
    if scores.stress_facts(effect.stress).moves_targets:
        return TableCell("-")
    estimate = scores.estimate(effect.dataset, effect.method, metric, effect.stress, effect.level)
    return TableCell(number(estimate), estimate.mean if estimate else None)
