"""The jobs that a method needs on a data set: clean, restarted and under stress."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from howrobust import seeds
from howrobust.base.cells import CLEAN, Cell, Level
from howrobust.base.data import Source
from howrobust.base.stress import SettingStress, SplitStress, Stress, TrainStress
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.source_closure import Sources


@dataclass(frozen=True)
class Fits:
    """The fits of one method on one data set.

    Parameters
    ----------
    label : str
        The method's label, before the settings that a suite or a stress adds.
    method : MethodSpec
        The method with the suite's settings for this data set.
    data : DataSpec
        The data set.
    source : Source
        The data set, opened.
    splits : tuple of str
        Names of its splits.
    seed : int
        Seed of the run.
    timeout_s : float
        Time limit per cell in seconds.
    n_train : int
        Number of training rows.
    repeats : int
        Fits of a split from different random starts.
    repeat_splits : int
        How many splits, from the first, are fitted repeatedly and on shuffles of their rows.
    held_out : dict of str to list of str
        The splits of each stress that holds out regions, by its name.
    code : tuple of str
        Hashes of the source of the method, the data and the compiled loops.
    sources : Sources
        The source of the method and the data set.
    stress_sources : dict of str to Sources
        The source of each stress, by its name.
    given_stresses : dict of str to (str or Stress)
        See `Job`.
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
    repeat_splits: int
    held_out: dict[str, list[str]]
    code: tuple[str, ...]
    sources: Sources
    stress_sources: dict[str, Sources]
    given_stresses: dict[str, str | Stress]

    def clean(self, levels: tuple[Level, ...]) -> Iterator[Job]:
        """Yield the jobs on training rows as they are.

        Parameters
        ----------
        levels : tuple of Level
            Stress and severity at which the first fit of each split is forecast. Fits from other
            random starts are forecast on clean rows alone: they measure how much fits differ.

        Yields
        ------
        Job
            One for the first fits, and one for the others where there are any.
        """
        first = [self._cell(split, self.method) for split in self.splits]
        yield self._job(self.method, first, levels)
        repeats = range(1, self.repeats if self.method.load().refits else 1)
        restarted = [
            self._cell(split, self.method, repeat=repeat)
            for split in self.splits[: self.repeat_splits]
            for repeat in repeats
        ]
        if restarted:
            yield self._job(self.method, restarted, (CLEAN,))

    def second_row(self) -> Iterator[Job]:
        """Yield the job of a second row: its first fits, on clean rows alone.

        Yields
        ------
        Job
            One.
        """
        yield self._job(self.method, [self._cell(s, self.method) for s in self.splits], (CLEAN,))

    def stressed(self, stress: Stress) -> Iterator[Job]:
        """Yield the jobs under a stress that needs new fits.

        Parameters
        ----------
        stress : Stress
            A stress of training rows, splits or settings.

        Yields
        ------
        Job
            None for a method that is not refitted.
        """
        kind = self.method.load()
        if not kind.refits or (kind.sees_truth and not isinstance(stress, SplitStress)):
            return
        if isinstance(stress, SplitStress):
            splits = self.held_out[stress.name]
            if splits:
                yield self._refits(self.method, stress, splits, stress.levels)
        elif isinstance(stress, SettingStress):
            for level in stress.levels:
                changes = stress.change(self.method.build().settings(), level)
                if changes:
                    method = _with_changes(self.method, changes)
                    yield self._refits(method, stress, self.splits, (level,))
        elif isinstance(stress, TrainStress):
            yield from self._on_stressed_rows(stress)

    def _on_stressed_rows(self, stress: TrainStress) -> Iterator[Job]:
        splits = self.splits if stress.ladder else self.splits[: self.repeat_splits]
        if not stress.fixed_steps:
            yield self._refits(self.method, stress, splits, stress.levels)
            return
        for level in stress.levels:
            method = _with_as_many_steps(self.method, self.n_train, level)
            yield self._refits(method, stress, splits, (level,))

    def _refits(
        self,
        method: MethodSpec,
        stress: Stress,
        splits: Sequence[str],
        severities: tuple[float, ...],
    ) -> Job:
        code = self.stress_sources[stress.name].sha256
        cells = [
            self._cell(split, method, level=(stress.name, severity), stress_code=code)
            for split in splits
            for severity in severities
        ]
        return self._job(method, cells, (CLEAN,))

    def _job(self, method: MethodSpec, cells: list[Cell], levels: tuple[Level, ...]) -> Job:
        stresses = [*(cell.train_stress for cell in cells), *(stress for stress, _ in levels)]
        sources = self.sources
        for stress in dict.fromkeys(stresses):
            sources |= self.stress_sources.get(stress, Sources())  # nothing for clean rows
        return Job(
            method=method,
            data=self.data.absolute(),
            cells=tuple(cells),
            levels=levels,
            seed=self.seed,
            timeout_s=self.timeout_s,
            n_train=self.n_train,
            sources=sources,
            data_sha256=self.source.sha256,
            given_stresses={n: s for n, s in self.given_stresses.items() if n in stresses},
        )

    def _cell(
        self,
        split: str,
        method: MethodSpec,
        *,
        level: Level = CLEAN,
        repeat: int = 0,
        stress_code: str = "",
    ) -> Cell:
        """Return one cell.

        Its fit seed omits the stress, so that stress curves are paired, and that of a second row is
        the first row's, so that both are one model.
        """
        dataset = self.source.name
        stress, severity = level
        address = [dataset, split, self.label, stress, severity, repeat]
        return Cell(
            dataset=dataset,
            split=split,
            method=self.label,
            repeat=repeat,
            key=digest([address, method.settings, [*self.code, stress_code], self.seed]),
            fit_seed=seeds.derive(
                self.seed, "fit", dataset, split, self.method.row_of or self.label, repeat
            ),
            train_stress=stress,
            level=severity,
        )


def digest(parts: object) -> str:
    """Return the hash that names a run or is the key of a cell.

    Parameters
    ----------
    parts : object
        Lists, dictionaries, texts and numbers that it depends on.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _with_as_many_steps(method: MethodSpec, n: int, left_out: float) -> MethodSpec:
    """Return the method with more epochs, so that fewer rows make as many optimiser steps."""
    settings = method.build().settings()
    if "epochs" not in settings or settings["batch_size"] is None:
        return method
    few = max(2, n - round(left_out * n))
    batches = [math.ceil(rows / min(settings["batch_size"], rows)) for rows in (n, few)]
    epochs = round(settings["epochs"] * batches[0] / batches[1])
    return _with_changes(method, {"epochs": max(1, epochs)})


def _with_changes(method: MethodSpec, changes: dict[str, Any]) -> MethodSpec:
    """Return the method with changed settings, those of its preset written out.

    The preset would otherwise replace a changed setting that has the value of its default.
    """
    settings = {k: v for k, v in method.build().settings().items() if k != "random_state"}
    if "preset" in settings:
        settings["preset"] = None
    return method.with_settings({**settings, **changes})
