"""Stresses of a run that hold a region of the inputs or targets out."""

from howrobust.catalogue import known_stress
from howrobust.scores import Scores
from howrobust.stress.contract import SplitStress

BASELINE = "third"
REGION = 1.0  # the one level of such a stress


def regions(scores: Scores) -> set[str]:
    """Names of the run's stresses that hold a region out, their baseline among them."""
    return {stress for stress in scores.stresses() if _is_region(scores, stress)}


def _is_region(scores: Scores, stress: str) -> bool:
    kind = known_stress(stress)
    if kind is not None:
        return isinstance(kind, SplitStress)
    # Splits are named after their family, which is mostly the stress's own name.
    own = (c["split"] for c in scores.cells if c["train_stress"] == stress)
    return any(split.startswith(f"{stress}-") for split in own)
