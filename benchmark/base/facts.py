"""Facts: what a run's row in the store states of its data sets, methods and stresses.

They are written when the run is planned. A report reads them and loads no plug-in: the names in a
store may come from anybody.
"""

from dataclasses import dataclass
from typing import Literal

from howrobust.base.stress import InputStress, TrainStress

StressKind = Literal["input", "train", "split", "setting"]


@dataclass(frozen=True)
class DataFacts:
    """What a report says of a data set; ``limits`` are the expected scores of a known truth."""

    name: str
    title: str
    source: str
    licence: str
    unit: str
    sha256: str
    synthetic: bool
    limits: dict[str, float]
    target: str
    features: list[str]
    n_train: int
    n_test: int
    split: str
    warnings: list[str]


@dataclass(frozen=True)
class MethodFacts:
    """What a report says of a method: see `howrobust.base.method.Method`."""

    label: str
    components: str
    noise_model: str


@dataclass(frozen=True)
class StressFacts:
    """What a report says of a stress: see `howrobust.base.stress`.

    Attributes that its kind lacks have the default of the kind that has them.
    """

    name: str
    kind: StressKind
    title: str
    unit: str
    scored_by: str = InputStress.scored_by
    moves_targets: bool = InputStress.moves_targets
    in_turn: bool = InputStress.in_turn
    ladder: bool = TrainStress.ladder

    @property
    def severities(self) -> bool:
        """Whether levels are severities of a stress on inputs or training rows."""
        return self.kind == "input" or (self.kind == "train" and self.ladder)


@dataclass(frozen=True)
class Command:
    """The command line that makes a run again, and what a caller has to add to it."""

    text: str
    remarks: list[str]
