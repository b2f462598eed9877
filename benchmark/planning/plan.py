"""Plans: all jobs of a run, made before anything is fitted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from howrobust import environment
from howrobust.base.cells import CLEAN, Cell, Level
from howrobust.base.data import Source
from howrobust.base.facts import Command, DataFacts, MethodFacts, StressFacts
from howrobust.base.records import RunInfo
from howrobust.base.stress import InputStress, SplitStress, Stress
from howrobust.datasets.tables.files import TableFile
from howrobust.datasets.tables.look import Look
from howrobust.errors import BadInput
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.facts import command, data_facts, method_facts, stress_facts
from howrobust.planning.fits import Fits, digest
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.selection import Selection, select
from howrobust.planning.source_closure import Sources, plugin_sources


@dataclass(frozen=True)
class Plan:
    """Everything that a run will do.

    Parameters
    ----------
    run : str
        Name of the run; equal plans have equal names.
    suite : str
        Name of the suite.
    seed : int
        Seed of the run.
    jobs : tuple of Job
        The jobs.
    levels : tuple of Level
        Stress and severity of all forecasts.
    codes : dict of str to str
        Hash of the source of each stress, by its name: a forecast by other source is made again.
    data : tuple of DataFacts
        Facts of the data sets.
    methods : tuple of MethodFacts
        Facts of the methods.
    stresses : tuple of StressFacts
        Facts of the stresses.
    command : Command
        The command line that repeats the run.
    looks : tuple of Look, default=()
        What was found in the files.
    """

    run: str
    suite: str
    seed: int
    jobs: tuple[Job, ...]
    levels: tuple[Level, ...]
    codes: dict[str, str]
    data: tuple[DataFacts, ...]
    methods: tuple[MethodFacts, ...]
    stresses: tuple[StressFacts, ...]
    command: Command
    looks: tuple[Look, ...] = ()

    @property
    def cells(self) -> list[Cell]:
        """All cells, in the plan's order."""
        return [cell for job in self.jobs for cell in job.cells]

    def info(self, environment: dict[str, str], started: int) -> RunInfo:
        """Return what the store states of this run.

        Parameters
        ----------
        environment : dict of str to str
            Versions and processor.
        started : int
            When it starts, ns since 1970.

        Returns
        -------
        RunInfo
            The facts of the run.
        """
        return RunInfo(
            run=self.run,
            suite=self.suite,
            seed=str(self.seed),
            started=started,
            levels=self.levels,
            data=self.data,
            methods=self.methods,
            stresses=self.stresses,
            command=self.command,
            environment=environment,
        )


@dataclass(frozen=True)
class _DataPlan:
    """The jobs and the facts of one data set."""

    jobs: list[Job]
    facts: DataFacts
    look: Look | None


@dataclass(frozen=True)
class _PluginSources:
    """The source of the methods and of the stresses, by name, and the hash of each method's."""

    method_codes: dict[str, str]
    methods: dict[str, Sources]
    stresses: dict[str, Sources]


def make_plan(options: RunOptions) -> Plan:
    """Plan a run.

    Parameters
    ----------
    options : RunOptions
        The options of the run.

    Returns
    -------
    Plan
        Its plan.

    Raises
    ------
    BadInput
        For an unknown name, for options that do not fit together, and for data or settings that
        cannot be used.
    """
    return plan_of(select(options))


def plan_of(selection: Selection) -> Plan:
    """Plan the fits and forecasts of methods on data sets under stresses.

    Parameters
    ----------
    selection : Selection
        What the run consists of.

    Returns
    -------
    Plan
        Its plan.

    Raises
    ------
    BadInput
        For data or settings that cannot be used.
    """
    sources = _plugin_sources(selection)
    forecast_levels = _forecast_levels(selection.stresses)
    planned: list[_DataPlan] = []
    for spec in selection.data:
        source = spec.open()
        if source.name in {each.facts.name for each in planned}:
            raise BadInput(f"two data sets are called {source.name!r}; rename one of the files")
        planned.append(_data_plan(spec, source, selection, sources, forecast_levels))
    jobs = tuple(job for each in planned for job in each.jobs)
    cells = [cell for job in jobs for cell in job.cells]
    fit_levels = dict.fromkeys(cell.stress_level for cell in cells if cell.stress_level != CLEAN)
    levels = (*forecast_levels, *fit_levels)
    codes = {CLEAN[0]: "", **{name: each.sha256 for name, each in sources.stresses.items()}}
    facts = tuple(each.facts for each in planned)
    return Plan(
        run=f"{selection.suite.name}-{digest([[c.key for c in cells], levels, codes])[:12]}",
        suite=selection.suite.name,
        seed=selection.options.seed,
        jobs=jobs,
        levels=levels,
        codes=codes,
        data=facts,
        methods=tuple(map(method_facts, selection.methods)),
        stresses=tuple(map(stress_facts, selection.stresses)),
        command=command(selection, facts),
        looks=tuple(each.look for each in planned if each.look is not None),
    )


