"""Every figure of a run."""

from collections.abc import Iterator

import matplotlib as mpl

from howrobust.analysis.cards.measures import SHUFFLE
from howrobust.analysis.profiles import profiles
from howrobust.analysis.ranking import contest
from howrobust.analysis.run_scores import REFERENCES
from howrobust.base.metric import Undefined
from howrobust.reports.plots import calibration_curves as calibration
from howrobust.reports.plots.cost_tradeoff import pareto
from howrobust.reports.plots.critical_difference import critical_difference
from howrobust.reports.plots.figure_file import Picture
from howrobust.reports.plots.performance_profiles import profile_curves
from howrobust.reports.plots.predictive_bands import bands
from howrobust.reports.plots.refits import stability
from howrobust.reports.plots.stress_curves import degradation, is_severity
from howrobust.reports.plots.style import STYLE, Looks, looks
from howrobust.reports.sections.scores import Summary


def pictures(summary: Summary) -> Iterator[Picture]:
    """Draw every figure of a run."""
    own = looks(summary.methods)
    with mpl.rc_context(STYLE):
        yield from _over_data_sets(summary, own)
        for data in summary.data:
            yield from _of_data_set(summary, data.name, own)
        for stress in summary.stresses():
            if is_severity(summary.stress_facts(stress)):
                yield degradation(summary, stress, summary.stress_facts(stress).unit, own)
        if any(cell.repeat > 0 or cell.train_stress == SHUFFLE for cell in summary.cells):
            yield stability(summary, own)


def _over_data_sets(summary: Summary, own: Looks) -> Iterator[Picture]:
    ranked = contest(summary)
    if not isinstance(ranked, Undefined):
        yield critical_difference(ranked, own)
    found = profiles(summary)
    if not isinstance(found, Undefined):
        yield profile_curves(found, own)
    if any(row.rank for data in summary.data for row in summary.rows(data.name)):
        yield pareto(summary, own)


def _of_data_set(summary: Summary, name: str, own: Looks) -> Iterator[Picture]:
    finished = [m for m in summary.methods if summary.finished(name, m)]
    if not finished:
        return
    first = summary.held_out(summary.finished(name, finished[0])[0])
    if first.X.shape[1] == 1 and any(m not in REFERENCES for m in finished):
        yield bands(summary, name, finished)
    rows = summary.pooled(name, finished[0]).rows
    null = calibration.null_shares(rows)
    yield calibration.curves(summary, name, finished, null, own)
    yield calibration.histograms(summary, name, finished, null, own)
