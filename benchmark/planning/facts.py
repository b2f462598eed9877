"""What a plan states about its data sets, methods, stresses and command line, for reports."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from howrobust.base.data import Source
from howrobust.base.facts import (
    REFERENCES,
    Command,
    DataFacts,
    MethodFacts,
    StressFacts,
    StressKind,
)
from howrobust.base.stress import InputStress, SettingStress, SplitStress, Stress, TrainStress
from howrobust.base.tables.column import Kind
from howrobust.base.tables.frame import Frame
from howrobust.distributions.closed_form import expected_scores
from howrobust.errors import BadInput
from howrobust.planning.data_warnings.findings import data_warnings
from howrobust.planning.entry_points import is_path
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions, run_options
from howrobust.planning.selection import Selection
from howrobust.planning.suite import chosen
from howrobust.stress.held_out_regions import Thirds

_FROM_PYTHON = "was given from Python"  # of a method or data set that no command can state
STRESS_KINDS: dict[type[Stress], StressKind] = {
    InputStress: "input",
    TrainStress: "train",
    SplitStress: "split",
    SettingStress: "setting",
}


def data_facts(
    source: Source, splits: Sequence[str], stresses: Sequence[Stress], seed: int
) -> DataFacts:
    """Return what a report states about a data set.

    Parameters
    ----------
    source : Source
        The data set.
    splits : sequence of str
        Names of the splits that are used.
    stresses : sequence of Stress
        The stresses of the run.
    seed : int
        Seed of the run.

    Returns
    -------
    DataFacts
        The facts, with `data_warnings`.
    """
    train, test = source.realise(splits[0], seed)
    about, truth = source.provenance, source.truth
    features = _distinct(test.features)
    of_inputs = [stress for stress in stresses if isinstance(stress, InputStress)]
    changed = {s.name: s.features(source.frame, len(features)) for s in of_inputs}
    return DataFacts(
        name=source.name,
        title=about.title,
        source=about.source,
        licence=about.licence,
        unit=about.unit,
        sha256=source.sha256,
        synthetic=truth is not None,
        limits=expected_scores(truth.predictive(test.X)) if truth else {},
        target=test.target,
        features=features,
        n_train=len(train.y),
        n_test=len(test.y),
        split=splits[0].partition("-")[0],
        warnings=data_warnings(source, splits, seed),
        dates=_of_kind(source, features, "date"),
        ids=_of_kind(source, features, "id"),
        categories=_categories(source, features),
        left_out={
            stress.name: _nothing_to_change(stress, source.frame)
            for stress in of_inputs
            if not changed[stress.name].any()
        },
        in_turn={
            stress.name: [features[j] for j in np.flatnonzero(changed[stress.name])]
            for stress in of_inputs
            if stress.in_turn and not changed[stress.name].all()
        },
    )


def _nothing_to_change(stress: InputStress, frame: Frame | None) -> str:
    """Why a stress of inputs is left out."""
    if frame is None:
        return "an array of numbers has no column of categories"
    kinds = {"open categories": "categories other than booleans"}
    return f"the table has no column of {kinds.get(stress.changes, stress.changes)}"


def _distinct(features: Sequence[str]) -> list[str]:
    """Return names of which no two are equal, as those of columns 1 and "1" would be."""
    names: list[str] = []
    for j, feature in enumerate(features):
        names.append(f"{feature} (column {j})" if feature in names else feature)
    return names


def _categories(source: Source, features: Sequence[str]) -> dict[str, list[str]]:
    """Return the categories of the features that a table encodes, as text; no identifiers."""
    if source.frame is None:
        return {}
    return {
        name: [*map(str, column.categories or ())]
        for name, column in zip(features, source.frame.columns, strict=True)
        if column.kind == "category"
    }


def _of_kind(source: Source, features: Sequence[str], kind: Kind) -> list[str]:
    """Return the features of a table that are of a kind."""
    if source.frame is None:
        return []
    pairs = zip(features, source.frame.columns, strict=True)
    return [name for name, column in pairs if column.kind == kind]


def method_facts(spec: MethodSpec) -> MethodFacts:
    """Return what a report states about a method, which is imported.

    Parameters
    ----------
    spec : MethodSpec
        The method.

    Returns
    -------
    MethodFacts
        The facts.
    """
    method = spec.build()
    return MethodFacts(
        label=spec.label,
        components=str(method.components),
        noise_model=str(method.noise_model),
        whose=method.whose_distribution(),
        row_of=spec.row_of,
        deterministic=bool(method.deterministic),
        restarts=str(method.restarts()),
    )


def stress_facts(stress: Stress) -> StressFacts:
    """Return what a report states about a stress.

    Parameters
    ----------
    stress : Stress
        The stress.

    Returns
    -------
    StressFacts
        The facts.

    Raises
    ------
    BadInput
        For a stress that is of none of the four kinds.
    """
    kind = next((name for base, name in STRESS_KINDS.items() if isinstance(stress, base)), None)
    if kind is None:
        raise BadInput(
            f"the stress {stress.name!r} is of unknown kind; derive it from InputStress, "
            "TrainStress, SplitStress or SettingStress"
        )
    facts = StressFacts(stress.name, kind, str(stress.title), str(stress.unit))
    if isinstance(stress, InputStress):
        return replace(
            facts,
            scored_by=str(stress.scored_by),
            moves_targets=bool(stress.moves_targets),
            in_turn=bool(stress.in_turn),
            ladder=bool(stress.ladder),
        )
    if isinstance(stress, TrainStress):
        return replace(facts, ladder=bool(stress.ladder))
    return facts


def command(selection: Selection, data: Sequence[DataFacts]) -> Command:
    """Return the command line that repeats a run.

    Parameters
    ----------
    selection : Selection
        What the run consists of. What is the suite's own is left out of the command.
    data : sequence of DataFacts
        Facts of the data sets, in the order of ``selection.data``.

    Returns
    -------
    Command
        The command, and remarks on what it cannot state.
    """
    lists = {
        "methods": _methods(selection),
        "data": _data(selection),
        "stress": _stresses(selection),
        "metrics": [each.name for each in selection.metrics if is_path(each.name)],
    }
    parts = ["howrobust", "run", selection.suite.name]
    for option in run_options():
        values = lists.get(option.name)
        if values is None and option.repeatable:
            values = chosen(getattr(selection.options, option.name), (), option.name)
        for value in values or ():
            parts += [option.flag.names[0], value]
    parts += [*_values(selection), "--seed", str(selection.options.seed)]
    return Command(shlex.join(parts), list(_remarks(selection, data)))


def options_of(command: Command) -> RunOptions:
    """Return the options that a recorded command states.

    Parameters
    ----------
    command : Command
        What `command` has returned.

    Returns
    -------
    RunOptions
        The options of the run.

    Raises
    ------
    BadInput
        For a command that this version of howrobust does not know.
    """
    known = {flag: option for option in run_options() for flag in option.flag.names}
    values: dict[str, Any] = {}
    try:
        program, name, suite, *rest = shlex.split(command.text)
        if (program, name) != ("howrobust", "run"):
            raise ValueError(program)
        parts = iter(rest)
        for part in parts:
            option = known[part]
            value = True if option.type is bool else option.type(next(parts))
            values[option.name] = (
                [*values.get(option.name, []), value] if option.repeatable else value
            )
    except (KeyError, ValueError, StopIteration):
        raise BadInput(
            f"the run states a command that this version cannot read: {command.text}"
        ) from None
    return RunOptions(suite, **values)


def given_from_python(command: Command, name: str) -> bool:
    """Return whether a command says that it cannot state a method or a data set.

    Parameters
    ----------
    command : Command
        What `command` has returned.
    name : str
        Label of the method or name of the data set.

    Returns
    -------
    bool
        Whether it was given from Python.
    """
    return any(remark.startswith(f"{name} {_FROM_PYTHON}") for remark in command.remarks)


def _methods(selection: Selection) -> list[str]:
    """Return methods other than the suite's, without references that are added in any case."""
    given = selection.options.methods
    if given is None and all(spec.model is None for spec in selection.methods):
        return []
    labels = [given] if isinstance(given, str) else given or ()
    return [
        spec.label
        for spec in selection.methods
        if (spec.label not in REFERENCES or spec.label in labels) and not spec.row_of
    ]


