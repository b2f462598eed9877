"""The page: one self-contained HTML file that opens without a network."""

import datetime
from pathlib import Path
from typing import Any

import jinja2

from howrobust.catalogue import MethodSpec
from howrobust.errors import BadInput
from howrobust.reports import tables
from howrobust.reports.figures import pictures
from howrobust.reports.summary import REFERENCES, Row, Summary
from howrobust.results import Results


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
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("howrobust.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures: dict[str, list[dict[str, str]]] = {}
    for picture in pictures(summary):
        shape = "narrow" if picture.name.startswith("calibration") else "wide"
        shown = {"title": picture.title, "alt": picture.alt, "shape": shape, "svg": picture.svg()}
        figures.setdefault(picture.dataset, []).append(shown)
    datasets = [
        {
            **data,
            "rows": [(row, tables.cells_of(row)) for row in summary.rows(data["name"])],
            "limit_cells": tables.limits_of(data["limits"]) if data["limits"] else None,
            "figures": figures.get(data["name"], []),
            "splits": len({c["split"] for c in summary.cells if c["dataset"] == data["name"]}),
        }
        for data in summary.data
    ]
    started = datetime.datetime.fromtimestamp(summary.about["started"] / 1e9, datetime.UTC)
    return environment.get_template("page.html").render(
        about=summary.about,
        run=results.run,
        started=started.strftime("%Y-%m-%d %H:%M UTC"),
        sentences=sentences(summary),
        ranking=summary.ranking(),
        datasets=datasets,
        header=tables.HEADER,
        caption=tables.CAPTION.replace("+-", "±"),
        failures=summary.failures(),
        warnings=summary.warnings(),
        protocol=protocol(summary),
        references=REFERENCES,
    )


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
    name, best = data["name"], rows[0]
    ties = [row.method for row in rows[1:] if row.tied]
    text = f"On {name}, {best.method} has the best score (nll {tables.number(best.scores['nll'])})"
    text += f", not distinguishable from {', '.join(ties)}. " if ties else ". "
    if len(summary.values(name, best.method, "nll")) < 2:
        text += "One split cannot tell a difference from chance: run more to know. "
    cell = summary.finished(name, best.method)[0]
    forecast = summary.forecasts(cell)["none", 0.0]
    lower, upper = forecast.quantile(0.025)[0], forecast.quantile(0.975)[0]
    text += (
        f"Its forecast for the first held-out row is {forecast.mean[0]:.4g} "
        f"(95 % interval {lower:.4g} to {upper:.4g}); {tables.inside(best)} of held-out points "
        "fell inside their 95 % interval."
    )
    for stress, ladder in summary.stresses().items():
        clean = summary.estimate(name, best.method, "rmse")
        worst = summary.estimate(name, best.method, "rmse", stress, ladder[-1])
        covered = summary.estimate(name, best.method, "coverage_90", stress, ladder[-1])
        if clean and worst and covered:
            text += (
                f" At the highest {stress.replace('_', ' ')} ({ladder[-1]:g}) its rmse is "
                f"{worst.mean / clean.mean:.2g} times the clean one and its 90 % intervals hold "
                f"{100 * covered.mean:.0f} % of points."
            )
    return text.replace("+-", "±")


def protocol(summary: Summary) -> list[dict[str, str]]:
    """How each method was set and where its noise comes from, in the methods' own words."""
    found = []
    for label in summary.methods:
        words = {"method": label, "components": "unknown", "noise": "unknown", "facts": ""}
        try:
            kind = MethodSpec(label.partition("[")[0]).load()
            words |= {"components": kind.components, "noise": kind.noise_model}
        except BadInput as error:  # the plug-in of a stored run may be gone
            words["noise"] = str(error)
        for data in summary.data:
            cells = summary.finished(data["name"], label)
            if cells:
                s = summary.forecasts(cells[0])["none", 0.0].n_components
                facts = "".join(f", {k} {_range(v)}" for k, v in cells[0]["facts"].items())
                words["facts"] += f"{data['name']}: S = {s}{facts}. "
        found.append(words)
    return found


def _range(value: float | list[float]) -> str:
    """A number, or the least and the largest of several."""
    if isinstance(value, list):
        return f"{min(value):.3g} to {max(value):.3g}"
    return f"{value:.3g}"
