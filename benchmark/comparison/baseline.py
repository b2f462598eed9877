"""Snapshot: what of a run another run is compared with, small enough to be read in a review.

It is taken of results, or read from a JSON file that has a line per cell, in an order of its own.
"""

import math
import re
from pathlib import Path
from typing import Annotated, Any

import msgspec

from howrobust.analysis.results import StoredRun
from howrobust.analysis.run_scores import Scores
from howrobust.base.cells import CLEAN, Level
from howrobust.errors import BadInput

FORMAT = "howrobust snapshot 1"
METRICS = ("nll", "rmse", "crps", "coverage_90")
COSTS = ("fit_cpu_s", "fit_ratio", "us_per_draw", "draw_ratio", "stack_size")
SCORE_DIGITS, COST_DIGITS = 6, 3

Address = tuple[str, str, str, float, str, int]


class Scored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The scores of a cell at one stress level, and why it lacks the others of `METRICS`."""

    stress: str
    level: float
    values: dict[str, float] = {}
    lacks: dict[str, str] = {}


class Snapped(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One cell: its address, what became of it, its scores and its costs.

    ``fit_ratio`` and ``draw_ratio`` are in units of `howrobust.execution.timing`; runs of before those
    existed lack them.
    """

    dataset: str
    method: str
    train_stress: str
    level: float
    split: str
    repeat: int
    status: str
    reason: str = ""
    scores: list[Scored] = []
    costs: dict[str, float] = {}

    @property
    def address(self) -> Address:
        """What names the cell in every run, whatever its seed and its code."""
        return (
            self.dataset, self.method, self.train_stress, self.level, self.split, self.repeat
        )  # fmt: skip


class SnappedData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which version of a data set it is, the test rows of a split, and how far splits overlap: see
    `howrobust.analysis.run_scores.Scores.overlap`."""

    sha256: str
    n_test: Annotated[int, msgspec.Meta(ge=1)]
    overlap: Annotated[float, msgspec.Meta(ge=0)]


class Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is compared of a run. Scores have six significant digits, costs three.

    ``moves_targets`` are the stresses under which an error is not compared: see `InputStress`.
    """

    format: str
    run: str
    suite: str
    seed: str
    environment: dict[str, str]
    data: dict[str, SnappedData]
    moves_targets: list[str]
    cells: list[Snapped]


def snapshot(results: StoredRun) -> Snapshot:
    """Take the snapshot of a run."""
    scores = Scores(results)
    scored, costs = _by_cell(scores)
    cells = []
    for cell in scores.cells:
        names = ("dataset", "method", "train_stress", "level", "split", "repeat")
        where: Address = tuple(getattr(cell, name) for name in names)
        levels = sorted(scored.get(where, {}).items())
        told = [Scored(*level, *found) for level, found in levels]
        cells.append(Snapped(*where, cell.status, cell.reason, told, costs.get(where, {})))
    about = scores.about
    data = {d.name: SnappedData(d.sha256, d.n_test, scores.overlap(d.name)) for d in scores.data}
    cells.sort(key=lambda cell: [_natural(part) for part in cell.address])
    # A kernel's build is no part of what numbers depend on; a processor and versions are.
    environment = {name: v for name, v in about.environment.items() if name != "platform"}
    named = (results.run, about.suite, about.seed)
    moved = sorted(s for s in scores.stresses() if scores.stress_facts(s).moves_targets)
    return Snapshot(FORMAT, *named, environment, dict(sorted(data.items())), moved, cells)


Found = tuple[dict[str, float], dict[str, str]]


def _by_cell(scores: Scores) -> tuple[dict[Address, dict[Level, Found]], dict[Address, Any]]:
    """Scores by cell and level, and costs by cell."""
    fitted = {(c.train_stress, c.level) for c in scores.cells}
    scored: dict[Address, dict[Level, Found]] = {}
    costs: dict[Address, dict[str, float]] = {}
    records = scores.records[scores.records["metric"].isin((*METRICS, *COSTS))]
    columns = ("dataset", "method", "split", "repeat", "stress", "level", "metric")
    found = zip(*(records[c].tolist() for c in (*columns, "value", "reason")), strict=True)
    for dataset, method, split, repeat, stress, level, metric, value, reason in found:
        place = (stress, level) if (stress, level) in fitted else CLEAN
        where = (dataset, method, *place, split, repeat)
        if metric in COSTS:
            if math.isfinite(value):
                costs.setdefault(where, {})[metric] = float(f"{value:.{COST_DIGITS}g}")
            continue
        values, lacks = scored.setdefault(where, {}).setdefault((stress, level), ({}, {}))
        if math.isfinite(value):
            values[metric] = float(f"{value:.{SCORE_DIGITS}g}")
        else:
            lacks[metric] = reason or f"it is {value}"
    return scored, costs


def _natural(part: str | float) -> list[tuple[str, float]]:
    """Order numbers within names as numbers: random-2 before random-10."""
    if not isinstance(part, str):
        return [("", float(part))]
    pieces = re.split(r"(\d+)", part)
    return [("", float(p)) if k % 2 else (p, 0.0) for k, p in enumerate(pieces)]


def to_json(taken: Snapshot) -> str:
    """Return the text of a snapshot: JSON with a line per cell; the same run, the same text."""
    head = {name: getattr(taken, name) for name in taken.__struct_fields__ if name != "cells"}
    begin = msgspec.json.format(msgspec.json.encode(head), indent=1).decode()
    lines = ",\n".join("  " + msgspec.json.encode(cell).decode() for cell in taken.cells)
    return f'{begin.removesuffix("}").rstrip()},\n "cells": [\n{lines}\n ]\n}}\n'


def from_json(text: str | bytes, name: str) -> Snapshot:
    """Read a snapshot; BadInput says what is wrong with one that is damaged, foreign or newer."""
    wanted = f"needed is what `howrobust baseline save NAME --file {name}` writes"
    try:
        read = msgspec.json.decode(text, type=Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{name} is no baseline ({error}); {wanted}") from None
    if read.format != FORMAT:
        raise BadInput(f"{name} has the format {read.format!r}, not {FORMAT!r}; {wanted}")
    unknown = {cell.dataset for cell in read.cells} - read.data.keys()
    if unknown:
        raise BadInput(f"{name} says nothing of the data set {min(unknown)!r}; {wanted}")
    if len({cell.address for cell in read.cells}) < len(read.cells):
        raise BadInput(f"{name} has a cell twice; {wanted}")
    return read


def read_file(path: Path) -> Snapshot:
    """Read a snapshot from a file; BadInput for one that cannot be read."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise BadInput(f"the baseline {path} cannot be read ({error.strerror})") from None
    return from_json(text, str(path))
