"""Snapshot: what of a run another run is compared with, small enough to be read in a review.

It is taken of results, or read from a JSON file that has a line per cell, in a fixed order.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from howrobust.analysis.results import StoredRun
from howrobust.analysis.run_scores import Scores
from howrobust.base.cells import CLEAN, Level
from howrobust.base.metric import Better
from howrobust.base.records import CellResult
from howrobust.errors import BadInput

FORMAT = "howrobust snapshot 1"
METRICS = ("nll", "rmse", "crps", "coverage_90")
SNAPSHOT_COSTS = ("fit_cpu_s", "fit_ratio", "us_per_draw", "draw_ratio", "stack_size")
SCORE_DIGITS, COST_DIGITS = 6, 3


@dataclass(frozen=True)
class Address:
    """What names a cell in every run, whatever its seed and its code.

    Parameters
    ----------
    dataset, method, train_stress : str
        Names of the data set, the method and the stress of the fit.
    level : float
        Level of that stress.
    split : str
        Name of the split.
    repeat : int
        Number of the restart; 0 is the first fit.
    """

    dataset: str
    method: str
    train_stress: str
    level: float
    split: str
    repeat: int


class SnapshotScores(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The scores of a cell at one level of a stress.

    Parameters
    ----------
    stress : str
        Name of the stress; "none" for clean test rows.
    level : float
        Its level.
    values : dict of str to float
        Values by metric.
    lacks : dict of str to str
        Reasons by metric of those of `METRICS` and of plug-ins that have no value.
    """

    stress: str
    level: float
    values: dict[str, float] = {}
    lacks: dict[str, str] = {}


