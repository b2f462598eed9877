"""Scores of a run by data set and method, over its splits; and its pooled test points."""

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from howrobust.analysis.results import StoredRun
from howrobust.analysis.statistics import Estimate, over_splits
from howrobust.base.cells import CLEAN
from howrobust.base.facts import DataFacts, StressFacts
from howrobust.base.records import GRADIENTS, CellResult
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast
from howrobust.storage.arrays import HeldOut

ScoreKey = tuple[str, str, str, str, float]  # dataset, method, metric, stress, level
REFERENCES = ("marginal", "oracle")  # shown in every table, never ranked


class Scores:
    """Numbers of a run by data set and method."""

    def __init__(self, results: StoredRun) -> None:
        self.results = results
        self.about = results.about
        self.records = results.records()
        self.cells = results.cells()
        self.methods: list[str] = list(self.about.labels)
        self.data: list[DataFacts] = list(self.about.data)
        self._held: dict[str, HeldOut] = {}
        self._clean: dict[str, Forecast] = {}
        self._pooled: dict[tuple[str, str], tuple[Array, Array, NDArray[np.int64]]] = {}

    @cached_property
    def _values(self) -> dict[ScoreKey, dict[str, float]]:
        """Values of splits, averaged over repeats, by dataset, method, metric, stress, level."""
        return self._by_place(self.records)

    @cached_property
    def _first_values(self) -> dict[ScoreKey, dict[str, float]]:
        """The same of first repeats alone."""
        return self._by_place(self.records[self.records["repeat"] == 0])

    @staticmethod
    def _by_place(records: pd.DataFrame) -> dict[ScoreKey, dict[str, float]]:
        ok = records[records["status"] == "ok"]
        place = ["dataset", "method", "metric", "stress", "level", "split"]
        means = ok.groupby(place, sort=False)["value"].mean()
        found: dict[ScoreKey, dict[str, float]] = {}
        columns = [means.index.get_level_values(name).tolist() for name in place]
        for *where, split, value in zip(*columns, means.tolist(), strict=True):
            d, method, metric, stress, level = where
            found.setdefault((d, method, metric, stress, level), {})[split] = value
        return found

    def values(
        self,
        dataset: str,
        method: str,
        metric: str,
        stress: str = "none",
        level: float = 0.0,
        first: bool = False,
    ) -> pd.Series:
        """Values by split, averaged over repeats (or of the ``first``); empty where there are none.

        Stress is put on the first repeat alone, or on a fit from its seed: what it is held against
        is the first repeat.
        """
        found = self._first_values if first else self._values
        return pd.Series(found.get((dataset, method, metric, stress, level), {}), dtype=float)

    def reason(self, dataset: str, method: str, metric: str) -> str:
        """Why a clean metric has no value on any split."""
        found = self.records[
            (self.records["dataset"] == dataset)
            & (self.records["method"] == method)
            & (self.records["metric"] == metric)
            & (self.records["stress"] == CLEAN[0])
        ]
        return str(found["reason"].iloc[0]) if len(found) else "no split was scored"

    def overlap(self, dataset: str) -> float:
        """n_test / n_train for random splits of one table.

        0 for independently generated data, and for gaps and tails: those are no random sample of
        splits, and their mean speaks of themselves alone.
        """
        facts = next(d for d in self.data if d.name == dataset)
        cells = [
            c
            for c in self.cells
            if (c.dataset, c.status, c.train_stress) == (dataset, "ok", CLEAN[0])
        ]
        if facts.synthetic or facts.split in ("gap", "tail") or not cells:
            return 0.0
        held = self.held_out(cells[0])
        return len(held.y) / held.n_train

    def held_out(self, cell: CellResult) -> HeldOut:
        """Test rows of a cell."""
        sha = cell.testset
        if sha not in self._held:
            self._held[sha] = self.results.testset(cell)
        return self._held[sha]

    def clean(self, cell: CellResult) -> Forecast:
        """Forecast of a finished cell for clean test rows.

        Of that alone: under stress a cell has dozens, more than there is memory for.
        """
        if cell.key not in self._clean:
            self._clean[cell.key] = self.results.cell_forecasts(cell, [CLEAN])[CLEAN]
        return self._clean[cell.key]

    def finished(self, dataset: str, method: str) -> list[CellResult]:
        """Finished cells of a method on a data set, first repeats alone, in order of splits."""
        return [
            c
            for c in self.cells
            if (c.dataset, c.method, c.status, c.repeat) == (dataset, method, "ok", 0)
            and c.train_stress == CLEAN[0]
        ]

    def fitted(self, dataset: str, method: str) -> list[CellResult]:
        """Every finished cell of a method on a data set: repeats and refits under stress too."""
        return [c for c in self.cells if (c.dataset, c.method, c.status) == (dataset, method, "ok")]

    def estimate(
        self, dataset: str, method: str, metric: str, stress: str = "none", level: float = 0.0
    ) -> Estimate | None:
        """Mean over splits with its corrected interval; None where no split has a value."""
        values = self.values(dataset, method, metric, stress, level)
        if values.empty:
            return None
        return over_splits(values.to_numpy(), self.overlap(dataset))

    def pooled(self, dataset: str, method: str) -> tuple[Array, Array, NDArray[np.int64]]:
        """Clean PIT values and F(y) of all splits, (k,) each, and which distinct row each is of."""
        place = (dataset, method)
        if place not in self._pooled:
            self._pooled[place] = self._pool(dataset, method)
        return self._pooled[place]

    def _pool(self, dataset: str, method: str) -> tuple[Array, Array, NDArray[np.int64]]:
        cells = self.finished(dataset, method)
        clean = [self.clean(c) for c in cells]
        held = [self.held_out(c) for c in cells]
        rows = np.concatenate([np.column_stack([h.X, h.y]) for h in held])
        _, index = np.unique(rows, axis=0, return_inverse=True)
        pit, cdf = (np.concatenate([getattr(f, name) for f in clean]) for name in ("pit", "cdf"))
        return pit, cdf, index.astype(np.int64)

    def planned_splits(self, dataset: str) -> int:
        """How many splits of a data set the run has."""
        clean = (c for c in self.cells if c.train_stress == CLEAN[0])
        return len({c.split for c in clean if c.dataset == dataset})

    def has_gradients(self, dataset: str, method: str) -> bool:
        """Whether attacks on a method could use its gradients."""
        return all(c.facts.get(GRADIENTS, 0.0) == 1.0 for c in self.finished(dataset, method))

    def fewest_splits(self, dataset: str, method: str, stress: str = "") -> int:
        """On how many splits a method has an rmse: clean, and at every level of a stress."""
        clean = set(self.values(dataset, method, "rmse").index)
        if stress in {c.train_stress for c in self.cells if c.split not in clean}:
            return len(clean)  # regions are other splits
        for level in self.stresses().get(stress, []):
            clean &= set(self.values(dataset, method, "rmse", stress, level).index)
        return len(clean)

    def stress_facts(self, stress: str) -> StressFacts:
        """Facts of a stress of the run."""
        facts: StressFacts = self.about.stress_facts[stress]
        return facts

    def stresses(self) -> dict[str, list[float]]:
        """Ladders of the run: levels above 0 by stress."""
        ladders: dict[str, list[float]] = {}
        for stress, level in self.about.levels:
            if stress != "none":
                ladders.setdefault(stress, []).append(level)
        return ladders
