"""Which measures the cards of a run have: those of every card, then those of its stresses."""

from collections.abc import Iterator

from howrobust.analysis.cards import measures as clean
from howrobust.analysis.cards import stress_measures as stressed
from howrobust.analysis.cards.card import Item
from howrobust.analysis.measured import Measure, Result
from howrobust.analysis.regions import BASELINE
from howrobust.analysis.run_scores import Scores
from howrobust.base.facts import StressFacts
from howrobust.base.metric import Undefined

HEADLINE_STRESS = "input_noise"
NOMINAL = "nearer its nominal share is better"


def card_items(scores: Scores) -> list[Item]:
    """Return the measures of a run's cards: those of every card, then those of its stresses."""
    items = [
        Item("accuracy", "rmse", clean.rmse, "low", headline=True),
        Item("accuracy", "nll", clean.nll, "low"),
        Item(
            "calibration",
            "excess calibration error",
            clean.excess_calibration_error,
            "low",
            headline=True,
        ),
        Item("calibration", "coverage_90", clean.coverage_90, "none", unranked=NOMINAL),
        Item("calibration", "coverage_95", clean.coverage_95, "none", unranked=NOMINAL),
        Item(
            "stability",
            "instability over restarts",
            clean.instability_over_restarts,
            "low",
            headline=True,
        ),
        Item("stability", "instability over shuffles", clean.instability_over_shuffles, "low"),
    ]
    for stress in scores.stresses():
        facts, severities = scores.stress_facts(stress), len(scores.stresses()[stress])
        items += _items_of(facts, severities, stress == _headline_stress(scores))
    for part in ("tolerance", "awareness"):
        if not any(item.part == part and item.headline for item in items):
            absent = _absent("the run has no stress with several levels of the inputs")
            items.append(Item(part, part, absent, "none", headline=True))
    return [
        *items,
        Item("cost", "fit seconds", clean.fit_seconds, "low", headline=True),
        Item("cost", "microseconds per draw", clean.microseconds_per_draw, "low"),
    ]


def _headline_stress(scores: Scores) -> str:
    """The headline of tolerance and awareness: input noise, or else the first ladder of inputs."""
    ladders = []
    for stress, levels in scores.stresses().items():
        facts = scores.stress_facts(stress)
        if facts.kind == "input" and facts.scored_by == "rmse" and len(levels) > 1:
            ladders.append(stress)
    if HEADLINE_STRESS in ladders or not ladders:
        return HEADLINE_STRESS
    return ladders[0]


def _items_of(facts: StressFacts, severities: int, headline: bool) -> Iterator[Item]:
    """The measures of one stress with so many levels; none for what is no severity."""
    stress = facts.name
    if facts.moves_targets:
        place = (stress, False, "it should grow outside the training data")
        yield Item("awareness", "sd over clean sd", stressed.sd_ratio, "none", *place)
    elif facts.scored_by == "nll":
        yield Item(
            "tolerance",
            "nll at the highest level",
            stressed.attacked_nll,
            "low",
            stress,
        )
    elif facts.severities:
        yield from _items_of_ladder(facts, severities, headline)
    elif facts.kind == "split" and stress != BASELINE:
        yield Item(
            "tolerance",
            "rmse over that of thirds",
            stressed.region_ratio,
            "low",
            stress,
        )
        yield Item("awareness", "awareness", stressed.region_awareness, "one", stress)
    elif facts.kind == "setting":
        place = (stress, False, "1 means that the setting has no effect")
        yield Item("tolerance", "rmse over clean rmse, doubled", stressed.ratio, "none", *place)


def _items_of_ladder(facts: StressFacts, severities: int, headline: bool) -> Iterator[Item]:
    stress = facts.name
    place = (stress, headline)
    if severities > 1:
        yield Item("tolerance", "severity that doubles rmse", stressed.doubling, "high", *place)
        yield Item("tolerance", "degradation area", stressed.degradation, "low", stress)
        yield Item(
            "tolerance", "first level worse than marginal", stressed.worse_than_marginal, "high",
            stress,
        )  # fmt: skip
    else:
        yield Item("tolerance", "rmse over clean rmse", stressed.ratio, "low", stress)
    if facts.in_turn:
        yield Item(
            "tolerance",
            "worst feature's rmse ratio",
            stressed.worst_ratio,
            "low",
            stress,
        )
    if facts.kind == "input":
        yield Item("awareness", "awareness", stressed.keeping_pace, "one", *place)


def _absent(reason: str) -> Measure:
    def measure(scores: Scores, dataset: str, method: str, stress: str) -> Result:
        """Nothing was measured: the run lacks the stress."""
        return Undefined(reason)

    return measure
