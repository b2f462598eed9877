"""Cells and jobs: which fits a method needs on a data set, clean, restarted and stressed.

A cell is one fit; its address is what a comparison matches across commits and seeds, its key what
the cache trusts. A job is a stack of cells of one method.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from howrobust import seeds
from howrobust.base.cells import CLEAN, Cell, Level
from howrobust.base.data import Source
from howrobust.base.stress import SettingStress, SplitStress, Stress, TrainStress
from howrobust.planning.registry import DataSpec, MethodSpec
from howrobust.planning.source_closure import Sources


@dataclass(frozen=True)
class Job:
    """One stack: a method on a data set, some of its cells, and the levels to forecast each at.

    ``sources`` and ``data_sha256`` are the source and the data that its keys were made of.
    """

    method: MethodSpec
    data: DataSpec
    cells: tuple[Cell, ...]
    levels: tuple[Level, ...]
    seed: int
    timeout_s: float
    n_train: int
    sources: Sources = field(default_factory=Sources)
    data_sha256: str = ""

    def of(self, cells: Sequence[Cell]) -> "Job":
        """Return the job of some of its cells."""
        return replace(self, cells=tuple(cells))

    @property
    def limit_s(self) -> float:
        """Seconds the job may take: the limit per cell times its cells."""
        return self.timeout_s * len(self.cells)


@dataclass(frozen=True)
class Fits:
    """The fits of one method on one data set.

    ``label`` is the method's before a suite's or a stress's own settings; ``splits`` are the
    source's own; the first ``repeated`` of them are fitted from ``repeats`` random starts and on
    shuffles of their rows. ``regions``: splits of each stress that holds a region out. ``code``:
    hashes of the source of the method, the data and the loops. ``sources`` are those files, and
    ``stress_sources`` those of each stress by name.
    """

    label: str
    method: MethodSpec
    data: DataSpec
    source: Source
    splits: tuple[str, ...]
    seed: int
    timeout_s: float
    n_train: int
    repeats: int
    repeated: int
    regions: dict[str, list[str]]
    code: tuple[str, ...]
    sources: Sources
    stress_sources: dict[str, Sources]

    def clean(self, levels: tuple[Level, ...]) -> Iterator[Job]:
        """Yield every split, forecast at ``levels``; then the same from other starts, clean alone.

        Restarts say how far a fit moves; what stress does to it is asked of the first.
        """
        yield self._job(self.method, [self._cell(s, self.method) for s in self.splits], levels)
        repeats = range(1, self.repeats if self.method.load().refits else 1)
        again = [
            self._cell(split, self.method, repeat=repeat)
            for split in self.splits[: self.repeated]
            for repeat in repeats
        ]
        if again:
            yield self._job(self.method, again, (CLEAN,))

    def stressed(self, stress: Stress) -> Iterator[Job]:
        """Yield the fits under a stress that needs new ones; none where the method has none."""
        kind = self.method.load()
        if not kind.refits or (kind.sees_truth and not isinstance(stress, SplitStress)):
            return
        if isinstance(stress, SplitStress):
            if self.regions[stress.name]:
                yield self._refits(self.method, stress, self.regions[stress.name], stress.levels)
        elif isinstance(stress, SettingStress):
            for level in stress.levels:
                changed = stress.change(self.method.build().settings(), level)
                if changed:
                    other = _changed(self.method, changed)
                    yield self._refits(other, stress, self.splits, (level,))
        elif isinstance(stress, TrainStress):
            rows = self.splits if stress.ladder else self.splits[: self.repeated]
            if not stress.fixed_steps:
                yield self._refits(self.method, stress, rows, stress.levels)
                return
            for level in stress.levels:
                other = _as_many_steps(self.method, self.n_train, level)
                yield self._refits(other, stress, rows, (level,))

    def _refits(
        self,
        method: MethodSpec,
        stress: Stress,
        splits: Sequence[str],
        levels: tuple[float, ...],
    ) -> Job:
        code = self.stress_sources[stress.name].sha256
        cells = [
            self._cell(split, method, (stress.name, level), stress_code=code)
            for split in splits
            for level in levels
        ]
        return self._job(method, cells, (CLEAN,))

    def _job(self, method: MethodSpec, cells: list[Cell], levels: tuple[Level, ...]) -> Job:
        words = (self.seed, self.timeout_s, self.n_train)
        sources = self.sources
        for name in dict.fromkeys(
            [*(c.train_stress for c in cells), *(name for name, _ in levels)]
        ):
            sources |= self.stress_sources.get(name, Sources())  # nothing for clean rows
        made_of = (sources, self.source.sha256)
        return Job(method, self.data.absolute(), tuple(cells), levels, *words, *made_of)

    def _cell(
        self,
        split: str,
        method: MethodSpec,
        place: Level = CLEAN,
        repeat: int = 0,
        stress_code: str = "",
    ) -> Cell:
        """One cell. Its fit seed omits stress and level: the ladders of a method are paired."""
        where = (self.source.name, split, self.label)
        fit_seed = seeds.derive(self.seed, "fit", *where, repeat)
        address = [*where, *place, repeat]
        key = digest([address, method.settings, [*self.code, stress_code], self.seed])
        return Cell(*where, repeat, key, fit_seed, *place)


def digest(parts: object) -> str:
    """Hash of what a name or a key is made of."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _as_many_steps(method: MethodSpec, n: int, left_out: float) -> MethodSpec:
    """Return the method with more epochs, so that fewer rows make as many optimiser steps."""
    words = method.build().settings()
    if "epochs" not in words or words["batch_size"] is None:
        return method
    few = max(2, n - round(left_out * n))
    batches = [math.ceil(rows / min(words["batch_size"], rows)) for rows in (n, few)]
    epochs = round(words["epochs"] * batches[0] / batches[1])
    return _changed(method, {"epochs": max(1, epochs)})


def _changed(method: MethodSpec, changed: dict[str, Any]) -> MethodSpec:
    """Return the method as it is set, a preset's words written out, but for what changes.

    A preset would replace a changed word that happens to have its default's value.
    """
    words = {w: v for w, v in method.build().settings().items() if w != "random_state"}
    if "preset" in words:
        words["preset"] = None
    return method.with_settings({**words, **changed})


def rough_seconds(job: Job) -> float:
    """Estimate a job's time on one core, for the plan, the order of jobs and their share of cores.

    Networks x epochs x mini-batches x 8 us (a compiled step, measured), times width and batch over
    50 and 100; a tenth of a second per forecast, a second for a Gaussian process.
    """
    words = job.method.build().settings()
    cells = len(job.cells)
    overhead = 0.1 * cells * len(job.levels)
    if "epochs" not in words:
        return overhead + (1.0 * cells if "max_rows" in words else 0.0)
    batch = min(words["batch_size"] or job.n_train, job.n_train)
    steps = words["epochs"] * math.ceil(job.n_train / batch)
    networks = words.get("n_members") or words.get("n_folds", 1) * words.get("n_shuffles", 2)
    size = max(0.5, sum(words["hidden"]) / 50 * batch / 100)
    # Every combination of several values learns four fifths of the rows first.
    choices = (words[w] for w in job.method.load().CHOICES if isinstance(words[w], list | tuple))
    combinations = math.prod(map(len, choices))
    networks *= 1 + (0.8 * combinations if combinations > 1 else 0)
    return float(overhead + cells * networks * 8e-6 * steps * size)
