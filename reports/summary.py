"""What the tables, the page and the terminal show: numbers of a run, summarised over splits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from howrobust.execution import COSTS
from howrobust.measures import Measured, coverage_95
from howrobust.results import Results
from howrobust.scores import REFERENCES, Scores
from howrobust.statistics import Estimate, over_splits

MOST_NLL_ERROR = 0.01
FEWEST_TEST_POINTS = 20
SHOWN = ("nll", "rmse", "crps", "kl_to_truth")


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


class Summary(Scores):
    """What is shown of a run: ranked rows, failures and warnings."""

    def __init__(self, results: Results) -> None:
        super().__init__(results)
        self._rows: dict[str, list[Row]] = {}

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
        covered = coverage_95(self, dataset, method, "")
        share = covered if isinstance(covered, Measured) else None
        mace = self.values(dataset, method, "mace")
        edge = self.values(dataset, method, "mace_null_95")
        found = {name: self.values(dataset, method, name) for name in COSTS}
        return Row(
            method=method,
            rank=rank,
            tied=bool(rank and rank > 1 and best and self._tied(dataset, method, best)),
            scores={metric: self.estimate(dataset, method, metric) for metric in SHOWN},
            coverage_95=(share.value, share.lower or 0.0, share.upper or 1.0) if share else None,
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

    def failures(self) -> list[dict[str, Any]]:
        """Cells without a result, and those that lost a stress level, each with its reason."""
        found = []
        for cell in self.cells:
            lost = [p for p in cell["lost"] if list(p) in self.about["levels"]]
            if cell["status"] != "ok":
                stress, level = cell["train_stress"], cell["level"]
                where = "" if stress == "none" else f" under {stress} {level:g}"
                reason = cell["reason"] or "not fitted"
                found.append({**cell, "split": cell["split"] + where, "reason": reason})
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
            found += [f"{data['name']}: {caution}" for caution in data.get("cautions", [])]
            found += self._spikes(data["name"])
        return found

    def _spikes(self, dataset: str) -> list[str]:
        """Forecasts with sds far below the step of a discrete target: their density is a spike."""
        found = []
        for method in self.methods:
            cells = self.finished(dataset, method)
            forecast = self.clean(cells[0]) if cells else None
            if forecast and forecast.smallest_sd.min() < forecast.step / 5:
                found.append(
                    f"{method} on {dataset}: the target repeats on a step of {forecast.step:g} and "
                    f"the forecast has a noise sd of {forecast.smallest_sd.min():.2g}; read "
                    "nll_rounded instead of nll"
                )
        return found
