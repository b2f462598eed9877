"""Robustness cards as HTML: on the page, and in notebooks."""

import re
from dataclasses import dataclass

import jinja2
from markupsafe import Markup

from howrobust.analysis.cards.card import PARTS, Card, Entry, Item
from howrobust.base.rendering import register_renderer


@dataclass(frozen=True)
class Tile:
    """A part of a card at a glance: its headline on every data set, and the mean of its ranks."""

    part: str
    title: str
    headlines: list[tuple[str, Entry]]
    mean_rank: float | None
    ranked_on: int  # data sets
    most: int  # methods that were ranked beside it, at most

    @property
    def missing(self) -> str:
        """Why there is no number on any data set, where it is one reason; otherwise empty."""
        reasons = {entry.reason for _, entry in self.headlines if entry.text == "-"}
        nowhere = all(entry.text == "-" for _, entry in self.headlines)
        return reasons.pop() if nowhere and len(reasons) == 1 else ""


@dataclass(frozen=True)
class Line:
    """A measure of a card with its entries, one for each data set (None: it has none there)."""

    item: Item
    entries: list[Entry | None]


def environment() -> jinja2.Environment:
    """Return the templates' environment. Everything from data and plug-ins is escaped."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("howrobust.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["rank"] = rank
    made.filters["breakable"] = breakable
    made.filters["notes"] = notes
    return made


def breakable(name: str) -> Markup:
    """A name that may go on in the next line between its settings."""
    return Markup("<wbr>").join(re.split(r"(?<=[\[,])", name))


def rank(entry: Entry) -> str:
    """A rank in words, or why there is none."""
    if entry.rank is not None:
        return f"rank {entry.rank} of {entry.ranked}"
    return entry.reason


def tiles(card: Card) -> list[Tile]:
    """The six parts at a glance."""
    found = []
    for part in PARTS:
        headlines = [(dataset, card.headline(dataset, part)) for dataset in card.datasets]
        ranks = [entry.rank for _, entry in headlines if entry.rank is not None]
        mean = sum(ranks) / len(ranks) if ranks else None
        title = headlines[0][1].item.title if headlines else part
        most = max((entry.ranked for _, entry in headlines), default=0)
        found.append(Tile(part, title, headlines, mean, len(ranks), most))
    return found


def notes(card: Card, shown: list[Tile]) -> list[str]:
    """The notes of a card, but for what its tiles say."""
    said = tuple(f"{tile.part} is missing: {tile.missing} (" for tile in shown if tile.missing)
    return [note for note in card.notes if not note.startswith(said)]


def lines(card: Card) -> list[Line]:
    """Every measure, in the order of the parts."""
    by_place = {(e.item.part, e.item.title, e.dataset): e for e in card.entries}
    items = {(e.item.part, e.item.title): e.item for e in card.entries}
    order = sorted(items.values(), key=lambda item: PARTS.index(item.part))
    return [
        Line(item, [by_place.get((item.part, item.title, d)) for d in card.datasets])
        for item in order
    ]


def fragment(card: Card) -> str:
    """Return a card as HTML that stands alone, as notebooks show it."""
    template = environment().get_template("card_alone.html")
    return template.render(card=card, tiles=tiles(card), lines=lines(card))


register_renderer(Card, "html", fragment)
