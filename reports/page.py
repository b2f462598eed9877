"""The page: one self-contained HTML file that opens without a network."""

import datetime
import math
from pathlib import Path
from typing import Any

from howrobust.catalogue import MethodSpec, known_stress
from howrobust.degradation import degradation
from howrobust.errors import BadInput
from howrobust.execution import GRADIENTS
from howrobust.measures import Measured, ratio
from howrobust.reports import tables
from howrobust.reports.cards import environment, lines, tiles
from howrobust.reports.figures import pictures, stress_unit
from howrobust.reports.published import comparisons
from howrobust.reports.summary import Row, Summary
from howrobust.results import Results
from howrobust.robustness import cards, variance_parts
from howrobust.scores import REFERENCES
from howrobust.stress.contract import InputStress


def write_page(results: Results, path: Path) -> Path:
    """Write the page of a run; BadInput where the file cannot be written."""
    text = render(results)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"the report {path} cannot be written ({error.strerror})") from None
    return path


def render(results: Results) -> str:
    """Return the page as text. Everything from data and plug-ins is escaped."""
    summary = Summary(results)
    figures: dict[str, list[dict[str, str]]] = {}
    for picture in pictures(summary):
        shape = "narrow" if picture.name.startswith("calibration") else "wide"
        words = {"name": picture.name, "title": picture.title, "alt": picture.alt}
        shown = {**words, "shape": shape, "svg": picture.svg()}
        figures.setdefault(picture.dataset, []).append(shown)
    datasets = [
        {
            **data,
            "rows": [(row, tables.cells_of(row, data)) for row in summary.rows(data["name"])],
            "header": tables.header(data),
            "limit_cells": tables.limits_of(data["limits"]) if data["limits"] else None,
            "figures": figures.get(data["name"], []),
            "splits": summary.planned_splits(data["name"]),
        }
        for data in summary.data
    ]
    started = datetime.datetime.fromtimestamp(summary.about["started"] / 1e9, datetime.UTC)
    found = cards(summary)
    ranked = [found[m] for m in summary.methods if m not in REFERENCES and found[m].entries]
    return (
        environment()
        .get_template("page.html")
        .render(
            about=summary.about,
            run=results.run,
            started=started.strftime("%Y-%m-%d %H:%M UTC"),
            sentences=sentences(summary),
            ranking=summary.ranking(),
            datasets=datasets,
            cards=[(card, tiles(card), lines(card)) for card in ranked],
            stresses=figures.get("", []),
            degraded=degraded_rows(summary),
            stability=figures.get("stability", []),
            variance=variance_rows(summary),
            caption=tables.CAPTION.replace("+-", "±"),
            published=[
                (c.theirs.protocol, tables.published_cells(c)) for c in comparisons(summary)
            ],
            published_header=tables.PUBLISHED_HEADER,
            published_caption=tables.PUBLISHED_CAPTION.replace("+-", "±"),
            failures=summary.failures(),
            warnings=summary.warnings(),
            protocol=protocol(summary),
            references=REFERENCES,
        )
    )


def degraded_rows(summary: Summary) -> dict[str, list[list[str]]]:
    """Rows of the table of each stress, by the name of its figure."""
    found: dict[str, list[list[str]]] = {}
    for row in degradation(summary).to_dict("records"):
        numbers = [
            row[name] for name in ("rmse_ratio", "nll_difference", "coverage_90", "sd_ratio")
        ]
        shown = ["-" if math.isnan(value) else f"{value:.3g}" for value in numbers]
        cells = [row["dataset"], row["method"], f"{row['level']:g}", *shown]
        found.setdefault(f"stress-{row['stress']}", []).append(cells)
    return found


def variance_rows(summary: Summary) -> list[list[str]]:
    """Rows of the table of variance components of rmse and nll; none where all are undefined."""
    rows = []
    for metric in ("rmse", "nll"):
        for row in variance_parts(summary, metric).to_dict("records"):
            if row["reason"]:
                continue
            share = f"{100 * row['share']:.0f} %"
            interval = f"{row['variance']:.3g} [{row['lower']:.3g}, {row['upper']:.3g}]"
            place = [row["dataset"], row["method"], metric, row["component"]]
            rows.append([*place, share, interval])
    return rows


def sentences(summary: Summary) -> list[str]:
    """The answer, a sentence or two for each data set."""
    found = []
    for data in summary.data:
        rows = [row for row in summary.rows(data["name"]) if row.rank is not None]
        if rows:
            found.append(_answer(summary, data, rows))
        else:
            found.append(f"On {data['name']} no method has a result; see the failures below.")
    return found


