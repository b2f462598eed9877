"""Cards of all methods of a run: each measure ranked among the methods of a data set."""

from collections.abc import Sequence

import numpy as np

from howrobust.analysis.cards.card import Card
from howrobust.analysis.cards.culprits.least_change import least_change_items
from howrobust.analysis.cards.entry import Entry, Item
from howrobust.analysis.cards.items import card_items
from howrobust.analysis.cards.measures import inside_null
from howrobust.analysis.cards.sentences import notes, sentences
from howrobust.analysis.cards.two_distributions import with_second_rows
from howrobust.analysis.measured import Measured, Result
from howrobust.analysis.run_scores import Scores
from howrobust.base.facts import REFERENCES
from howrobust.base.metric import Undefined
from howrobust.distributions.forecast import NotStated

NEEDS_SKILL = ("calibration", "stability", "tolerance")  # a constant forecast would win them


def cards(scores: Scores) -> dict[str, Card]:
    """Return the card of every method of a run.

    Parameters
    ----------
    scores : Scores
        The run.

    Returns
    -------
    dict of str to Card
        Cards by label, those of the references included, which are never ranked. A second row is on
        the card of its model.
    """
    items = card_items(scores)
    entries: dict[str, list[Entry]] = {method: [] for method in scores.methods}
    for data in scores.data:
        name = data.name
        present = [m for m in scores.methods if scores.finished(name, m)]
        skilled = [m for m in present if beats_marginal(scores, name, m)]
        for item in [*items, *least_change_items(scores, data)]:
            results = {m: _measured(scores, name, m, item) for m in present}
            for method, entry in _ranked(scores, name, item, results, skilled).items():
                entries[method].append(entry)
    made = {
        method: Card(
            method,
            tuple(of_method),
            sentences(scores, method),
            notes(scores, method, of_method),
        )
        for method, of_method in entries.items()
    }
    return with_second_rows(scores, made)


def _measured(scores: Scores, dataset: str, method: str, item: Item) -> Result:
    """A measure, `Undefined` where it needs what the data or the form of forecasts cannot give."""
    left_out = next(data.left_out for data in scores.data if data.name == dataset)
    if item.stress in left_out:
        return Undefined(left_out[item.stress])
    try:
        result = item.measure(scores, dataset, method, item.stress)
    except NotStated as absent:
        return Undefined(str(absent))
    failure = _failure(scores, dataset, method, item.stress)
    return Undefined(failure) if failure and isinstance(result, Undefined) else result


def _failure(scores: Scores, dataset: str, method: str, stress: str) -> str:
    """Why there is no forecast at a level of a stress of inputs; empty where there are all."""
    lost = (pair for c in scores.finished(dataset, method) for pair in c.lost.items())
    return next((reason for (name, _), reason in lost if name == stress), "")


def beats_marginal(scores: Scores, dataset: str, method: str) -> bool:
    """Return whether a method predicts better than marginal.

    Parameters
    ----------
    scores : Scores
        The run.
    dataset, method : str
        Names of the data set and the method.

    Returns
    -------
    bool
        Whether its mean nll over splits is lower, or its crps where there is no nll, or its rmse
        where there is neither; True where there is none of them.
    """
    for metric in ("nll", "crps", "rmse"):
        estimate = scores.estimate(dataset, method, metric)
        marginal = scores.estimate(dataset, "marginal", metric)
        if estimate and marginal:
            return estimate.mean < marginal.mean
    return True


def _ranked(
    scores: Scores, dataset: str, item: Item, results: dict[str, Result], skilled: Sequence[str]
) -> dict[str, Entry]:
    """Rank the methods by a measure; ties share the better rank."""
    reasons = {m: _unranked(scores, dataset, item, m, r, skilled) for m, r in results.items()}
    keys = {
        m: _key(scores, dataset, item, m, r)
        for m, r in results.items()
        if not reasons[m] and isinstance(r, Measured)
    }
    ranks = {m: 1 + sum(other < key for other in keys.values()) for m, key in keys.items()}
    return {
        m: Entry(
            dataset,
            item,
            r,
            ranks.get(m),
            len(keys),
            reasons[m],
            scores.about.method_facts[m].whose,
        )
        for m, r in results.items()
    }


def _key(scores: Scores, dataset: str, item: Item, method: str, result: Measured) -> float:
    """What a measure is ranked by, the least first."""
    if item.part == "calibration":
        # Inside the null all are equal: a perfect forecaster could have scored any of them.
        inside = inside_null(scores, dataset, method)
        return -np.inf if inside else result.value
    if item.better == "one":
        return abs(result.value - 1)
    if item.better == "zero":
        return abs(result.value)
    if item.better == "high":
        return -np.inf if result.censored else -result.value
    return result.value


def _unranked(
    scores: Scores, dataset: str, item: Item, method: str, result: Result, skilled: Sequence[str]
) -> str:
    """Why a method is not ranked by a measure; empty where it is."""
    if isinstance(result, Undefined):
        return result.reason
    if method in REFERENCES:
        return "a reference, not ranked"
    if scores.about.method_facts[method].row_of:
        return "the second row of a model, not ranked"
    unranked = result.unranked or (item.unranked if item.better == "none" else "")
    if unranked:
        return f"not ranked: {unranked}"
    scored = scores.fewest_splits(dataset, method, item.stress)
    if scored < scores.planned_splits(dataset):
        return f"not ranked: scored on {scored} of {scores.planned_splits(dataset)} splits"
    if item.part in NEEDS_SKILL and method not in skilled:
        return "not ranked: it does not beat marginal"
    if item.stress.startswith("adversarial") and not scores.has_gradients(dataset, method):
        return "not ranked: attacked without gradients"
    return ""
