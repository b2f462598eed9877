"""Noise carried through a function, as a page and as notebooks show it."""

from howrobust import __version__
from howrobust.base.rendering import register_artist, register_renderer
from howrobust.propagation.result import Propagation
from howrobust.reports.card_html import environment
from howrobust.reports.page import appearance, inline_figure
from howrobust.reports.plots.propagation import propagation_figures, tornado
from howrobust.reports.plots.style import figure_style
from howrobust.reports.sections.propagation import PropagationSection


def propagation_page(propagation: Propagation) -> str:
    """Return the page of a propagation.

    Parameters
    ----------
    propagation : Propagation
        The result.

    Returns
    -------
    str
        HTML that loads nothing; what the user named is escaped.
    """
    with figure_style():
        figures = [inline_figure(figure) for figure in propagation_figures(propagation)]
    return (
        environment()
        .get_template("propagation_page.html")
        .render(
            version=__version__,
            section=PropagationSection(propagation),
            figures=figures,
            **appearance(),
        )
    )


def propagation_fragment(propagation: Propagation) -> str:
    """Return a propagation as HTML that stands alone, as notebooks show it.

    Parameters
    ----------
    propagation : Propagation
        The result.

    Returns
    -------
    str
        HTML with its tables.
    """
    template = environment().get_template("propagation_alone.html")
    return template.render(section=PropagationSection(propagation), figures=[])


register_renderer(Propagation, "html", propagation_fragment)
register_renderer(Propagation, "page", propagation_page)
register_artist(Propagation, tornado)
