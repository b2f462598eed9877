"""The page: one self-contained HTML file that opens without a network."""

import base64
import datetime
import hashlib
import re
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from howrobust import __version__
from howrobust.analysis.cards.ranking import cards
from howrobust.analysis.ranking import contest, improvements
from howrobust.analysis.results import StoredRun
from howrobust.analysis.run_scores import REFERENCES
from howrobust.base.facts import DataFacts
from howrobust.base.metric import Undefined
from howrobust.errors import BadInput
from howrobust.reports import number_text as tables
from howrobust.reports import table as sheets
from howrobust.reports.card_html import environment, lines, tiles
from howrobust.reports.plots.all_figures import pictures
from howrobust.reports.plots.figure_file import Picture
from howrobust.reports.sections import ranking as standings
from howrobust.reports.sections.answer import answer, on_data_set
from howrobust.reports.sections.protocol import settings
from howrobust.reports.sections.published_results import comparisons
from howrobust.reports.sections.scores import Summary
from howrobust.storage.atomic import write_output

MARK = b'<meta name="generator" content="howrobust'
LONGEST_HEAD = 1000  # bytes: the mark is in the first lines
CALIBRATION = ("calibration-", "pit-")  # how the names of its figures begin


@dataclass(frozen=True)
class Shown:
    """A figure on the page; ``width`` in inches is what it was drawn for."""

    name: str
    place: str
    title: str
    alt: str
    width: float
    svg: Markup


def write_page(results: StoredRun, path: Path) -> Path:
    """Write the page of a run; BadInput where the file cannot be written."""
    write_output(path, render(results).encode("utf-8"))
    return path


def require_replaceable(path: Path) -> None:
    """Raise BadInput where a file is there that is no page of howrobust: it would be lost."""
    try:
        content = path.read_bytes() if path.is_file() else MARK
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); move it away") from None
    if MARK not in content[:LONGEST_HEAD]:
        raise BadInput(
            f"{path} was not made by howrobust and is left as it is; move it to another place and "
            "run `howrobust report` again"
        )


def render(results: StoredRun) -> str:
    """Return the page as text. Everything from data and plug-ins is escaped."""
    summary = Summary(results)
    figures = [_shown(picture) for picture in pictures(summary)]
    started = datetime.datetime.fromtimestamp(summary.about.started / 1e9, datetime.UTC)
    return (
        environment()
        .get_template("page.html")
        .render(
            version=__version__,
            about=summary.about,
            run=results.run,
            reused=summary.reused(),
            started=started.strftime("%Y-%m-%d %H:%M UTC"),
            methods=summary.methods,
            answer=answer(summary),
            figures=figures,
            references=REFERENCES,
            failures=summary.failures(),
            warnings=summary.warnings(),
            **_appearance(),
            **_cards(summary),
            **_ranking(summary),
            **_tables(summary),
            datasets=[_data_set(summary, data, figures) for data in summary.data],
            settings=settings(summary),
        )
    )


def _appearance() -> dict[str, Any]:
    """Style and script, and a policy that lets the browser use these and load nothing.

    Figures are drawn with style attributes, which no hash can name.
    """
    folder = files("howrobust.reports.templates")
    style, script = ((folder / name).read_text("utf-8") for name in ("style.css", "script.js"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src-elem {_hash(style)}; "
        "style-src-attr 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    own = Markup(style), Markup(script)  # nosec B704 # the package's own text, no one else's
    return {"style": own[0], "script": own[1], "policy": policy}


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _shown(picture: Picture) -> Shown:
    # The style element of each figure is one rule, which the page's own style has.
    svg = re.sub(r"<style.*?</style>", "", picture.svg(), flags=re.DOTALL)
    words = (picture.name, picture.dataset, picture.title, picture.alt)
    drawn = Markup(svg)  # nosec B704 # matplotlib escapes what is written in a figure
    return Shown(*words, picture.figure.get_figwidth(), drawn)


def _cards(summary: Summary) -> dict[str, Any]:
    """The cards of the ranked methods, and their ranks side by side where there are several."""
    found = cards(summary)
    ranked = [found[m] for m in summary.methods if m not in REFERENCES and found[m].entries]
    parts = [tiles(card) for card in ranked]
    return {
        "cards": [(card, part, lines(card)) for card, part in zip(ranked, parts, strict=True)],
        "part_ranks": sheets.part_ranks(ranked, parts) if len(ranked) > 1 else None,
    }


def _ranking(summary: Summary) -> dict[str, Any]:
    """Who leads over all data sets, or why there is no telling; and on each."""
    found, beats = contest(summary), improvements(summary)
    return {
        "contest": found,
        "standings": None if isinstance(found, Undefined) else standings.standings(found, beats),
        "standings_caption": standings.CAPTION,
        "differences": sheets.differences(summary),
    }


def _tables(summary: Summary) -> dict[str, Any]:
    """The tables that span data sets."""
    return {
        "covered": sheets.covered(summary),
        "degraded": sheets.degraded(summary),
        "variance": sheets.variance(summary),
        "costs": sheets.costs(summary),
        "published": sheets.published(summary),
        "protocols": dict.fromkeys((c.published, c.theirs.protocol) for c in comparisons(summary)),
        "caption": tables.CAPTION,
        "best": tables.BEST,
        "published_caption": tables.PUBLISHED_CAPTION,
    }


def _data_set(summary: Summary, data: DataFacts, figures: list[Shown]) -> dict[str, Any]:
    """A data set with its sentence, its table and its figures; those of calibration apart."""
    name = data.name
    own = [figure for figure in figures if figure.place == name]
    calibration = [figure for figure in own if figure.name.startswith(CALIBRATION)]
    return {
        **asdict(data),
        "splits": summary.planned_splits(name),
        "sentence": on_data_set(summary, data),
        "told_apart": tables.told_apart(summary.rows(name)),
        "sheet": sheets.scores(summary, data),
        "figures": [figure for figure in own if figure not in calibration],
        "calibration": calibration,
    }
