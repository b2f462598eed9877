"""Which measures the cards of a run have: those of every card, then those of its stresses."""

from howrobust.analysis.cards.culprits.segments import SEGMENT_ITEM
from howrobust.analysis.cards.entry import Item
from howrobust.analysis.cards.measures import CLEAN_ITEMS, COST_ITEMS
from howrobust.analysis.cards.plugin_measures import plugin_items
from howrobust.analysis.cards.stress_measures import stress_items
from howrobust.analysis.measured import Result
from howrobust.analysis.run_scores import Scores
from howrobust.base.metric import Undefined

HEADLINE_STRESS = "input_noise"


def card_items(scores: Scores) -> list[Item]:
    """Return the measures of a run's cards.

    Parameters
    ----------
    scores : Scores
        The run.

    Returns
    -------
    list of Item
        Those of every card and of the metrics of plug-ins, then those of the stresses of the run,
        then costs.
    """
    stressed: list[Item] = []
    headline = _headline_stress(scores)
    for stress, levels in scores.stresses().items():
        stressed += stress_items(scores.stress_facts(stress), len(levels), stress == headline)
    for part in ("tolerance", "awareness"):
        if not any(item.part == part and item.headline for item in stressed):
            stressed.append(Item(part, part, _no_stress, "none", headline=True))
    return [*CLEAN_ITEMS, *plugin_items(scores), SEGMENT_ITEM, *stressed, *COST_ITEMS]


def _headline_stress(scores: Scores) -> str:
    """The headline of tolerance and awareness: input noise, or else the first ladder of inputs."""
    ladders = []
    for stress, levels in scores.stresses().items():
        facts = scores.stress_facts(stress)
        is_ladder = facts.ladder and len(levels) > 1
        if facts.kind == "input" and facts.scored_by == "rmse" and is_ladder:
            ladders.append(stress)
    if HEADLINE_STRESS in ladders or not ladders:
        return HEADLINE_STRESS
    return ladders[0]


def _no_stress(scores: Scores, dataset: str, method: str, stress: str) -> Result:
    """Not measured: the run has no stress with several levels of the inputs."""
    return Undefined("the run has no stress with several levels of the inputs")
