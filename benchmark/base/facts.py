"""Facts of the data sets, methods and stresses of a run, as the store holds them.

They are written when the run is planned, so that a report loads no plug-in: the plug-ins that a
store names need not be trusted.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from howrobust.base.stress import InputStress, SettingStress, SplitStress, Stress, TrainStress
from howrobust.errors import BadInput

if TYPE_CHECKING:
    from howrobust.base.method import Method

StressKind = Literal["input", "train", "split", "setting"]
KINDS: dict[type[Stress], StressKind] = {
    InputStress: "input",
    TrainStress: "train",
    SplitStress: "split",
    SettingStress: "setting",
}


@dataclass(frozen=True)
class DataFacts:
    """Facts of a data set.

    Parameters
    ----------
    name, title, source, licence, unit
        Name of the data set, and its provenance: see `howrobust.base.data.Provenance`.
    sha256 : str
        Hash of the data.
    synthetic : bool
        Whether the true distribution is known.
    limits : dict of str to float
        Expected scores of the true distribution, where it is known: no forecast beats them on
        average.
    target : str
        Name of the target.
    features : list of str
        Names of the features.
    n_train, n_test : int
        Numbers of training and test rows of ``split``.
    split : str
        The first split of the run.
    cautions : list of str
        Warnings about the data, a sentence each.
    """

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
    """Facts of a method: see `howrobust.base.method.Method`.

    Parameters
    ----------
    label : str
        Name of the method with its settings.
    components : str
        What the components of its mixtures are.
    noise_model : str
        How their sds came about.
    """

    label: str
    components: str
    noise_model: str

    @classmethod
    def of(cls, label: str, method: "type[Method]") -> "MethodFacts":
        """Return the facts of a method.

        Parameters
        ----------
        label : str
            Name of the method with its settings.
        method : type of Method
            Its class.

        Returns
        -------
        MethodFacts
            Its facts.
        """
        return cls(label, str(method.components), str(method.noise_model))


@dataclass(frozen=True)
class StressFacts:
    """Facts of a stress: see `howrobust.base.stress`.

    Attributes that a stress of its kind does not have are at their defaults.

    Parameters
    ----------
    name : str
        Name of the stress.
    kind : {"input", "train", "split", "setting"}
        What it changes.
    title, unit, scored_by, moves_targets, in_turn, ladder
        Attributes of the stress.
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
        """Return the facts of a stress.

        Parameters
        ----------
        stress : Stress
            The stress.

        Returns
        -------
        StressFacts
            Its facts.

        Raises
        ------
        BadInput
            If its class is derived from none of the kinds.
        """
        kind = next((name for base, name in KINDS.items() if isinstance(stress, base)), None)
        if kind is None:
            raise BadInput(
                f"the stress {stress.name!r} is of no kind; derive it from InputStress, "
                "TrainStress, SplitStress or SettingStress"
            )
        facts = cls(stress.name, kind, str(stress.title), str(stress.unit))
        if isinstance(stress, InputStress):
            return replace(
                facts,
                scored_by=str(stress.scored_by),
                moves_targets=bool(stress.moves_targets),
                in_turn=bool(stress.in_turn),
            )
        if isinstance(stress, TrainStress):
            return replace(facts, ladder=bool(stress.ladder))
        return facts

    @property
    def severities(self) -> bool:
        """Whether the levels are severities of a stress of inputs or training rows."""
        return self.kind == "input" or (self.kind == "train" and self.ladder)


@dataclass(frozen=True)
class Command:
    """The command line that repeats a run.

    Parameters
    ----------
    text : str
        The command line.
    remarks : list of str
        What the command line cannot state, a sentence each.
    """

    text: str
    remarks: list[str]