class SnapshotCell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One cell of a snapshot: its address, status, scores and costs.

    Parameters
    ----------
    dataset, method, train_stress : str
        Names of the data set, the method and the stress of the fit.
    level : float
        Level of that stress.
    split : str
        Name of the split.
    repeat : int
        Number of the restart; 0 is the first fit.
    status : {"planned", "ok", "failed"}
        Whether it was fitted.
    reason : str, default=""
        Why it failed.
    scores : list of SnapshotScores
        Scores by stress and level.
    costs : dict of str to float
        Costs by name. ``fit_ratio`` and ``draw_ratio`` are in units of
        `howrobust.execution.timing`; older runs lack them.
    """

    dataset: str
    method: str
    train_stress: str
    level: float
    split: str
    repeat: int
    status: str
    reason: str = ""
    scores: list[SnapshotScores] = []
    costs: dict[str, float] = {}

    @property
    def address(self) -> Address:
        """What names the cell in every run."""
        return Address(
            self.dataset, self.method, self.train_stress, self.level, self.split, self.repeat
        )


class SnapshotData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a comparison needs of a data set.

    Parameters
    ----------
    sha256 : str
        Hash of its version.
    n_test : int
        Number of test rows of a split.
    overlap : float
        How far splits overlap, see `howrobust.analysis.run_scores.Scores.overlap`.
    """

    sha256: str
    n_test: Annotated[int, msgspec.Meta(ge=1)]
    overlap: Annotated[float, msgspec.Meta(ge=0)]


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is compared of a run, scores to six digits and costs to three.

    Parameters
    ----------
    format : str
        `FORMAT`.
    run, suite, seed : str
        Names of the run and its suite, and its seed.
    environment : dict of str to str
        Versions and processor.
    data : dict of str to SnapshotData
        Data sets by name.
    cells : list of SnapshotCell
        Cells in the order of their addresses.
    moves_targets : list of str, default=[]
        Stresses under which errors are not compared, see `InputStress`.
    metrics : dict of str to str, default={}
        What is better, see `Metric`, by the name of each metric of a plug-in.
    """

    format: str
    run: str
    suite: str
    seed: str
    environment: dict[str, str]
    data: dict[str, SnapshotData]
    cells: list[SnapshotCell]
    moves_targets: list[str] = []
    metrics: dict[str, Better] = {}


def snapshot(results: StoredRun) -> Snapshot:
    """Take the snapshot of a run.

    Parameters
    ----------
    results : StoredRun
        The run.

    Returns
    -------
    Snapshot
        What another run can be compared with.
    """
    scores = Scores(results)
    numbers = _numbers(scores)
    about = scores.about
    cells = [_cell(cell, numbers.get(_address(cell), _Numbers())) for cell in scores.cells]
    cells.sort(key=lambda cell: [_natural(part) for part in astuple(cell.address)])
    data = {d.name: SnapshotData(d.sha256, d.n_test, scores.overlap(d.name)) for d in scores.data}
    return Snapshot(
        format=FORMAT,
        run=results.run,
        suite=about.suite,
        seed=about.seed,
        # Numbers depend on the processor and on versions, but not on the build of the kernel.
        environment={name: v for name, v in about.environment.items() if name != "platform"},
        data=dict(sorted(data.items())),
        metrics={
            m.name: m.better for m in scores.plugin_metrics if m.better not in ("nominal", "-")
        },
        moves_targets=sorted(s for s in scores.stresses() if scores.stress_facts(s).moves_targets),
        cells=cells,
    )


@dataclass(frozen=True)
class _Numbers:
    """Rounded numbers of one cell: scores by level, reasons of missing ones, and costs."""

    scores: dict[Level, dict[str, float]] = field(default_factory=dict)
    lacks: dict[Level, dict[str, str]] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)


def _address(cell: CellResult) -> Address:
    return Address(
        cell.dataset, cell.method, cell.train_stress, cell.level, cell.split, cell.repeat
    )


def _cell(cell: CellResult, numbers: _Numbers) -> SnapshotCell:
    return SnapshotCell(
        dataset=cell.dataset,
        method=cell.method,
        train_stress=cell.train_stress,
        level=cell.level,
        split=cell.split,
        repeat=cell.repeat,
        status=cell.status,
        reason=cell.reason,
        scores=[
            SnapshotScores(stress, level, values, numbers.lacks[stress, level])
            for (stress, level), values in sorted(numbers.scores.items())
        ],
        costs=numbers.costs,
    )


def _numbers(scores: Scores) -> dict[Address, _Numbers]:
    """Scores and costs by cell."""
    fitted = {cell.stress_level for cell in scores.cells}
    numbers: dict[Address, _Numbers] = {}
    plugins = [facts.name for facts in scores.plugin_metrics]
    kept = scores.records["metric"].isin((*METRICS, *plugins, *SNAPSHOT_COSTS))
    records = scores.records[kept]
    rows: Iterator[Any] = records.itertuples()  # named tuples: the columns are their fields
    for record in rows:
        level = (record.stress, record.level)
        train_stress, train_level = level if level in fitted else CLEAN
        address = Address(
            record.dataset, record.method, train_stress, train_level, record.split, record.repeat
        )
        cell = numbers.setdefault(address, _Numbers())
        known = math.isfinite(record.value)
        if record.metric in SNAPSHOT_COSTS:
            if known:
                cell.costs[record.metric] = float(f"{record.value:.{COST_DIGITS}g}")
            continue
        values, lacks = cell.scores.setdefault(level, {}), cell.lacks.setdefault(level, {})
        if known:
            values[record.metric] = float(f"{record.value:.{SCORE_DIGITS}g}")
        else:
            lacks[record.metric] = record.reason or f"it is {record.value}"
    return numbers


def _natural(part: str | float) -> list[tuple[str, float]]:
    """Order numbers within names as numbers: random-2 before random-10."""
    if not isinstance(part, str):
        return [("", float(part))]
    pieces = re.split(r"(\d+)", part)
    return [("", float(p)) if k % 2 else (p, 0.0) for k, p in enumerate(pieces)]


def to_json(taken: Snapshot) -> str:
    """Return the text of a snapshot.

    Parameters
    ----------
    taken : Snapshot
        The snapshot.

    Returns
    -------
    str
        JSON with a line per cell; the same run has the same text.
    """
    optional = {name for name in ("moves_targets", "metrics") if not getattr(taken, name)}
    apart = {"cells", *optional}
    head = {name: getattr(taken, name) for name in taken.__struct_fields__ if name not in apart}
    begin = msgspec.json.format(msgspec.json.encode(head), indent=1).decode()
    lines = ",\n".join("  " + msgspec.json.encode(cell).decode() for cell in taken.cells)
    return f'{begin.removesuffix("}").rstrip()},\n "cells": [\n{lines}\n ]\n}}\n'


def from_json(text: str | bytes, name: str) -> Snapshot:
    """Read a snapshot.

    Parameters
    ----------
    text : str or bytes
        What `to_json` has written.
    name : str
        What messages call it.

    Returns
    -------
    Snapshot
        The snapshot.

    Raises
    ------
    BadInput
        For a text that is damaged, of something else or of a newer format.
    """
    needed = f"give a file that `howrobust baseline save NAME --file {name}` writes"
    try:
        read = msgspec.json.decode(text, type=Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{name} is not a baseline ({error}); {needed}") from None
    if read.format != FORMAT:
        raise BadInput(f"{name} has the format {read.format!r}, not {FORMAT!r}; {needed}")
    unknown = {cell.dataset for cell in read.cells} - read.data.keys()
    if unknown:
        raise BadInput(f"{name} has cells but no facts of the data set {min(unknown)!r}; {needed}")
    if len({cell.address for cell in read.cells}) < len(read.cells):
        raise BadInput(f"{name} has a cell twice; {needed}")
    return read


def read_file(path: Path) -> Snapshot:
    """Read a snapshot from a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Snapshot
        The snapshot.

    Raises
    ------
    BadInput
        For a file that cannot be read or holds no snapshot.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the baseline {path} cannot be read ({error.strerror})") from None
    return from_json(text, str(path))
