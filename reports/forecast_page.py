"""The page of given forecasts: one self-contained HTML file."""

from pathlib import Path

from howrobust import __version__
from howrobust.metrics.stated import ScoredForecasts
from howrobust.reports.card_html import environment
from howrobust.reports.forecast_scores import score_table, sentences, undefined
from howrobust.reports.page import appearance, inline_figure
from howrobust.reports.plots.stated_levels import stated_figure
from howrobust.storage.atomic import write_output


def write_forecast_page(shown: ScoredForecasts, path: Path) -> Path:
    """Write the page of given forecasts.

    Parameters
    ----------
    shown : ScoredForecasts
        The scores.
    path : Path
        Where to write it.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    BadInput
        Where it cannot be written.
    """
    write_output(path, render_forecasts(shown).encode("utf-8"))
    return path


def render_forecasts(shown: ScoredForecasts) -> str:
    """Return the page of given forecasts as text.

    Parameters
    ----------
    shown : ScoredForecasts
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
