"""Sentences and notes of a robustness card."""

from collections.abc import Sequence

from howrobust.analysis.cards.entry import Entry
from howrobust.analysis.cards.measures import coverage_95
from howrobust.analysis.measured import Measured
from howrobust.analysis.run_scores import Scores
from howrobust.base.metric import Undefined
from howrobust.distributions.forecast import Forecast

REFUSES_MISSING = (
    "under stress, missing values were filled with training medians, since the model refuses them"
)


def sentences(scores: Scores, method: str) -> dict[str, str]:
    """Return an example forecast and the coverage, as a sentence by data set.

    Parameters
    ----------
    scores : Scores
        The run.
    method : str
        Label of the method.

    Returns
    -------
    dict of str to str
        Sentences by data set; none for data sets without a finished fit.
    """
    by_dataset = {}
    for data in scores.data:
        cells = scores.finished(data.name, method)
        covered = coverage_95(scores, data.name, method, "") if cells else None
        if isinstance(covered, Measured) and covered.lower is not None:
            forecast = scores.clean(cells[0])
            share = f"{100 * covered.value:.1f} %"
            limits = f"[{100 * covered.lower:.1f}, {100 * (covered.upper or 1):.1f}]"
            by_dataset[data.name] = (
                f"{first_forecast(forecast)}; {share} "
                f"{limits} of held-out points fell inside their 95 % interval."
            )
    return by_dataset


def first_forecast(forecast: Forecast) -> str:
    """Return the forecast of the first row in words.

    Parameters
    ----------
    forecast : Forecast
        A forecast that has 95 % intervals.

    Returns
    -------
    str
        Mean and interval; the interval alone where the model states no point forecast.
    """
    lower, upper = (end[0] for end in forecast.interval(0.95))
    if "mean" in forecast.missing:
        return f"a 95 % interval from {lower:.4g} to {upper:.4g}"
    return f"{forecast.mean[0]:.4g} (95 % interval {lower:.4g} to {upper:.4g})"


def notes(scores: Scores, method: str, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return which headlines are missing, and why, and whether missing values were refused.

    Parameters
    ----------
    scores : Scores
        The run.
    method : str
        Label of the method.
    entries : sequence of Entry
        Entries of its card.

    Returns
    -------
    tuple of str
        One note per part and reason, with the data sets that it is about, and `REFUSES_MISSING`.
    """
    missing: dict[str, list[str]] = {}
    for entry in entries:
        if entry.item.headline and isinstance(entry.result, Undefined):
            text = f"{entry.item.part} is missing: {entry.result.reason}"
            missing.setdefault(text, []).append(entry.dataset)
    refused = [data.name for data in scores.data if scores.refuses_missing(data.name, method)]
    if refused:
        missing[REFUSES_MISSING] = refused
    return tuple(f"{text} ({', '.join(datasets)})" for text, datasets in missing.items())
