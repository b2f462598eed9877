"""Records, outcomes and results: what the stages write to the store and read from it."""

from dataclasses import dataclass, field
from typing import Literal

from howrobust.base.cells import CLEAN, Level
from howrobust.base.facts import Command, DataFacts, MethodFacts, MetricFacts, StressFacts

GRADIENTS = "gradients"  # the fact whether attacks could use the model's gradients
# The fact that a model refuses missing values, and was given training medians under stress.
MISSING_FILLED = "missing_values_filled"
COSTS = (
    "fit_cpu_s", "fit_wall_s", "fit_ratio", "us_per_draw", "draw_ratio", "peak_rss_mb",
    "stack_size",
)  # fmt: skip
_SHOWN_OF_ENVIRONMENT = {"cores", "howrobust", "processor", "torch"}


@dataclass(frozen=True)
class Record:
    """One number of one cell at one stress level, or why there is none.

    Parameters
    ----------
    stress : str
        Name of the stress; "none" for clean test rows.
    level : float
        Severity of the stress.
    metric : str
        Name of the metric or cost.
    value : float or None
        The number; None unless ``status`` is "ok".
    status : {"ok", "undefined", "failed"}
        Whether there is a number.
    reason : str, default=""
        Why there is none.
    code : str, default=""
        Hash of the source that computed it.
    feature : str, default=""
        The one feature that was stressed; "" for the record of the whole stress.
    segment : str, default=""
        The region of that feature, such as "middle third"; "" for all of it.
    """

    stress: str
    level: float
    metric: str
    value: float | None
    status: str
    reason: str = ""
    code: str = ""
    feature: str = ""
    segment: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of fitting and forecasting a cell, as a worker returns it.

    Parameters
    ----------
    key : str
        Key of the cell.
    status : {"ok", "failed"}
        Whether the cell has a forecast of clean rows.
    levels : tuple of Level
        Levels that were forecast.
    lost : tuple of (Level, str)
        Levels that failed, each with the reason.
    testset : str
        Hash of the test rows.
    facts : dict of str to float or list of float, or None
        Numbers that the fit reports of itself.
    costs : tuple of Record
        Records of time and memory.
    kind, reason, traceback : str
        Of a failed cell: the name of the exception, one line, and where it was raised.
    whole_stack : bool, default=False
        The stack failed as a whole: it is not known yet which cell is to blame.
    """

    key: str
    status: str
    levels: tuple[Level, ...] = ()
    lost: tuple[tuple[Level, str], ...] = ()
    testset: str = ""
    facts: dict[str, float | list[float]] | None = None
    costs: tuple[Record, ...] = ()
    kind: str = ""
    reason: str = ""
    traceback: str = ""
    whole_stack: bool = False


@dataclass(frozen=True)
class CellResult:
    """A cell as the store holds it.

    Parameters
    ----------
    key, dataset, split, method, train_stress : str
        The key and the address of the cell: see `Cell`.
    level : float
        Severity of the stress of the fit.
    repeat : int
        Number of the restart.
    status : {"planned", "ok", "failed"}
        Whether it was fitted.
    held : dict of Level to str
        Levels that have a forecast, each with the hash of the stress's source.
    lost : dict of Level to str
        Levels that failed, each with the reason.
    testset : str
        Hash of the test rows; "" before the fit.
    facts : dict of str to float or list of float
        Numbers that the fit reports of itself.
    kind, reason, traceback : str
        Of a failed cell: the name of the exception, one line, and where it was raised.
    """

    key: str
    dataset: str
    split: str
    method: str
    train_stress: str
    level: float
    repeat: int
    status: Literal["planned", "ok", "failed"]
    held: dict[Level, str] = field(default_factory=dict)
    lost: dict[Level, str] = field(default_factory=dict)
    testset: str = ""
    facts: dict[str, float | list[float]] = field(default_factory=dict)
    kind: str = ""
    reason: str = ""
    traceback: str = ""

    @property
    def stress_level(self) -> Level:
        """The stress of the fit and its level."""
        return self.train_stress, self.level


@dataclass(frozen=True)
class RunInfo:
    """What the store states of a run.

    Parameters
    ----------
    run : str
        Name of the run: the same plan, data and code have the same name.
    suite : str
        Name of the suite.
    seed : str
        Seed that every random number derives from; text, since it may exceed 64 bits.
    started : int
        When it was started last, ns since 1970.
    levels : tuple of Level
        Levels of the run, clean first.
    data : tuple of DataFacts
        Facts of its data sets.
    methods : tuple of MethodFacts
        Facts of its methods.
    stresses : tuple of StressFacts
        Facts of its stresses.
    command : Command
        The command line that makes the run again.
    environment : dict of str to str
        Versions and processor.
    took_s : float
        Seconds that it took, over all its starts.
    reused : int
        Cells that were finished before its last start.
    metrics : tuple of MetricFacts
        Facts of its metrics beside those of howrobust.

    Raises
    ------
    ValueError
        Where facts that a report needs are missing.
    """

    run: str
    suite: str
    seed: str
    started: int
    levels: tuple[Level, ...]
    data: tuple[DataFacts, ...]
    methods: tuple[MethodFacts, ...]
    stresses: tuple[StressFacts, ...]
    command: Command
    environment: dict[str, str]
    took_s: float = 0.0
    reused: int = 0
    metrics: tuple[MetricFacts, ...] = ()

    def __post_init__(self) -> None:
        known = {CLEAN[0], *(stress.name for stress in self.stresses)}
        unknown = sorted({stress for stress, _ in self.levels} - known)
        if unknown:
            raise ValueError(f"there are levels, but no facts, of the stress {unknown[0]!r}")
        missing = sorted(_SHOWN_OF_ENVIRONMENT - self.environment.keys())
        if missing:
            raise ValueError(f"the environment lacks {', '.join(missing)}")

    @property
    def labels(self) -> list[str]:
        """Labels of the methods, in the order of the plan."""
        return [method.label for method in self.methods]

    @property
    def method_facts(self) -> dict[str, MethodFacts]:
        """Facts of the methods by label."""
        return {method.label: method for method in self.methods}

    @property
    def stress_facts(self) -> dict[str, StressFacts]:
        """Facts of the stresses by name."""
        return {stress.name: stress for stress in self.stresses}
