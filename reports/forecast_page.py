"""The page of given forecasts: one self-contained HTML file."""

from howrobust import __version__
from howrobust.base.rendering import register_artist, register_renderer
from howrobust.metrics.stated import Scores
from howrobust.reports.card_html import environment
from howrobust.reports.forecast_scores import score_table, sentences, text, undefined
from howrobust.reports.page import appearance, inline_figure
from howrobust.reports.plots.stated_levels import calibration_of_forecasts, stated_figure


def render_forecasts(shown: Scores) -> str:
    """Return the page of given forecasts as text.

    Parameters
    ----------
    shown : Scores
        The scores.

    Returns
    -------
    str
        HTML; everything from data is escaped.
    """
    return (
        environment()
        .get_template("forecasts.html")
        .render(
            version=__version__,
            source=shown.source,
            sentences=sentences(shown),
            table=score_table(shown),
            undefined=undefined(shown),
            figure=inline_figure(stated_figure(shown)),
            **appearance(),
        )
    )


register_renderer(Scores, "text", text)
register_renderer(Scores, "page", render_forecasts)
register_artist(Scores, calibration_of_forecasts)
