"""What a robustness card measures by the metrics of plug-ins."""

from howrobust.analysis.cards.entry import Better, Item
from howrobust.analysis.cards.measures import COVERAGE_UNRANKED
from howrobust.analysis.measured import Result, mean_of_metric
from howrobust.analysis.run_scores import Scores
from howrobust.base.facts import MetricFacts

DIRECTIONS: dict[str, tuple[Better, str]] = {
    "low": ("low", "low is better"),
    "high": ("high", "high is better"),
    "zero": ("zero", "values near 0 are better"),
    "nominal": ("none", COVERAGE_UNRANKED),
}


def plugin_items(scores: Scores) -> list[Item]:
    """Return a measure for each metric of a plug-in that has a direction.

    Parameters
    ----------
    scores : Scores
        The run.

    Returns
    -------
    list of Item
        Measures of accuracy on clean test rows.
    """
    return [_item(facts) for facts in scores.plugin_metrics]


def _item(facts: MetricFacts) -> Item:
    better, text = DIRECTIONS[facts.better]

    def measure(scores: Scores, dataset: str, method: str, stress: str) -> Result:
        return mean_of_metric(scores, dataset, method, facts.name)

    measure.__doc__ = (
        f"Mean over splits of {facts.name}, a metric of a plug-in, of clean test rows; {text}."
    )
    return Item("accuracy", facts.name, measure, better, unranked=text if better == "none" else "")