def _answer(summary: Summary, data: dict[str, Any], rows: list[Row]) -> str:
    """Who leads and by how much, whether its doubt can be trusted, and what stress does to it."""
    name, best = data["name"], rows[0]
    splits = best.scored_splits[0]
    text = f"On {name}, {best.method} predicts best: nll {tables.number(best.scores['nll'])}"
    marginal = summary.estimate(name, "marginal", "nll")
    if marginal:
        text += f", where a forecast that ignores the inputs scores {marginal.mean:.3g}"
    ties = [row.method for row in rows[1:] if row.tied]
    if splits < 2:
        text += ". One split cannot tell a difference from chance: run more to know"
    elif ties:
        text += f". These {splits} splits cannot tell it from {', '.join(ties)}"
    text += ". " + _honesty(best)
    cell = summary.finished(name, best.method)[0]
    forecast = summary.clean(cell)
    lower, upper = forecast.quantile(0.025)[0], forecast.quantile(0.975)[0]
    text += (
        f" For example, its forecast for the first held-out row is {forecast.mean[0]:.4g} "
        f"(95 % interval {lower:.4g} to {upper:.4g}); {tables.inside(best)} of held-out points "
        "fell inside theirs."
    )
    for stress in ("input_noise", *summary.stresses()):
        kind = known_stress(stress)
        told = isinstance(kind, InputStress) and kind.scored_by == "rmse"
        if told and stress in summary.stresses():
            ladder = summary.stresses()[stress]
            text += _under(summary, name, best.method, stress, ladder[-1])
            break  # the cards have the others
    return text.replace("+-", "±")


def _honesty(row: Row) -> str:
    """Whether the stated probabilities can be trusted, in words."""
    inside, of = row.honest_splits
    if inside == of:
        verdict = "Its stated probabilities can be trusted"
    elif inside == 0:
        verdict = "Do not trust its stated probabilities"
    else:
        verdict = "Its stated probabilities are doubtful"
    share = f"on {inside} of {of} split{'s' if of != 1 else ''}"
    return f"{verdict}: {share} they err no more than a perfect forecaster's would."


def _under(summary: Summary, dataset: str, method: str, stress: str, level: float) -> str:
    """What the highest level of a stress does to a method, beside the truth where it is known."""
    grown = ratio(summary, dataset, method, stress)
    worst = summary.estimate(dataset, method, "rmse", stress, level)
    covered = summary.estimate(dataset, method, "coverage_90", stress, level)
    if not (isinstance(grown, Measured) and worst and covered):
        return ""
    text = (
        f" Under the stress {stress.replace('_', ' ')}, at {level:g} {stress_unit(stress)}, its "
        f"rmse is {grown.value:.2g} times the clean one"
    )
    truth = summary.estimate(dataset, "oracle", "rmse", stress, level)
    if truth:
        text += f" ({worst.mean:.3g}; the true function's is {truth.mean:.3g})"
    return text + f", and its 90 % intervals hold {100 * covered.mean:.0f} % of points."


def protocol(summary: Summary) -> list[dict[str, str]]:
    """How each method was set and where its noise comes from, in the methods' own words."""
    found = []
    for label in dict.fromkeys(cell["method"] for cell in summary.cells):
        words = {"method": label, "components": "unknown", "noise": "unknown", "facts": ""}
        try:
            kind = MethodSpec.parse(label).load()
            words |= {"components": kind.components, "noise": kind.noise_model}
        except BadInput:  # a model given from Python, or a plug-in that is gone
            words["noise"] = "not in the catalogue"
        for data in summary.data:
            cells = summary.finished(data["name"], label)
            if cells:
                s = summary.clean(cells[0]).n_components
                facts = "".join(
                    f", {k} {_range(v)}" for k, v in cells[0]["facts"].items() if k != GRADIENTS
                )
                spread = summary.estimate(data["name"], label, "nll_error")
                if spread and spread.mean > 0:
                    facts += f", Monte-Carlo error of nll {spread.mean:.2g}"
                words["facts"] += f"{data['name']}: S = {s}{facts}. "
        found.append(words)
    return found


def _range(value: float | list[float]) -> str:
    """A number, or the least and the largest of several."""
    if isinstance(value, list):
        return f"{min(value):.3g} to {max(value):.3g}"
    return f"{value:.3g}"
