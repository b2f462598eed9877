"""Every figure of a report."""

from collections.abc import Iterator

from howrobust.base.metric import Undefined
from howrobust.reports.model import Report
from howrobust.reports.plots.calibration_curves import calibration_figure
from howrobust.reports.plots.cost_tradeoff import cost_figure
from howrobust.reports.plots.critical_difference import ranks_figure
from howrobust.reports.plots.figure_file import ReportFigure
from howrobust.reports.plots.performance_profiles import profiles_figure
from howrobust.reports.plots.pit_histograms import pit_figure
from howrobust.reports.plots.predictive_bands import bands_figure
from howrobust.reports.plots.refits import refits_figure
from howrobust.reports.plots.stress_curves import stress_figure
from howrobust.reports.plots.style import Styles, figure_style, method_styles


def report_figures(report: Report) -> Iterator[ReportFigure]:
    """Draw every figure of a report.

    Parameters
    ----------
    report : Report
        The report of a run.

    Yields
    ------
    ReportFigure
        One figure after the other.
    """
    styles = method_styles(report.methods)
    with figure_style():
        yield from _over_data_sets(report, styles)
        for section in report.data_sets:
            yield from _of_data_set(report, section.facts.name, styles)
        for curves in report.stress_curves:
            yield stress_figure(curves, styles)
        if report.refits:
            yield refits_figure(report.refits, styles)


def _over_data_sets(report: Report, styles: Styles) -> Iterator[ReportFigure]:
    if not isinstance(report.contest, Undefined):
        yield ranks_figure(report.contest, styles)
    if not isinstance(report.profiles, Undefined):
        yield profiles_figure(report.profiles, styles)
    if report.tradeoffs:
        yield cost_figure(report.tradeoffs, styles)


def _of_data_set(report: Report, name: str, styles: Styles) -> Iterator[ReportFigure]:
    if name in report.bands:
        yield bands_figure(name, report.bands[name])
    if name in report.calibration:
        yield calibration_figure(report.calibration[name], styles)
        yield pit_figure(report.calibration[name], styles)
