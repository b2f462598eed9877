"""What a run consists of: a suite with the options of the run applied to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from howrobust import environment
from howrobust.base.facts import REFERENCES
from howrobust.base.stress import SplitStress, Stress
from howrobust.errors import BadInput
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.first_checks import checked_data
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plugins.metrics import MetricPlugin, open_metrics
from howrobust.planning.plugins.stresses import open_stresses
from howrobust.planning.suite import Suite, chosen, load_suite
from howrobust.stress.held_out_regions import Thirds

MOST_FITS = 10_000  # of a method on a data set: a plan is held in memory


@dataclass(frozen=True)
class Selection:
    """What a run consists of.

    Parameters
    ----------
    suite : Suite
        The suite.
    options : RunOptions
        Options that replace the suite's numbers; its lists are those below.
    methods : sequence of MethodSpec
        The methods.
    data : sequence of DataSpec
        The data sets.
    stresses : sequence of Stress
        The stresses.
    given_stresses : mapping of str to (str or Stress), default {}
        Those of them that are no entry points: see `OpenedStresses`.
    metrics : sequence of MetricPlugin, default ()
        The metrics beside those of howrobust.
    """

    suite: Suite
    options: RunOptions
    methods: Sequence[MethodSpec]
    data: Sequence[DataSpec]
    stresses: Sequence[Stress]
    given_stresses: Mapping[str, str | Stress] = field(default_factory=dict)
    metrics: Sequence[MetricPlugin] = ()

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise BadInput(f"the number of repeats must be at least 1, not {self.repeats}")
        splits = self.splits or 1
        if splits * self.repeats > MOST_FITS:
            raise BadInput(
                f"{splits} splits times {self.repeats} repeats are too many; "
                f"ask for at most {MOST_FITS} fits of a method on a data set"
            )
        limit_s = self.options.timeout_s
        if limit_s is not None and not limit_s > 0:
            raise BadInput(f"the time limit must be greater than 0 seconds, not {limit_s}")

    @property
    def splits(self) -> int | None:
        """Number of splits; None for the data set's own number."""
        return self.suite.splits if self.options.splits is None else self.options.splits

    @property
    def repeats(self) -> int:
        """Fits of a split from different random starts."""
        return self.suite.repeats if self.options.repeats is None else self.options.repeats

    @property
    def repeat_splits(self) -> int | None:
        """Number of splits that are fitted repeatedly; None for all."""
        return None if self.options.repeats else self.suite.repeat_splits

    @property
    def timeout_s(self) -> float:
        """Time limit per cell in seconds."""
        return self.options.timeout_s or self.suite.timeout_s


def select(options: RunOptions) -> Selection:
    """Apply options to their suite.

    Parameters
    ----------
    options : RunOptions
        The options of a run.

    Returns
    -------
    Selection
        The suite with the options' methods, data sets and stresses, or else its own. The methods
        `marginal` and `oracle` are always added.

    Raises
    ------
    BadInput
        For an unknown name and for options that do not fit together.
    """
    data = checked_data(options)
    suite = load_suite(options.suite)
    if options.device == "cuda" and environment.gpu() in ("none", "unknown"):
        raise BadInput("--device cuda needs a GPU, and torch finds none; leave it out")
    labels = chosen(options.methods, suite.methods, "methods")
    stresses = open_stresses(chosen(options.stress, suite.stress, "stress"))
    if not labels:
        raise BadInput(f"suite {suite.name} has no methods of its own; name one with -m")
    methods = _parsed(labels, options)
    return Selection(
        suite=suite,
        options=options,
        methods=_with_references([row for spec in methods for row in _rows(spec)]),
        data=data,
        stresses=with_thirds(stresses.stresses),
        given_stresses=stresses.given,
        metrics=open_metrics(chosen(options.metrics, (), "metrics")),
    )


def with_thirds(stresses: Sequence[Stress]) -> list[Stress]:
    """Add the random thirds that held-out regions are compared with, where any region is held out.

    Parameters
    ----------
    stresses : sequence of Stress
        Any stresses.

    Returns
    -------
    list of Stress
        The stresses, with `Thirds` where one holds out regions.
    """
    names = {stress.name for stress in stresses}
    needed = any(isinstance(stress, SplitStress) for stress in stresses)
    return [*stresses, Thirds()] if needed and Thirds.name not in names else list(stresses)


def _parsed(labels: Sequence[str], options: RunOptions) -> list[MethodSpec]:
    """Return the methods, users' models with the settings that options have for them."""
    given = {
        "distribution": options.distribution,
        "fitted": options.fitted or None,
        "draws": options.draws,
        "batch_size": options.batch_size,
        "retries": options.retries,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    methods = [MethodSpec.parse(label, settings) for label in labels]
    if settings and not any(spec.is_user_model() for spec in methods):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in settings)
        raise BadInput(f"{flags} needs a model of your own, named by -m module:name")
    return methods


def _rows(spec: MethodSpec) -> list[MethodSpec]:
    """Return a method; where it is judged by its own distribution, the residual one beside it."""
    second = spec.second_row()
    return [spec] if second is None else [spec, second]


def _with_references(methods: Sequence[MethodSpec]) -> list[MethodSpec]:
    """Return the methods, each label once, with the references that are missing."""
    names = {spec.name for spec in methods}
    added = [MethodSpec(name) for name in REFERENCES if name not in names]
    return [*{spec.label: spec for spec in methods}.values(), *added]
