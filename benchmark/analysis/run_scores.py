"""Scores of a run by data set and method, over its splits; and its pooled test points."""

from functools import cached_property

import numpy as np
import pandas as pd

from howrobust.analysis.results import StoredRun
from howrobust.analysis.split_values import PooledPoints, ScoreKey, distinct_rows, values_by_split
from howrobust.analysis.statistics import Estimate, over_splits
from howrobust.base.cells import CLEAN
from howrobust.base.facts import DataFacts, MetricFacts, StressFacts
from howrobust.base.records import COSTS, GRADIENTS, MISSING_FILLED, CellResult
from howrobust.base.split_names import PLACES
from howrobust.distributions.forecast import Forecast
from howrobust.metrics.builtin import METRICS
from howrobust.storage.arrays import HeldOut

_BUILT_IN = {*COSTS, *(metric.name for metric in METRICS)}


class Scores:
    """Scores of a run by data set, method, metric, stress and level.

    Parameters
    ----------
    results : StoredRun
        The run.
    """

    def __init__(self, results: StoredRun) -> None:
        self.results = results
        self.about = results.about
        records = results.records()
        self.records = records[records["feature"] == ""]
        self.feature_records = records[records["feature"] != ""]
        self.cells = results.cells()
        self.methods: list[str] = list(self.about.labels)
        self.data: list[DataFacts] = list(self.about.data)
        self._held: dict[str, HeldOut] = {}
        self._clean: dict[str, Forecast] = {}
        self._pooled: dict[tuple[str, str], PooledPoints] = {}

    @cached_property
    def plugin_metrics(self) -> tuple[MetricFacts, ...]:
        """Facts of the metrics of plug-ins that tables show: those with a direction."""
        shown = (facts for facts in self.about.metrics if facts.better != "-")
        return tuple(facts for facts in shown if facts.name not in _BUILT_IN)

    @cached_property
    def _values(self) -> dict[ScoreKey, dict[str, float]]:
        """Values by split, averaged over repeats."""
        return values_by_split(self.records)

    @cached_property
    def _first_values(self) -> dict[ScoreKey, dict[str, float]]:
        """Values by split of first repeats alone."""
        return values_by_split(self.records[self.records["repeat"] == 0])

    def values(
        self,
        dataset: str,
        method: str,
        metric: str,
        stress: str = "none",
        level: float = 0.0,
        first: bool = False,
    ) -> pd.Series:
        """Return the values of a metric by split.

        Parameters
        ----------
        dataset, method, metric : str
            Names of the data set, the method and the metric.
        stress : str, default="none"
            Name of the stress; clean test rows by default.
        level : float, default=0.0
            Level of the stress.
        first : bool, default=False
            Whether only the first repeat counts. Stress is put on the first repeat alone, so this
            is what values under stress are compared with.

        Returns
        -------
        Series of shape (J,)
            Values by split, averaged over repeats; empty where there are none.
        """
        values = self._first_values if first else self._values
        key = ScoreKey(dataset, method, metric, stress, level)
        return pd.Series(values.get(key, {}), dtype=float)

    def reason(self, dataset: str, method: str, metric: str) -> str:
        """Return why a clean metric has no value on any split.

        Parameters
        ----------
        dataset, method, metric : str
            Names of the data set, the method and the metric.

        Returns
        -------
        str
            The reason in the first record of the metric.
        """
        records = self.records[
            (self.records["dataset"] == dataset)
            & (self.records["method"] == method)
            & (self.records["metric"] == metric)
            & (self.records["stress"] == CLEAN[0])
        ]
        return str(records["reason"].iloc[0]) if len(records) else "no split was scored"

    def overlap(self, dataset: str) -> float:
        """Return how far the splits of a data set overlap.

        Parameters
        ----------
        dataset : str
            Name of the data set.

        Returns
        -------
        float
            n_test / n_train for random splits of one table. 0 for independently generated data,
            and for gaps and tails, which are no random sample of splits.
        """
        facts = next(d for d in self.data if d.name == dataset)
        finished = (c for c in self.cells if c.status == "ok" and c.train_stress == CLEAN[0])
        cell = next((c for c in finished if c.dataset == dataset), None)
        if facts.synthetic or facts.split in PLACES or cell is None:
            return 0.0
        held = self.held_out(cell)
        return len(held.y) / held.n_train

    def held_out(self, cell: CellResult) -> HeldOut:
        """Return the test rows of a cell.

        Parameters
        ----------
        cell : CellResult
            A finished cell.

        Returns
        -------
        HeldOut
            Its test rows.
        """
        sha = cell.testset
        if sha not in self._held:
            self._held[sha] = self.results.testset(cell)
        return self._held[sha]

    def clean(self, cell: CellResult) -> Forecast:
        """Return the forecast of a cell for clean test rows.

        Parameters
        ----------
        cell : CellResult
            A finished cell.

        Returns
        -------
        Forecast
            Its forecast of clean rows.
        """
        # Under stress a cell has dozens of forecasts, more than there is memory for.
        if cell.key not in self._clean:
            self._clean[cell.key] = self.results.cell_forecasts(cell, [CLEAN])[CLEAN]
        return self._clean[cell.key]

    def finished(self, dataset: str, method: str) -> list[CellResult]:
        """Return the finished clean cells of a method, first repeats alone.

        Parameters
        ----------
        dataset, method : str
            Names of the data set and the method.

        Returns
        -------
        list of CellResult
            Cells in the order of their splits.
        """
        cells = self.fitted(dataset, method)
        return [c for c in cells if c.repeat == 0 and c.train_stress == CLEAN[0]]

    def fitted(self, dataset: str, method: str) -> list[CellResult]:
        """Return every finished cell of a method on a data set.

        Parameters
        ----------
        dataset, method : str
            Names of the data set and the method.

        Returns
        -------
        list of CellResult
            Cells, with those of repeats and of stresses on training.
        """
        return [c for c in self.cells if (c.dataset, c.method, c.status) == (dataset, method, "ok")]

    def estimate(
        self, dataset: str, method: str, metric: str, stress: str = "none", level: float = 0.0
    ) -> Estimate | None:
        """Estimate the mean of a metric over splits.

        Parameters
        ----------
        dataset, method, metric : str
            Names of the data set, the method and the metric.
        stress : str, default="none"
            Name of the stress; clean test rows by default.
        level : float, default=0.0
            Level of the stress.

        Returns
        -------
        Estimate or None
            The mean with its corrected interval; None where no split has a value.
        """
        values = self.values(dataset, method, metric, stress, level)
        if values.empty:
            return None
        return over_splits(values.to_numpy(), self.overlap(dataset))

    def pooled(self, dataset: str, method: str) -> PooledPoints:
        """Pool the clean test points of a method over the splits of a data set.

        Parameters
        ----------
        dataset, method : str
            Names of the data set and the method.

        Returns
        -------
        PooledPoints
            The points of first repeats.
        """
        place = (dataset, method)
        if place not in self._pooled:
            self._pooled[place] = self._pool(dataset, method)
        return self._pooled[place]

    def _pool(self, dataset: str, method: str) -> PooledPoints:
        cells = self.finished(dataset, method)
        clean = [self.clean(c) for c in cells]
        held = [self.held_out(c) for c in cells]
        return PooledPoints(
            forecasts=tuple(clean),
            targets=tuple(h.y for h in held),
            rows=np.concatenate(distinct_rows(held)),
        )

    def planned_splits(self, dataset: str) -> int:
        """Return how many splits of a data set the run has.

        Parameters
        ----------
        dataset : str
            Name of the data set.

        Returns
        -------
        int
            Number of planned splits.
        """
        clean = (c for c in self.cells if c.train_stress == CLEAN[0])
        return len({c.split for c in clean if c.dataset == dataset})

    def has_gradients(self, dataset: str, method: str) -> bool:
        """Return whether attacks on a method could use its gradients.

        Parameters
        ----------
        dataset, method : str
            Names of the data set and the method.

        Returns
        -------
        bool
            True where every finished cell has gradients.
        """
        return all(c.facts.get(GRADIENTS, 0.0) == 1.0 for c in self.finished(dataset, method))

    def refuses_missing(self, dataset: str, method: str) -> bool:
        """Return whether a method was given training medians where stresses left values out.

        Parameters
        ----------
        dataset, method : str
            Names of the data set and the method.

        Returns
        -------
        bool
            True where a finished cell says so.
        """
        return any(MISSING_FILLED in c.facts for c in self.finished(dataset, method))

    def fewest_splits(self, dataset: str, method: str, stress: str = "") -> int:
        """Count the splits on which a method has an rmse.

        Parameters
        ----------
        dataset, method : str
            Names of the data set and the method.
        stress : str, default=""
            Name of a stress at every level of which it must have an rmse too.

        Returns
        -------
        int
            Number of splits.
        """
        clean = set(self.values(dataset, method, "rmse").index)
        if stress in {c.train_stress for c in self.cells if c.split not in clean}:
            return len(clean)  # regions are other splits
        for level in self.stresses().get(stress, []):
            clean &= set(self.values(dataset, method, "rmse", stress, level).index)
        return len(clean)

    def stress_facts(self, stress: str) -> StressFacts:
        """Return the facts of a stress of the run.

        Parameters
        ----------
        stress : str
            Name of the stress.

        Returns
        -------
        StressFacts
            Its facts.
        """
        return self.about.stress_facts[stress]

    def stresses(self) -> dict[str, list[float]]:
        """Return the levels of each stress of the run.

        Returns
        -------
        dict of str to list of float
            Ascending levels by stress, clean rows left out, and stresses that are left out on every
            data set.
        """
        ladders: dict[str, list[float]] = {}
        for stress, level in self.about.levels:
            if stress != CLEAN[0] and not all(stress in data.left_out for data in self.data):
                ladders.setdefault(stress, []).append(level)
        return ladders
