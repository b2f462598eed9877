"""Robustness cards as they are shown: a tile for each part, and a line for each measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.entry import PARTS, Entry, Item
from howrobust.base.facts import REFERENCES, WHOSE
from howrobust.reports.table import Table, TableCell, TableRow


@dataclass(frozen=True)
class Tile:
    """A part of a card: its headline on every data set, and its mean rank.

    Parameters
    ----------
    part : str
        Name of the part.
    title : str
        The measure of the headline.
    headlines : list of tuple of (str, Entry)
        Data set and headline.
    mean_rank : float or None
        Mean over the data sets on which the method is ranked.
    ranked_on : int
        Number of those data sets.
    most : int
        Largest number of methods that were ranked on one data set.
    """

    part: str
    title: str
    headlines: list[tuple[str, Entry]]
    mean_rank: float | None
    ranked_on: int
    most: int

    @property
    def missing(self) -> str:
        """Why there is no number on any data set; empty for several reasons."""
        reasons = {entry.reason for _, entry in self.headlines if entry.text == "-"}
        nowhere = all(entry.text == "-" for _, entry in self.headlines)
        return reasons.pop() if nowhere and len(reasons) == 1 else ""


@dataclass(frozen=True)
class Line:
    """A measure of a card.

    Parameters
    ----------
    item : Item
        The measure.
    entries : list of Entry or None
        Its entry on each data set; None where it has none.
    """

    item: Item
    entries: list[Entry | None]


@dataclass(frozen=True)
class CardSection:
    """A card with what is shown of it.

    Parameters
    ----------
    card : Card
        The card of a method.
    """

    card: Card

    @cached_property
    def tiles(self) -> list[Tile]:
        """The parts, each with its headline."""
        return [_tile(self.card, part) for part in PARTS]

    @cached_property
    def lines(self) -> list[Line]:
        """Every measure, in the order of the parts."""
        return _lines(self.card.entries, self.card.datasets)

    @cached_property
    def residual_lines(self) -> list[Line]:
        """Measures of the second row; none for a method without one."""
        return _lines(self.card.residual, self.card.datasets)

    @property
    def residual_whose(self) -> str:
        """Whose distribution the second row is, in words."""
        return WHOSE["residual"]

    @property
    def notes(self) -> list[str]:
        """The notes of the card, but for what its tiles say."""
        shown = tuple(f"{tile.part} is missing: {tile.missing} (" for tile in self.tiles
                      if tile.missing)  # fmt: skip
        return [note for note in self.card.notes if not note.startswith(shown)]


def _lines(given: Sequence[Entry], datasets: Sequence[str]) -> list[Line]:
    entries = {(e.item.part, e.item.title, e.dataset): e for e in given}
    items = {(e.item.part, e.item.title): e.item for e in given}
    return [
        Line(item, [entries.get((item.part, item.title, d)) for d in datasets])
        for item in sorted(items.values(), key=lambda item: PARTS.index(item.part))
    ]


def _tile(card: Card, part: str) -> Tile:
    headlines = [(dataset, card.headline(dataset, part)) for dataset in card.datasets]
    ranks = [entry.rank for _, entry in headlines if entry.rank is not None]
    mean = sum(ranks) / len(ranks) if ranks else None
    title = headlines[0][1].item.title if headlines else part
    most = max((entry.ranked for _, entry in headlines), default=0)
    return Tile(part, title, headlines, mean, len(ranks), most)


def card_sections(cards: Mapping[str, Card]) -> tuple[CardSection, ...]:
    """Return the cards of the methods that may be ranked and have entries.

    Parameters
    ----------
    cards : mapping of str to Card
        The card of every method of the run.

    Returns
    -------
    tuple of CardSection
        The cards in the order of the run's methods.
    """
    shown = (card for method, card in cards.items() if method not in REFERENCES and card.entries)
    return tuple(map(CardSection, shown))


def part_ranks(sections: Sequence[CardSection]) -> Table | None:
    """Return the mean rank of each method by each part of its card.

    Parameters
    ----------
    sections : sequence of CardSection
        The cards.

    Returns
    -------
    Table or None
        A row for each method; None for fewer than two.
    """
    if len(sections) < 2:
        return None
    rows = [
        TableRow([TableCell(s.card.method), *map(_mean_rank, s.tiles)], method=s.card.method)
        for s in sections
    ]
    return Table("mean rank by each part of the cards", ["method", *PARTS], (0,), rows)


def _mean_rank(tile: Tile) -> TableCell:
    if tile.mean_rank is None:
        return TableCell("-")
    partly = f" on {tile.ranked_on}" if tile.ranked_on < len(tile.headlines) else ""
    return TableCell(f"{tile.mean_rank:.1f}{partly}", tile.mean_rank)
