"""Stresses of a run that hold a region of the inputs or targets out."""

from howrobust.analysis.run_scores import Scores

BASELINE = "third"
REGION = 1.0  # the one level of such a stress


def regions(scores: Scores) -> set[str]:
    """Return the stresses of a run that hold a region out.

    Parameters
    ----------
    scores : Scores
        The run.

    Returns
    -------
    set of str
        Names of the stresses, their baseline among them.
    """
    return {stress for stress in scores.stresses() if scores.stress_facts(stress).kind == "split"}
