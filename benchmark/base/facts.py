"""Facts: what a run's row in the store states of its data sets, methods and stresses.

They are written when the run is planned. A report reads them and loads no plug-in: the names in a
store may come from anybody.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from howrobust.base.stress import InputStress, SettingStress, SplitStress, Stress, TrainStress
from howrobust.errors import BadInput

if TYPE_CHECKING:
    from howrobust.planning.registry import MethodSpec

StressKind = Literal["input", "train", "split", "setting"]
KINDS: dict[type[Stress], StressKind] = {
    InputStress: "input",
    TrainStress: "train",
    SplitStress: "split",
    SettingStress: "setting",
}


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
    cautions: list[str]


@dataclass(frozen=True)
class MethodFacts:
    """What a report says of a method: see `howrobust.base.method.Method`."""

    label: str
    components: str
    noise_model: str

    @classmethod
    def of(cls, spec: "MethodSpec") -> "MethodFacts":
        """Return the facts of a method; imports it."""
        method = spec.load()
        return cls(spec.label, str(method.components), str(method.noise_model))


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

    @classmethod
    def of(cls, stress: Stress) -> "StressFacts":
        """Return the facts of a stress; BadInput for one of no kind."""
        kind = next((name for base, name in KINDS.items() if isinstance(stress, base)), None)
        if kind is None:
            raise BadInput(
                f"the stress {stress.name!r} is of no kind; derive it from InputStress, "
                "TrainStress, SplitStress or SettingStress"
            )
        facts = cls(stress.name, kind, str(stress.title), str(stress.unit))
        if isinstance(stress, InputStress):
            shown = (str(stress.scored_by), bool(stress.moves_targets), bool(stress.in_turn))
            return replace(facts, scored_by=shown[0], moves_targets=shown[1], in_turn=shown[2])
        if isinstance(stress, TrainStress):
            return replace(facts, ladder=bool(stress.ladder))
        return facts

    @property
    def severities(self) -> bool:
        """Whether levels are severities of a stress on inputs or training rows."""
        return self.kind == "input" or (self.kind == "train" and self.ladder)


@dataclass(frozen=True)
class Command:
    """The command line that makes a run again, and what a caller has to add to it."""

    text: str
    remarks: list[str]
