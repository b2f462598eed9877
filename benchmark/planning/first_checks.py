"""What is wrong with the options of a run, found before anything slow is imported or read."""

import os
from importlib.metadata import EntryPoint
from pathlib import Path

from howrobust.datasets.tables.look import refusal
from howrobust.datasets.tables.roles import header_problems, parsed_kinds, suggestion
from howrobust.distributions.transformed.names import TRANSFORM_NAMES
from howrobust.errors import BadInput
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.entry_points import KINDS, entries
from howrobust.planning.options import RunOptions
from howrobust.planning.suite import chosen, load_suite


def checked_data(options: RunOptions) -> list[DataSpec]:
    """Check the options of a run, and return its data sets.

    Numbers, names and the columns of files are checked; neither pandas, scikit-learn nor torch is
    imported. What passes may still be refused later.

    Parameters
    ----------
    options : RunOptions
        The options of a run.

    Returns
    -------
    list of DataSpec
        The data sets, or else the suite's, with what the options say about files.

    Raises
    ------
    BadInput
        For an unknown suite, method, stress, data set, target transform or column, a file that is
        not there, options of a file without one, and a number that is out of bounds.
    """
    suite = load_suite(options.suite)
    _check_numbers(options)
    for label in chosen(options.methods, suite.methods, "methods"):
        _check_name("methods", label.strip().partition("[")[0])
    for name in chosen(options.stress, suite.stress, "stress"):
        _check_name("stress", name)
    names = chosen(options.data, suite.datasets, "data")
    if not names:
        raise BadInput(f"suite {suite.name} has no data of its own; name some with -d")
    data = [spec_of(name, options) for name in names]
    if data[0].options and not any(spec.is_file for spec in data):
        verb = "is" if len(data[0].options) == 1 else "are"
        raise BadInput(f"{', '.join(data[0].options)} {verb} for a file given with -d")
    for spec in data:
        _check_data(spec)
    return data


def checked_file(path: str, options: RunOptions) -> DataSpec:
    """Check what options say about a file.

    Parameters
    ----------
    path : str
        The file.
    options : RunOptions
        The options. Its columns may be wrong: `examine` finds that.

    Returns
    -------
    DataSpec
        The file.

    Raises
    ------
    BadInput
        Where there is no such file, and for options that cannot be understood.
    """
    if not os.path.exists(path):
        raise BadInput(f"there is no file {path}; check the path")
    _check_numbers(options)
    spec = spec_of(path, options)
    header_problems(Path(path), spec.roles)  # raises where it cannot be read at all
    return spec


def spec_of(name: str, options: RunOptions) -> DataSpec:
    """Return a data set with what the options say about files.

    Parameters
    ----------
    name : str
        A catalogue name or a path.
    options : RunOptions
        The options.

    Returns
    -------
    DataSpec
        The data set.

    Raises
    ------
    BadInput
        For a kind of a column that cannot be understood.
    """
    return DataSpec(
        name,
        target=options.target,
        groups=options.groups,
        time=options.time,
        drop=tuple(chosen(options.drop, (), "columns")),
        kinds=parsed_kinds(chosen(options.as_, (), "kinds")),
        missing=tuple(chosen(options.missing, (), "missing values")),
        separator=options.separator,
        decimal=options.decimal,
        encoding=options.encoding,
        target_transform=options.target_transform,
    )


def _check_data(spec: DataSpec) -> None:
    if not spec.is_file:
        _check_name("datasets", spec.name)
        return
    path = Path(spec.name)
    problems = header_problems(path, spec.roles)
    if problems:
        raise BadInput(refusal(path.name, problems))


def _check_numbers(options: RunOptions) -> None:
    counts = {"splits": options.splits, "repeats": options.repeats, "workers": options.workers}
    for name, count in counts.items():
        if count is not None and count < 1:
            raise BadInput(f"the number of {name} must be at least 1, not {count}")
    if options.timeout_s is not None and not options.timeout_s > 0:
        raise BadInput(f"the time limit must be greater than 0 seconds, not {options.timeout_s}")
    transform = options.target_transform
    if transform is not None and transform not in TRANSFORM_NAMES:
        known = suggestion(str(transform), TRANSFORM_NAMES, "it is one of")
        raise BadInput(f"the target transform {transform!r} is unknown; {known}")


def _check_name(group: str, name: str) -> None:
    """Raise BadInput for a name that is neither registered nor that of an object of a module."""
    known = entries(group)
    if name in known or (":" in name and EntryPoint.pattern.match(name)):
        return
    advice = suggestion(name, list(known), "known")
    raise BadInput(f"unknown {KINDS[group]} {name!r}; {advice}")
