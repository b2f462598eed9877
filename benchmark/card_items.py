"""Which measures the cards of a run have: those of every card, then those of its stresses."""

from collections.abc import Iterator

from howrobust import card_measures as clean
from howrobust import card_stress_measures as stressed
from howrobust.cards import Item
from howrobust.catalogue import known_stress
from howrobust.measured import Measure, Result
from howrobust.metrics.contract import Undefined
from howrobust.regions import BASELINE
from howrobust.scores import Scores
from howrobust.stress.contract import InputStress, SettingStress, SplitStress, TrainStress

HEADLINE_STRESS = "input_noise"
NOMINAL = "nearer its nominal share is better"


def card_items(scores: Scores) -> list[Item]:
    """Return the measures of a run's cards: those of every card, then those of its stresses."""
    items = [
        Item("accuracy", "rmse", clean.rmse, "low", headline=True),
        Item("accuracy", "nll", clean.nll, "low"),
        Item(
            "honesty",
            "excess calibration error",
            clean.excess_calibration_error,
            "low",
            headline=True,
        ),
        Item("honesty", "coverage_90", clean.coverage_90, "none", unranked=NOMINAL),
        Item("honesty", "coverage_95", clean.coverage_95, "none", unranked=NOMINAL),
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
        items += _items_of(stress, stress == _headline_stress(scores))
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
    for stress in scores.stresses():
        kind = known_stress(stress)
        if isinstance(kind, InputStress) and kind.scored_by == "rmse" and len(kind.levels) > 1:
            ladders.append(stress)
    if HEADLINE_STRESS in ladders or not ladders:
        return HEADLINE_STRESS
    return ladders[0]


def _items_of(stress: str, headline: bool) -> Iterator[Item]:
    """The measures of one stress; none for what is no severity."""
    kind = known_stress(stress)
    if isinstance(kind, InputStress) and kind.moves_targets:
        place = (stress, False, "it should grow outside the training data")
        yield Item("awareness", "sd over clean sd", stressed.sd_ratio, "none", *place)
    elif isinstance(kind, InputStress) and kind.scored_by == "nll":
        yield Item(
            "tolerance",
            "nll at the highest level",
            stressed.attacked_nll,
            "low",
            stress,
        )
    elif isinstance(kind, InputStress) or (isinstance(kind, TrainStress) and kind.ladder):
        yield from _items_of_ladder(stress, kind, headline)
    elif isinstance(kind, SplitStress) and stress != BASELINE:
        yield Item(
            "tolerance",
            "rmse over that of thirds",
            stressed.region_ratio,
            "low",
            stress,
        )
        yield Item("awareness", "awareness", stressed.region_awareness, "one", stress)
    elif isinstance(kind, SettingStress):
        place = (stress, False, "1 means that the setting has no effect")
        yield Item("tolerance", "rmse over clean rmse, doubled", stressed.ratio, "none", *place)


def _items_of_ladder(
    stress: str, kind: InputStress | TrainStress, headline: bool
) -> Iterator[Item]:
    place = (stress, headline)
    if len(kind.levels) > 1:
        yield Item("tolerance", "severity that doubles rmse", stressed.doubling, "high", *place)
        yield Item("tolerance", "degradation area", stressed.degradation, "low", stress)
        yield Item(
            "tolerance", "first level worse than marginal", stressed.worse_than_marginal, "high",
            stress,
        )  # fmt: skip
    else:
        yield Item("tolerance", "rmse over clean rmse", stressed.ratio, "low", stress)
    if isinstance(kind, InputStress) and kind.in_turn:
        yield Item(
            "tolerance",
            "worst feature's rmse ratio",
            stressed.worst_ratio,
            "low",
            stress,
        )
    if isinstance(kind, InputStress):
        yield Item("awareness", "awareness", stressed.keeping_pace, "one", *place)


def _absent(reason: str) -> Measure:
    def measure(scores: Scores, dataset: str, method: str, stress: str) -> Result:
        """Nothing was measured: the run lacks the stress."""
        return Undefined(reason)

    return measure
