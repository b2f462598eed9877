"""Orders: tasks on one job as text, for machines that share no files with this one.

An order states the versions and hashes that its numbers depend on, so that a machine on which they
would differ can refuse it. Nothing is unpickled.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from howrobust import environment
from howrobust.base.cells import CLEAN, Cell, Level
from howrobust.base.records import Outcome
from howrobust.errors import BadInput
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.entry_points import load_stress
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.source_closure import Sources, plugin_sources
from howrobust.storage.arrays import Files, forecast_name, testset_name

HOMES = ("howrobust", "howrobust.methods", "howrobust.datasets", "howrobust.reports")
FOLDERS = ("forecasts", "testsets")  # folders of a store whose files are sent


def write_order(function: Callable[..., Any], job: Job, versions: dict[str, str]) -> str:
    """Return the order to call a function on a job.

    Parameters
    ----------
    function : callable
        A function of a module, called as ``function(job, files, 1)``; it returns outcomes.
    job : Job
        The job.
    versions : dict of str to str
        What `versions_of` returns on this machine.

    Returns
    -------
    str
        The order as JSON.
    """
    name = [function.__module__, function.__qualname__]
    return json.dumps({"function": name, "job": asdict(job), "versions": versions})


def run_message(text: str, folder: Path) -> dict[str, Any]:
    """Run an order, unless this machine would compute other numbers.

    Parameters
    ----------
    text : str
        The order as JSON.
    folder : Path
        The folder with its files.

    Returns
    -------
    dict of str to object
        ``outcomes``, each as a dict, or the reason for which the order is ``refused``.
    """
    order = json.loads(text)
    try:
        job = _job_of(order["job"])
        versions = versions_of(job.method.name, job.data, stresses_of(job))
        refused = difference(versions, order["versions"])
    except BadInput as error:
        refused = (
            f"cannot run the job: {error}; on every worker, files must have the same path and "
            "plug-ins must be installed"
        )
    if refused:
        return {"refused": refused}
    module, name = order["function"]
    outcomes = getattr(import_module(module), name)(job, Files(folder), 1)
    return {"outcomes": [asdict(outcome) for outcome in outcomes]}


def outcomes_of(reply: dict[str, Any]) -> list[Outcome]:
    """Return the outcomes of a reply.

    Parameters
    ----------
    reply : dict of str to object
        A reply of `run_message`, read from JSON.

    Returns
    -------
    list of Outcome
        One for each cell of the job.
    """
    return msgspec.convert(reply["outcomes"], list[Outcome])


def forecast_names(keys: Iterable[str]) -> set[str]:
    """Return the names of the files that may be sent with an order.

    Parameters
    ----------
    keys : iterable of str
        Keys of the cells of the job.

    Returns
    -------
    set of str
        Names of the cells' forecasts.

    Raises
    ------
    Damaged
        For a key that could lead out of the store.
    """
    return set(map(forecast_name, keys))


def result_names(job: Job, outcomes: list[Outcome]) -> set[str]:
    """Return the names of the files that a job may write.

    Parameters
    ----------
    job : Job
        The job.
    outcomes : list of Outcome
        Its outcomes, as a worker has sent them.

    Returns
    -------
    set of str
        Names of the cells' forecasts and of the test sets in the outcomes.

    Raises
    ------
    Damaged
        For a name that could lead out of the store.
    """
    forecasts = forecast_names(cell.key for cell in job.cells)
    return forecasts | {testset_name(o.testset) for o in outcomes if o.testset}


def _job_of(values: dict[str, Any]) -> Job:
    """Return the job of its ``asdict`` read from JSON; BadInput for a name unknown here."""
    parts = {
        "method": MethodSpec(values["method"]["name"]).with_settings(values["method"]["settings"]),
        "data": DataSpec(**{name: _frozen(value) for name, value in values["data"].items()}),
        "cells": msgspec.convert(values["cells"], tuple[Cell, ...]),
        "levels": msgspec.convert(values["levels"], tuple[Level, ...]),
        "sources": Sources(**values["sources"]),
    }
    return Job(**{**values, **parts})


def _frozen(value: Any) -> Any:
    """Return the tuples that JSON has as lists."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def machine_versions() -> dict[str, str]:
    """Return what every number depends on.

    Returns
    -------
    dict of str to str
        Versions of packages, the kind of compiled loops, and a hash of howrobust's source.
    """
    known = environment.describe()
    return {
        **{name: known[name] for name in (*environment.PACKAGES, "loops")},
        "the source of howrobust": _files_sha256(_package_files()),
    }


def _package_files() -> list[Path]:
    """Return the files of howrobust in an order that is equal for a wheel and a checkout."""
    files = {}
    for home in HOMES:  # `find_spec` does not import them, nor torch
        spec = find_spec(home)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        for path in folder.rglob("*.py"):
            files[(*home.split("."), *path.relative_to(folder).parts)] = path
    return [files[name] for name in sorted(files)]


def _files_sha256(files: list[Path]) -> str:
    """Return the hash of the names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def versions_of(method: str, data: DataSpec, stresses: tuple[str, ...]) -> dict[str, str]:
    """Return what the numbers of a job depend on, besides its settings.

    Parameters
    ----------
    method : str
        Name of the method.
    data : DataSpec
        The data.
    stresses : tuple of str
        Names of the stresses, or ``package.module:Name``.

    Returns
    -------
    dict of str to str
        `machine_versions`, and hashes of the sources of plug-ins and of the rows.

    Raises
    ------
    BadInput
        For plug-ins or data that are not on this machine.
    """
    source = data.open()
    return {
        **machine_versions(),
        f"the source of {method}": MethodSpec(method).source_sha256(),
        f"the source of {source.name}": plugin_sources("datasets", data.imported_by, source).sha256,
        f"the rows of {source.name}": source.sha256,
        **{
            f"the source of {name}": plugin_sources("stress", name, load_stress(name)).sha256
            for name in stresses
        },
    }


def stresses_of(job: Job) -> tuple[str, ...]:
    """Return what the stresses of a job are imported by.

    Parameters
    ----------
    job : Job
        The job.

    Returns
    -------
    tuple of str
        Stresses of its fits and of its forecasts, sorted.
    """
    names = {name for name, _ in job.levels} | {cell.train_stress for cell in job.cells}
    imported = [job.given_stresses.get(name, name) for name in names - {CLEAN[0]}]
    return tuple(sorted(name for name in imported if isinstance(name, str)))


def difference(remote: dict[str, str], local: dict[str, str]) -> str:
    """Describe the first difference between two machines.

    Parameters
    ----------
    remote : dict of str to str
        Versions of the worker.
    local : dict of str to str
        Versions of this machine.

    Returns
    -------
    str
        The end of a sentence about the worker; empty where nothing differs.
    """
    for name, value in local.items():
        other = remote.get(name, "none")
        if other != value:
            return (
                f"has {name} {other[:12]}, not {value[:12]} as here, so results could not be "
                "compared; install the same versions there as here"
            )
    return ""
