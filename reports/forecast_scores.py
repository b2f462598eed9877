"""Scores of given forecasts in words: sentences, a table, and text for a terminal."""

import io
from collections.abc import Iterator
from inspect import getdoc

from rich.console import Console

from howrobust.analysis.measured import Measured
from howrobust.analysis.statistics import wilson
from howrobust.base.metric import Metric
from howrobust.metrics.calibration import level_digits
from howrobust.metrics.stated import Scores, central_levels
from howrobust.reports.number_text import significant, single_line
from howrobust.reports.table import Table, TableCell, TableRow, p_value_cell, share_cell
from howrobust.reports.terminal import console, rich_table

_MEANING = {
    "rmse": "root mean squared error of the mean",
    "mae": "mean absolute error of the mean",
    "r2": "share of the variance that the mean explains",
    "nll": "mean negative log density: the primary score",
    "nll_gaussian": "the same of a normal with this mean and sd",
    "crps": "mean distance of the distribution from y",
    "pinball": "mean loss of the quantiles",
    "mace": "error of the shares inside central intervals",
    "rmsce": "the same, root mean square",
    "mace_quantile": "error of the shares below quantiles",
    "ence": "relative error of the sds, in bins of the sd",
    "worst_group_coverage_90": "coverage_90 in the worst third by the mean",
    "sharpness": "root of the mean variance",
    "error_sd_rank": "rank correlation of |error| and sd",
    "prr": "how well the sd finds large errors: 1 ideal, 0 chance",
    "quantile_crossings": "rows with quantiles out of order",
}
_OF_INTERVALS = {
    "coverage": "share of y inside this central interval",
    "width": "mean width of this central interval",
    "interval_score": "width and misses of this interval",
}
_BETTER = {
    "low": "low is better",
    "high": "high is better",
    "zero": "0 is best",
    "nominal": "",
    "-": "",
}
_ERRORS = ("nll_error", "crps_error", "between_share")  # shown where they are not 0
BESIDE = ("_null", "_null_95", "_p", "_ceiling")  # shown in the row of what they are about
_TARGET_UNITS = ("rmse", "mae", "crps", "pinball", "sharpness", "width_", "interval_score_")
_OF_EVERY_FORM = (0.5, 0.9, 0.95, 0.997)  # asked of every form, stated or not
_LEADING = (0.9, 0.95, 0.5)  # the first of them that is stated is the interval of the sentence


def sentences(shown: Scores) -> list[str]:
    """Return what was scored and whether its probabilities come true.

    Parameters
    ----------
    shown : Scores
        The scores.

    Returns
    -------
    list of str
        Sentences.
    """
    n = shown.forecast.n
    first = (
        f"{shown.source[0].upper()}{shown.source[1:]} state {shown.form} for each of "
        f"{n:,} targets, and are judged by it: howrobust has supplied no distribution."
    )
    return [first, *_coverage(shown), *_calibration(shown), *_crossings(shown)]


def _coverage(shown: Scores) -> Iterator[str]:
    levels = (*_OF_EVERY_FORM, *central_levels(shown.forecast))
    given = [level for level in levels if f"coverage_{level_digits(level)}" in shown]
    leading = [level for level in _LEADING if level in given] or given
    for level in leading[:1]:
        share = coverage_share(shown, f"coverage_{level_digits(level)}")
        low, high = 100 * (share.lower or 0.0), 100 * (share.upper or 1.0)
        yield (
            f"{100 * share.value:.1f} % [{low:.1f}, {high:.1f}] of the targets are inside their "
            f"{100 * level:g} % interval."
        )


def _calibration(shown: Scores) -> Iterator[str]:
    if "mace_quantile" not in shown or "mace_quantile_p" not in shown:
        return
    value, edge = shown["mace_quantile"], shown["mace_quantile_null_95"]
    verdict = "is more than" if shown["mace_quantile_p"] <= 0.05 else "is no more than"
    yield (
        f"The calibration error of their quantiles is {value:.3g}, which {verdict} chance would "
        f"make of perfectly calibrated forecasts of as many targets (up to {edge:.3g} in 95 % of "
        "cases)."
    )


def _crossings(shown: Scores) -> Iterator[str]:
    crossed = int(shown.get("quantile_crossings", 0))
    if crossed:
        rows = "1 row" if crossed == 1 else f"{crossed:,} rows"
        yield f"Quantiles cross in {rows}; they were sorted before they were scored."


