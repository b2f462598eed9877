"""What the tables, the page and the terminal show: numbers of a run, summarised over splits."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from howrobust.execution import COSTS
from howrobust.predictive import Array, Forecast
from howrobust.results import Results
from howrobust.statistics import Estimate, effective_n, over_splits, wilson
from howrobust.store import HeldOut

REFERENCES = ("marginal", "oracle")  # shown in every table, never ranked
MOST_NLL_ERROR = 0.01
FEWEST_TEST_POINTS = 20
SHOWN = ("nll", "rmse", "crps")


@dataclass(frozen=True)
class Row:
    """A method on a data set."""

    method: str
    rank: int | None  # by nll among the ranked methods; None for references and failures
    tied: bool  # the interval of its paired nll difference to the best contains 0
    scores: dict[str, Estimate | None]
    coverage_95: tuple[float, float, float] | None  # share with Wilson's interval
    honest_splits: tuple[int, int]  # splits whose mace is inside the 95 % null, of so many
    scored_splits: tuple[int, int]  # splits with an nll, of those planned
    costs: dict[str, float]


class Summary:
    """Numbers of a run by data set and method."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.about = results.about
        self.records = results.records()
        self.cells = results.cells()
        self.methods: list[str] = list(self.about["methods"])
        self.data: list[dict[str, Any]] = list(self.about["data"])
        self._held: dict[str, HeldOut] = {}
        self._forecasts: dict[str, dict[tuple[str, float], Forecast]] = {}
        self._rows: dict[str, list[Row]] = {}

    @cached_property
    def _values(self) -> dict[tuple[str, str, str, str, float], dict[str, float]]:
        """Values of splits, averaged over repeats, by dataset, method, metric, stress, level."""
        ok = self.records[self.records["status"] == "ok"]
        place = ["dataset", "method", "metric", "stress", "level", "split"]
        means = ok.groupby(place, sort=False)["value"].mean()
        found: dict[tuple[str, str, str, str, float], dict[str, float]] = {}
        columns = [means.index.get_level_values(name).tolist() for name in place]
        for *where, split, value in zip(*columns, means.tolist(), strict=True):
            found.setdefault(tuple(where), {})[split] = value
        return found

    def values(
        self, dataset: str, method: str, metric: str, stress: str = "none", level: float = 0.0
    ) -> pd.Series:
        """Values by split, averaged over repeats; empty where there are none."""
        found = self._values.get((dataset, method, metric, stress, level), {})
        return pd.Series(found, dtype=float)

    def overlap(self, dataset: str) -> float:
        """n_test / n_train for splits of one table, 0 for independently generated data."""
        facts = next(d for d in self.data if d["name"] == dataset)
        cells = [c for c in self.cells if c["dataset"] == dataset and c["status"] == "ok"]
        if facts["synthetic"] or not cells:
            return 0.0
        held = self.held_out(cells[0])
        return len(held.y) / held.n_train

    def held_out(self, cell: dict[str, Any]) -> HeldOut:
        """Test rows of a cell."""
        sha = cell["testset"]
        if sha not in self._held:
            self._held[sha] = self.results.testset(cell)
        return self._held[sha]

    def forecasts(self, cell: dict[str, Any]) -> dict[tuple[str, float], Forecast]:
        """Forecasts of a finished cell."""
        if cell["key"] not in self._forecasts:
            self._forecasts[cell["key"]] = self.results.cell_forecasts(cell)
        return self._forecasts[cell["key"]]

    def finished(self, dataset: str, method: str) -> list[dict[str, Any]]:
        """Finished cells of a method on a data set, first repeats alone, in order of splits."""
        return [
            c
            for c in self.cells
            if (c["dataset"], c["method"], c["status"], c["repeat"]) == (dataset, method, "ok", 0)
        ]

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
        cells = self.finished(dataset, method)
        clean = [self.forecasts(c)["none", 0.0] for c in cells]
        held = [self.held_out(c) for c in cells]
        rows = np.concatenate([np.column_stack([h.X, h.y]) for h in held])
        _, index = np.unique(rows, axis=0, return_inverse=True)
        pit, cdf = (np.concatenate([getattr(f, name) for f in clean]) for name in ("pit", "cdf"))
        return pit, cdf, index.astype(np.int64)

    def planned_splits(self, dataset: str) -> int:
        """How many splits of a data set the run has."""
        return len({c["split"] for c in self.cells if c["dataset"] == dataset})

    def rows(self, dataset: str) -> list[Row]:
        """Rows of a data set's table: ranked methods by nll, the rest, then the references.

        A method is ranked if it has an nll on every planned split: the mean over the splits that it
        survived is no match for a mean over all of them.
        """
        if dataset not in self._rows:
            self._rows[dataset] = self._ordered(dataset)
        return self._rows[dataset]

    def _ordered(self, dataset: str) -> list[Row]:
        present = [
            m for m in self.methods
            if any(c["method"] == m and c["dataset"] == dataset for c in self.cells)
        ]  # fmt: skip
        ranked = [m for m in present if m not in REFERENCES]
        planned = self.planned_splits(dataset)
        found = {m: self.values(dataset, m, "nll") for m in ranked}
        scores = {m: float(v.mean()) for m, v in found.items() if len(v) == planned}
        order = sorted(scores, key=lambda m: scores[m])
        lost = [m for m in ranked if m not in scores]
        rows = [self._row(dataset, m, k + 1, order[0]) for k, m in enumerate(order)]
        rest = [*lost, *(m for m in present if m in REFERENCES)]
        return rows + [self._row(dataset, m, None, None) for m in rest]

    def _row(self, dataset: str, method: str, rank: int | None, best: str | None) -> Row:
        coverage = None
        if self.finished(dataset, method):
            _, cdf, index = self.pooled(dataset, method)
            share = float(np.mean(np.abs(2 * cdf - 1) <= 0.95))
            n = effective_n(np.bincount(index))
            coverage = (share, *wilson(share * n, n))
        mace = self.values(dataset, method, "mace")
        edge = self.values(dataset, method, "mace_null_95")
        found = {name: self.values(dataset, method, name) for name in COSTS}
        return Row(
            method=method,
            rank=rank,
            tied=bool(rank and rank > 1 and best and self._tied(dataset, method, best)),
            scores={metric: self.estimate(dataset, method, metric) for metric in SHOWN},
            coverage_95=coverage,
            honest_splits=(int((mace <= edge).sum()), len(mace)),
            scored_splits=(len(self.values(dataset, method, "nll")), self.planned_splits(dataset)),
            costs={name: float(v.mean()) for name, v in found.items() if not v.empty},
        )

    def _tied(self, dataset: str, method: str, best: str) -> bool:
        """Whether the corrected interval of the paired nll difference to the best contains 0."""
        pair = pd.concat(
            [self.values(dataset, method, "nll"), self.values(dataset, best, "nll")], axis=1
        ).dropna()
        if len(pair) < 2:
            return False  # one split says nothing about chance; the page says so instead
        difference = (pair.iloc[:, 0] - pair.iloc[:, 1]).to_numpy()
        found = over_splits(difference, self.overlap(dataset))
        return found.lower <= 0 <= found.upper

    def ranking(self) -> list[tuple[str, float]]:
        """(method, mean rank by nll) of the methods that are ranked on every data set."""
        ranks: dict[str, list[int]] = {}
        for data in self.data:
            for row in self.rows(data["name"]):
                if row.rank is not None:
                    ranks.setdefault(row.method, []).append(row.rank)
        found = [(m, float(np.mean(r))) for m, r in ranks.items() if len(r) == len(self.data)]
        return sorted(found, key=lambda item: item[1])

    def stresses(self) -> dict[str, list[float]]:
        """Ladders of the run: levels above 0 by stress."""
        ladders: dict[str, list[float]] = {}
        for stress, level in self.about["levels"]:
            if stress != "none":
                ladders.setdefault(stress, []).append(level)
        return ladders

    def failures(self) -> list[dict[str, Any]]:
        """Cells without a result, and those that lost a stress level, each with its reason."""
        found = []
        for cell in self.cells:
            lost = [p for p in cell["lost"] if list(p) in self.about["levels"]]
            if cell["status"] != "ok":
                found.append({**cell, "reason": cell["reason"] or "not fitted"})
            elif lost:
                places = ", ".join(f"{stress} {level:g}" for stress, level in lost)
                found.append({**cell, "reason": f"at {places}: {cell['lost'][lost[0]]}"})
        return found

    def warnings(self) -> list[str]:
        """What a careful reader must know before trusting a number."""
        found = []
        clean = self.records[(self.records["metric"] == "nll_error") & (self.records["level"] == 0)]
        for (dataset, method), group in clean.groupby(["dataset", "method"], sort=False):
            if group["value"].max() > MOST_NLL_ERROR:
                found.append(
                    f"{method} on {dataset}: so few draws leave a Monte-Carlo standard error of "
                    f"{group['value'].max():.3f} in its nll; ask for more with n_draws"
                )
        for data in self.data:
            if data["n_test"] < FEWEST_TEST_POINTS:
                found.append(
                    f"{data['name']}: {data['n_test']} test points per split say little about "
                    "intervals; read coverage and honesty with care"
                )
            found += self._spikes(data["name"])
        return found

    def _spikes(self, dataset: str) -> list[str]:
        """Forecasts with sds far below the step of a discrete target: their density is a spike."""
        found = []
        for method in self.methods:
            cells = self.finished(dataset, method)
            forecast = self.forecasts(cells[0])["none", 0.0] if cells else None
            if forecast and forecast.smallest_sd.min() < forecast.step / 5:
                found.append(
                    f"{method} on {dataset}: the target repeats on a step of {forecast.step:g} and "
                    f"the forecast has a noise sd of {forecast.smallest_sd.min():.2g}; read "
                    "nll_rounded instead of nll"
                )
        return found