def _plugin_sources(selection: Selection) -> _PluginSources:
    return _PluginSources(
        method_codes={spec.name: spec.source_sha256() for spec in selection.methods},
        methods={spec.name: spec.sources() for spec in selection.methods},
        stresses={
            stress.name: plugin_sources("stress", stress.name, stress)
            for stress in selection.stresses
        },
    )


def _forecast_levels(stresses: Sequence[Stress]) -> tuple[Level, ...]:
    """Return the levels at which a fit on clean rows is forecast."""
    of_inputs = [stress for stress in stresses if isinstance(stress, InputStress)]
    return CLEAN, *((stress.name, level) for stress in of_inputs for level in stress.levels)


def _data_plan(
    spec: DataSpec,
    source: Source,
    selection: Selection,
    sources: _PluginSources,
    levels: tuple[Level, ...],
) -> _DataPlan:
    """Plan one data set, opened as ``source``."""
    splits = source.splits(selection.splits, selection.suite.family)
    held_out, missing = _held_out_regions(source, selection)
    facts = data_facts(source, splits, selection.options.seed)
    facts = replace(facts, warnings=[*facts.warnings, *missing])
    data_sources = plugin_sources("datasets", spec.name, source)
    # Sources without a transform keep the keys that they had before there were any.
    transform = () if source.target_transform == "none" else (source.target_transform,)
    data_code = (source.sha256, data_sources.sha256, environment.loops(), *transform)
    jobs: list[Job] = []
    for method in selection.methods:
        if method.load().sees_truth and source.truth is None:
            continue
        fits = Fits(
            label=method.label,
            method=_with_overrides(method, source.name, selection),
            data=spec,
            source=source,
            splits=tuple(splits),
            seed=selection.options.seed,
            timeout_s=selection.timeout_s,
            n_train=facts.n_train,
            repeats=selection.repeats,
            repeat_splits=selection.repeat_splits or len(splits),
            held_out=held_out,
            code=(sources.method_codes[method.name], *data_code),
            sources=sources.methods[method.name] | data_sources,
            stress_sources=sources.stresses,
        )
        if method.row_of:  # its model is put under stress in the first row
            jobs += fits.second_row()
            continue
        jobs += fits.clean(levels)
        jobs += _stressed(fits, selection.stresses)
    return _DataPlan(jobs, facts, source.look if isinstance(source, TableFile) else None)


def _stressed(fits: Fits, stresses: Sequence[Stress]) -> Iterator[Job]:
    for stress in stresses:
        if not isinstance(stress, InputStress):
            yield from fits.stressed(stress)


def _held_out_regions(
    source: Source, selection: Selection
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the splits of each stress that holds out regions, and a warning where it has none.

    Raises BadInput for a stress that was named in the options, on data without such splits.
    """
    held_out: dict[str, list[str]] = {}
    warnings = []
    for stress in selection.stresses:
        if not isinstance(stress, SplitStress):
            continue
        try:
            held_out[stress.name] = stress.splits(source, selection.options.seed)
            reason = "no feature has such a region"
        except BadInput as error:
            if selection.options.stress is not None:
                raise BadInput(f"{error}; leave out --stress {stress.name}") from None
            held_out[stress.name] = []
            reason = str(error)
        if not held_out[stress.name]:
            warnings.append(f"the stress {stress.name} is left out: {reason}")
    return held_out, warnings


def _with_overrides(method: MethodSpec, dataset: str, selection: Selection) -> MethodSpec:
    """Apply the suite's settings for a data set; settings that the user gave stay."""
    given = method.settings
    for override in selection.suite.override:
        settings = dict(override)
        labels = settings.pop("method", [])
        is_for_data = settings.pop("dataset", None) == dataset
        if is_for_data and _applies(labels, method.name, given):
            method = method.with_settings({**settings, **method.settings})
    device = selection.options.device
    if device is not None and "device" in method.build().get_params(deep=False):
        method = method.with_settings({"device": device})
    return method


def _applies(labels: str | list[str], name: str, settings: dict[str, Any]) -> bool:
    """Return whether an override for methods applies to one of this name and these settings."""
    specs = [MethodSpec.parse(label) for label in ([labels] if isinstance(labels, str) else labels)]
    return any(s.name == name and s.settings.items() <= settings.items() for s in specs)
