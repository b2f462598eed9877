"""What a stored run states about its data sets, methods and stresses, for reports.

It is written when the run is planned. A report reads it and imports no plug-in, since a store from
elsewhere could name any module.
"""

from dataclasses import dataclass, field
from typing import Literal

from howrobust.base.metric import Better
from howrobust.base.stress import InputStress, TrainStress

REFERENCES = ("marginal", "oracle")  # in every run and table, never ranked
StressKind = Literal["input", "train", "split", "setting"]
WHOSE = {  # what a method is judged by, see `howrobust.base.method.Whose`
    "own": "its own distribution",
    "residual": (
        "a Gaussian around its prediction with one sd, made by howrobust from out-of-fold residuals"
    ),
    "cv_plus": "CV+ intervals, made by howrobust from the models of a cross-validation",
}


@dataclass(frozen=True)
class DataFacts:
    """What a report states about a data set.

    Parameters
    ----------
    name, title, source, licence, unit : str
        Its name and provenance, and the unit of the target.
    sha256 : str
        Hash of its content.
    synthetic : bool
        Whether the true distribution is known.
    limits : dict of str to float
        Expected scores of the true distribution, by metric; empty where it is not known.
    target : str
        Name of the target.
    features : list of str
        Names of the inputs.
    n_train, n_test : int
        Number of training and test rows of the first split.
    split : str
        Kind of the splits.
    warnings : list of str
        Sentences on what changes how scores are to be read.
    categories : dict of str to list of str
        By feature that a table encodes, its categories in the order of their codes 0, 1, ...
    left_out : dict of str to str
        By stress of inputs that changes nothing of the data set, the reason.
    in_turn : dict of str to list of str
        By stress that changes one feature at a time, but not all features, those that it changes.
    dates, ids : list of str
        Features that hold days since 1970-01-01, and those that name the rows.
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
    warnings: list[str]
    categories: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    in_turn: dict[str, list[str]] = field(default_factory=dict)
    dates: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def turned(self, stress: str) -> list[str]:
        """Return the features that a stress changes, one at a time.

        Parameters
        ----------
        stress : str
            Name of the stress.

        Returns
        -------
        list of str
            Names of the features.
        """
        return self.in_turn.get(stress, self.features)


@dataclass(frozen=True)
class MethodFacts:
    """What a report states about a method: see `howrobust.base.method.Method`.

    Parameters
    ----------
    label : str
        Its label.
    components, noise_model : str
        The attributes of its class.
    whose : {"own", "residual", "cv_plus"}, default="own"
        Whose distribution it is judged by, see `WHOSE`.
    row_of : str, default=""
        Label of the method whose second row it is: the same model with a residual distribution.
    deterministic : bool, default=False
        Whether it claims that a fit depends on its rows and settings alone.
    restarts : str, default="the fit does not depend on the seed"
        Why its restarts could give the same predictions.
    """

    label: str
    components: str
    noise_model: str
    whose: str = "own"
    row_of: str = ""
    deterministic: bool = False
    restarts: str = "the fit does not depend on the seed"


@dataclass(frozen=True)
class StressFacts:
    """What a report states about a stress: see `howrobust.base.stress`.

    Parameters
    ----------
    name : str
        Its name.
    kind : {"input", "train", "split", "setting"}
        What it changes.
    title, unit : str
        What it does, and the unit of its severity.
    scored_by : str, optional
        Attribute of an `InputStress`; other kinds have its default.
    moves_targets : bool, optional
        Attribute of an `InputStress`; other kinds have its default.
    in_turn : bool, optional
        Attribute of an `InputStress`; other kinds have its default.
    ladder : bool, optional
        Attribute of an `InputStress` or a `TrainStress`; other kinds have its default.
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
class MetricFacts:
    """What a report states about a metric of a plug-in: see `howrobust.base.metric.Metric`.

    Parameters
    ----------
    name : str
        Its name.
    better : {"low", "high", "nominal", "zero", "-"}
        Which values are better.
    """

    name: str
    better: Better


@dataclass(frozen=True)
class Command:
    """The command line that repeats a run.

    Parameters
    ----------
    text : str
        The command.
    remarks : list of str
        What the command cannot state, such as a model given from Python.
    """

    text: str
    remarks: list[str]