def _is_coverage(metric: Metric) -> bool:
    return metric.name.startswith("coverage_") and metric.name.removeprefix("coverage_").isdigit()


def coverage_share(shown: Scores, name: str) -> Measured:
    """Return a coverage with its interval.

    Parameters
    ----------
    shown : Scores
        The scores.
    name : str
        Name of the coverage, which is defined.

    Returns
    -------
    Measured
        The share with Wilson's (1927) 95 % interval.
    """
    n = shown.forecast.n
    return Measured(shown[name], *wilson(shown[name] * n, n))


def score_table(shown: Scores) -> Table:
    """Return the metrics that are defined, each beside a perfect forecaster where that is known.

    Parameters
    ----------
    shown : Scores
        The scores.

    Returns
    -------
    Table
        A row for each metric.
    """
    rows = [
        TableRow([TableCell(m.name), _value(shown, m),
                  _perfect(shown, m.name), _p_value(shown, m.name), TableCell(meaning(m))])
        for m in shown.metrics
        if m.name in shown
        and not m.name.endswith(BESIDE)
        and not (m.name in _ERRORS and shown[m.name] == 0)
    ]  # fmt: skip
    header = ["metric", "value", "a perfect forecaster", "p", "meaning"]
    return Table(f"scores of {shown.source}", header, (0, 4), rows)


def _value(shown: Scores, metric: Metric) -> TableCell:
    if _is_coverage(metric):
        return share_cell(coverage_share(shown, metric.name))
    value = shown[metric.name]
    return TableCell(significant(value), value)


def _perfect(shown: Scores, name: str) -> TableCell:
    """What a perfectly calibrated forecaster would score at this number of targets."""
    if f"{name}_null" in shown:
        mean, edge = shown[f"{name}_null"], shown[f"{name}_null_95"]
        side = "down to" if name.startswith("worst") else "up to"
        return TableCell(f"{mean:.3g}, {side} {edge:.3g}")
    if f"{name}_ceiling" in shown:
        return TableCell(f"{shown[f'{name}_ceiling']:.3g}")
    return TableCell("")


def _p_value(shown: Scores, name: str) -> TableCell:
    return p_value_cell(shown[f"{name}_p"]) if f"{name}_p" in shown else TableCell("")


def meaning(metric: Metric) -> str:
    """Return what a metric is in plain words, its unit, and which values are better.

    Parameters
    ----------
    metric : Metric
        The metric.

    Returns
    -------
    str
        Such as "mean absolute error (target unit; low is better)"; the definition of a metric that
        has no plain words here.
    """
    stem, _, digits = metric.name.rpartition("_")
    words = _MEANING.get(metric.name) or (digits.isdecimal() and _OF_INTERVALS.get(stem)) or ""
    if not words:
        words = " ".join((getdoc(metric.function) or "").partition("\n\n")[0].split()).rstrip(".")
    unit = "target unit" if metric.name.startswith(_TARGET_UNITS) else ""
    unit = "nats" if metric.name.startswith(("nll", "kl_")) else unit
    notes = "; ".join(filter(None, (unit, _BETTER[metric.better])))
    return f"{words} ({notes})" if notes else words


def undefined(shown: Scores) -> list[tuple[str, str]]:
    """Return why metrics have no value.

    Parameters
    ----------
    shown : Scores
        The scores.

    Returns
    -------
    list of (str, str)
        A reason, and the names of the metrics that it is the reason of, joined.
    """
    by_reason: dict[str, list[str]] = {}
    for name, reason in shown.reasons.items():
        if name.endswith("_worst") or name.endswith(BESIDE):
            continue  # of stresses; and of statistics that are listed themselves
        by_reason.setdefault(reason, []).append(name)
    return [(reason, ", ".join(names)) for reason, names in by_reason.items()]


def text(shown: Scores) -> str:
    """Return the scores as text for a terminal.

    Parameters
    ----------
    shown : Scores
        The scores.

    Returns
    -------
    str
        Sentences, the table, and why other metrics are undefined.
    """
    width = console().width
    sheet = Console(file=io.StringIO(), width=width, color_system=None)
    for sentence in sentences(shown):
        sheet.print(single_line(sentence), markup=False, highlight=False)
    table = score_table(shown)
    sheet.print(rich_table(table, table.label.capitalize(), width))
    for reason, names in undefined(shown):
        sheet.print(single_line(f"undefined: {names}: {reason}"), markup=False, highlight=False)
    file = sheet.file
    return file.getvalue().rstrip() if isinstance(file, io.StringIO) else ""
