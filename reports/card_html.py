"""Robustness cards as HTML: on the page, and in notebooks."""

import re

import jinja2
from markupsafe import Markup

from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.entry import Entry
from howrobust.base.rendering import register_renderer
from howrobust.reports.sections.cards import CardSection


def environment() -> jinja2.Environment:
    """Return the environment of the templates, which escapes all values.

    Returns
    -------
    jinja2.Environment
        The environment, with its filters.
    """
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("howrobust.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["rank"] = _rank
    made.filters["breakable"] = breakable
    return made


def breakable(name: str) -> Markup:
    """Return a name that may go on in the next line between its settings.

    Parameters
    ----------
    name : str
        Label of a method.

    Returns
    -------
    Markup
        The escaped name.
    """
    return Markup("<wbr>").join(re.split(r"(?<=[\[,])", name))


def _rank(entry: Entry) -> str:
    """A rank in words, or why there is none."""
    if entry.rank is not None:
        return f"rank {entry.rank} of {entry.ranked}"
    return entry.reason


def card_fragment(card: Card) -> str:
    """Return a card as HTML that stands alone, as notebooks show it.

    Parameters
    ----------
    card : Card
        The card of a method.

    Returns
    -------
    str
        HTML with its style.
    """
    return environment().get_template("card_alone.html").render(section=CardSection(card))


register_renderer(Card, "html", card_fragment)