def _data(selection: Selection) -> list[str]:
    """Return data sets other than the suite's."""
    names = [spec.name for spec in selection.data]
    return [] if names == selection.suite.datasets else names


def _stresses(selection: Selection) -> list[str]:
    """Return stresses other than the suite's, without the thirds that are added in any case."""
    default = [name for name in selection.suite.stress if name != Thirds.name]
    given = selection.given_stresses
    named = [given.get(s.name, s.name) for s in selection.stresses if s.name != Thirds.name]
    names = [name for name in named if isinstance(name, str)]
    return [] if names == default else names


def _values(selection: Selection) -> list[str]:
    """Return options that take one value or none and are not at their default."""
    parts = []
    for option in run_options():
        value = getattr(selection.options, option.name)
        is_single = option.flag.names and not option.repeatable and option.name != "seed"
        if is_single and option.flag.defines_run and value != option.default:
            parts += [option.flag.names[-1], *([] if option.type is bool else [str(value)])]
    return parts


def _remarks(selection: Selection, data: Sequence[DataFacts]) -> Iterator[str]:
    """Yield what the command line cannot state."""
    if selection.suite.stress and not selection.stresses:
        yield "it was put under no stress: from Python, stress=[]"
    for spec, facts in zip(selection.data, data, strict=True):
        sha256 = f"its sha256 began with {facts.sha256[:16]}"
        if spec.source is not None:
            yield f"{facts.name} {_FROM_PYTHON}: {sha256}"
        elif spec.is_file:
            yield f"{facts.name} is a file: {sha256}"
    for method in selection.methods:
        if method.model is not None:
            yield f"{method.label} {_FROM_PYTHON}"
    for name, stress in selection.given_stresses.items():
        if not isinstance(stress, str):
            yield f"the stress {name} {_FROM_PYTHON}"
    for each in selection.metrics:
        if not each.name:
            yield f"the metric {each.metric.name} {_FROM_PYTHON}"
