"""A model's own distribution beside the residual one: two rows of one card, and which is better."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.entry import Entry
from howrobust.analysis.cards.measures import excess_errors
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.statistics import paired
from howrobust.metrics.calibration import level_digits

PARTS_OF_A_FORECAST = ("accuracy", "calibration")
COVERAGES = (0.90, 0.95, 0.50, 0.997)  # judged by the first that both state


def with_second_rows(scores: Scores, cards: Mapping[str, Card]) -> dict[str, Card]:
    """Join each second row to the card of its model.

    Parameters
    ----------
    scores : Scores
        The run.
    cards : mapping of str to Card
        The card of every label.

    Returns
    -------
    dict of str to Card
        The cards of the first rows, those of models with two rows with the accuracy and
        calibration of the second, and a sentence on which is better calibrated.
    """
    joined = dict(cards)
    for facts in scores.about.methods:
        if facts.row_of in joined and facts.label in joined:
            first, second = joined[facts.row_of], joined.pop(facts.label)
            joined[facts.row_of] = replace(
                first,
                residual=tuple(_of_the_forecast(second.entries)),
                notes=(*_comparisons(scores, first, facts.label), *first.notes),
            )
    return joined


def _of_the_forecast(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Accuracy and calibration on clean rows, which alone a second row has."""
    for entry in entries:
        if entry.item.part in PARTS_OF_A_FORECAST and not entry.item.stress:
            yield entry


def _comparisons(scores: Scores, card: Card, residual: str) -> Iterator[str]:
    several = len(card.datasets) > 1
    for dataset in card.datasets:
        where = f"{dataset}: " if several else ""
        yield where + better_calibrated(scores, dataset, card.method, residual)


def better_calibrated(scores: Scores, dataset: str, own: str, residual: str) -> str:
    """Return which of two rows is better calibrated, and by how much, as a sentence.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset : str
        Name of the data set.
    own, residual : str
        Labels of the model and of its second row.

    Returns
    -------
    str
        The paired difference over splits of the excess calibration error, or where one of the two
        has none, of |coverage - p| at the first probability p that both state; with the corrected
        interval of `howrobust.analysis.statistics.paired`. A difference is only claimed where that
        interval excludes 0.
    """
    for name, one, two in _errors(scores, dataset, own, residual):
        common = one.index.intersection(two.index)
        if len(common):
            return _sentence(
                name, one[common].to_numpy(), two[common].to_numpy(), scores.overlap(dataset)
            )
    return (
        "its own distribution and the residual one cannot be compared: no split has a calibration "
        "error of both"
    )


def _errors(
    scores: Scores, dataset: str, own: str, residual: str
) -> Iterator[tuple[str, pd.Series, pd.Series]]:
    """Calibration errors by split of both, in the order in which they are preferred."""
    one, two = (excess_errors(scores, dataset, method) for method in (own, residual))
    yield "excess calibration error", one, two
    for level in COVERAGES:
        name = f"coverage_{level_digits(level)}"
        shares = (scores.values(dataset, method, name) for method in (own, residual))
        one, two = ((share - level).abs() for share in shares)
        yield f"error of the coverage of {100 * level:g} % intervals", one, two


def _sentence(name: str, own: np.ndarray, residual: np.ndarray, overlap: float) -> str:
    means = f"{own.mean():.3g} against {residual.mean():.3g}"
    if len(own) < 2:
        return f"{name}: {means} of the residual distribution; one split cannot show a difference"
    estimate = paired(own, residual, overlap).estimate
    low, high = sorted((abs(estimate.lower), abs(estimate.upper)))
    by = f"its {name} is lower by {abs(estimate.mean):.3g} [{low:.3g}, {high:.3g}] ({{}})"
    if estimate.upper < 0:
        return (
            "its own distribution is better calibrated than the residual one: "
            + by.format(means)
        )  # fmt: skip
    if estimate.lower > 0:
        means = f"{residual.mean():.3g} against {own.mean():.3g}"
        return (
            "the residual distribution is better calibrated than its own: " + by.format(means)
        )  # fmt: skip
    return (
        "no difference in calibration could be shown between its own distribution and the residual "
        f"one: {name} {means}, difference {estimate.mean:.3g} [{estimate.lower:.3g}, "
        f"{estimate.upper:.3g}]"
    )
