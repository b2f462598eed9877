"""An order: a task on one job as text, for a machine that shares no files with this one.

It says what its numbers are made of here, versions and hashes, so that a machine where they would
come out otherwise can refuse. Nothing in it is unpickled.
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
FOLDERS = ("forecasts", "testsets")  # of a store: those that cross


def write_order(function: Callable[..., Any], job: Job, made_of: dict[str, str]) -> str:
    """Return the order to run ``function(job, files, 1)``, which returns outcomes."""
    name = [function.__module__, function.__qualname__]
    return json.dumps({"function": name, "job": asdict(job), "made_of": made_of})


def carry_out(text: str, folder: Path) -> dict[str, Any]:
    """Carry out an order, its files in a folder; return ``outcomes``, or why it is ``refused``."""
    order = json.loads(text)
    try:
        job = _job_of(order["job"])
        refused = difference(made_of(job.method.name, job.data, stresses_of(job)), order["made_of"])
    except BadInput as error:
        refused = (
            f"lacks what is needed: {error}; on every worker, files must lie at the same path and "
            "plug-ins be installed"
        )
    if refused:
        return {"refused": refused}
    module, name = order["function"]
    outcomes = getattr(import_module(module), name)(job, Files(folder), 1)
    return {"outcomes": [asdict(outcome) for outcome in outcomes]}


def outcomes_of(reply: dict[str, Any]) -> list[Outcome]:
    """Return the outcomes of a reply that went through JSON."""
    return msgspec.convert(reply["outcomes"], list[Outcome])


def forecast_names(keys: Iterable[str]) -> set[str]:
    """Names of the forecasts of cells: all that may go with an order."""
    return set(map(forecast_name, keys))


def names_left(job: Job, outcomes: list[Outcome]) -> set[str]:
    """Names of the files that a job may leave: its cells' forecasts, and test sets that it names.

    They lead out of no folder, whoever sent the outcomes; `Damaged` where one would.
    """
    forecasts = forecast_names(cell.key for cell in job.cells)
    return forecasts | {testset_name(o.testset) for o in outcomes if o.testset}


def _job_of(words: dict[str, Any]) -> Job:
    """Return the job whose ``asdict`` went through JSON; BadInput for a name unknown here."""
    parts = {
        "method": MethodSpec(words["method"]["name"]).with_settings(words["method"]["settings"]),
        "data": DataSpec(**words["data"]),
        "cells": msgspec.convert(words["cells"], tuple[Cell, ...]),
        "levels": msgspec.convert(words["levels"], tuple[Level, ...]),
        "sources": Sources(**words["sources"]),
    }
    return Job(**{**words, **parts})


def machine() -> dict[str, str]:
    """What every number depends on: versions, which loops, and a hash of howrobust's source."""
    known = environment.describe()
    return {
        **{name: known[name] for name in (*environment.PACKAGES, "loops")},
        "the source of howrobust": _files_sha256(_own_sources()),
    }


def _own_sources() -> list[Path]:
    """Files of howrobust in an order that is the same installed as in a checkout."""
    found = {}
    for home in HOMES:  # found without importing them, and torch
        spec = find_spec(home)
        assert spec is not None
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        for path in folder.rglob("*.py"):
            found[(*home.split("."), *path.relative_to(folder).parts)] = path
    return [found[place] for place in sorted(found)]


def _files_sha256(files: list[Path]) -> str:
    """Hash of some files' names and contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def made_of(method: str, data: DataSpec, stresses: tuple[str, ...]) -> dict[str, str]:
    """What the numbers of a job depend on besides its words: `machine`, its plug-ins, its rows.

    Raises BadInput for what is not on this machine.
    """
    source = data.open()
    return {
        **machine(),
        f"the source of {method}": MethodSpec(method).source_sha256(),
        f"the source of {source.name}": plugin_sources("datasets", data.name, source).sha256,
        f"the rows of {source.name}": source.sha256,
        **{
            f"the source of {name}": plugin_sources("stress", name, load_stress(name)).sha256
            for name in stresses
        },
    }


def stresses_of(job: Job) -> tuple[str, ...]:
    """Names of the stresses that a job's cells and forecasts go through."""
    names = {name for name, _ in job.levels} | {cell.train_stress for cell in job.cells}
    return tuple(sorted(names - {CLEAN[0]}))


def difference(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """Say what makes a worker's numbers other than ours; an empty text where nothing does."""
    for name, value in ours.items():
        other = theirs.get(name, "none")
        if other != value:
            return (
                f"has {name} {other[:12]}, not {value[:12]} as here, so that results could not be "
                "compared; install there what is installed here"
            )
    return ""
