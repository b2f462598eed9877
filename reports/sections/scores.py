"""What the tables, the page and the terminal show: numbers of a run, summarised over splits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from howrobust.analysis.cards.measures import coverage_95
from howrobust.analysis.differences import Difference, differences
from howrobust.analysis.measured import Measured
from howrobust.analysis.results import StoredRun
from howrobust.analysis.run_scores import REFERENCES, Scores
from howrobust.analysis.statistics import Estimate
from howrobust.base.records import COSTS, CellResult

MOST_NLL_ERROR = 0.01
FEWEST_TEST_POINTS = 20
SHOWN = ("nll", "rmse", "crps", "kl_to_truth")


@dataclass(frozen=True)
class Row:
    """A method on a data set."""

    method: str
    rank: int | None  # by nll among the ranked methods; None for references and failures
    behind: Difference | None  # its nll less the first's; None for the first and the unranked
    best: frozenset[str]  # scores by which it leads every other ranked method distinguishably
    scores: dict[str, Estimate | None]
    coverage_95: tuple[float, float, float] | None  # share with Wilson's interval
    in_null_band: tuple[int, int]  # splits whose mace is inside the 95 % null, of so many
    scored_splits: tuple[int, int]  # splits with an nll, of those planned
    costs: dict[str, float]

    @property
    def tied(self) -> bool:
        """Whether several splits cannot tell its nll from the first's; one says nothing."""
        found = self.behind
        return found is not None and found.pairs > 1 and not found.distinguishable


class Summary(Scores):
    """What is shown of a run: ranked rows, failures and warnings."""

    def __init__(self, results: StoredRun) -> None:
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
            if any(c.method == m and c.dataset == dataset for c in self.cells)
        ]  # fmt: skip
        ranked = [m for m in present if m not in REFERENCES]
        planned = self.planned_splits(dataset)
        found = {m: self.values(dataset, m, "nll") for m in ranked}
        scores = {m: float(v.mean()) for m, v in found.items() if len(v) == planned}
        order = sorted(scores, key=lambda m: scores[m])
        gaps = {metric: differences(self, dataset, metric) for metric in SHOWN}
        ahead = {metric: self._ahead(dataset, metric, order, gaps[metric]) for metric in SHOWN}
        rows = []
        for k, method in enumerate(order):
            best = frozenset(metric for metric in SHOWN if ahead[metric] == method)
            behind = _between(gaps["nll"], method, order[0]) if k else None
            rows.append(self._row(dataset, method, k + 1, behind, best))
        lost = [m for m in ranked if m not in scores]
        rest = [*lost, *(m for m in present if m in REFERENCES)]
        return rows + [self._row(dataset, m, None, None, frozenset()) for m in rest]

    def _ahead(
        self, dataset: str, metric: str, methods: list[str], gaps: Sequence[Difference]
    ) -> str | None:
        """The method with the least mean, if it differs distinguishably from each of the others."""
        found = {m: self.estimate(dataset, m, metric) for m in methods}
        means = {m: estimate.mean for m, estimate in found.items() if estimate}
        if len(means) < 2:
            return None
        least = min(means, key=lambda m: means[m])
        pairs = [_between(gaps, m, least) for m in means if m != least]
        return least if all(pair and pair.distinguishable for pair in pairs) else None

    def _row(
        self,
        dataset: str,
        method: str,
        rank: int | None,
        behind: Difference | None,
        best: frozenset[str],
    ) -> Row:
        covered = coverage_95(self, dataset, method, "")
        share = covered if isinstance(covered, Measured) else None
        mace = self.values(dataset, method, "mace")
        edge = self.values(dataset, method, "mace_null_95")
        found = {name: self.values(dataset, method, name) for name in COSTS}
        return Row(
            method=method,
            rank=rank,
            behind=behind,
            best=best,
            scores={metric: self.estimate(dataset, method, metric) for metric in SHOWN},
            coverage_95=(share.value, share.lower or 0.0, share.upper or 1.0) if share else None,
            in_null_band=(int((mace <= edge).sum()), len(mace)),
            scored_splits=(len(self.values(dataset, method, "nll")), self.planned_splits(dataset)),
            costs={name: float(v.mean()) for name, v in found.items() if not v.empty},
        )

    def ranking(self) -> list[tuple[str, float]]:
        """(method, mean rank by nll) of the methods that are ranked on every data set."""
        ranks: dict[str, list[int]] = {}
        for data in self.data:
            for row in self.rows(data.name):
                if row.rank is not None:
                    ranks.setdefault(row.method, []).append(row.rank)
        found = [(m, float(np.mean(r))) for m, r in ranks.items() if len(r) == len(self.data)]
        return sorted(found, key=lambda item: item[1])

    def failures(self) -> list[CellResult]:
        """Cells without a result, and those that lost a stress level, each with its reason."""
        found = []
        for cell in self.cells:
            lost = [p for p in cell.lost if p in self.about.levels]
            if cell.status != "ok":
                stress, level = cell.train_stress, cell.level
                where = "" if stress == "none" else f" under {stress} {level:g}"
                reason = cell.reason or "not fitted"
                found.append(replace(cell, split=cell.split + where, reason=reason))
            elif lost:
                places = ", ".join(f"{stress} {level:g}" for stress, level in lost)
                found.append(replace(cell, reason=f"at {places}: {cell.lost[lost[0]]}"))
        return found

    def reused(self) -> str:
        """Say how many fits were taken from earlier runs."""
        reused, fits = self.about.reused, len(self.cells)
        return f"{reused} of {fits} fits come from earlier runs, {fits - reused} were fitted now."

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
            if data.n_test < FEWEST_TEST_POINTS:
                found.append(
                    f"{data.name}: {data.n_test} test points per split say little about "
                    "intervals; read coverage and calibration with care"
                )
            found += [f"{data.name}: {warning}" for warning in data.warnings]
            found += self._spikes(data.name)
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


def _between(gaps: Sequence[Difference], method: str, other: str) -> Difference | None:
    """The difference of a method to another, whichever way round it was taken."""
    for gap in gaps:
        if (gap.method, gap.other) == (method, other):
            return gap
        if (gap.method, gap.other) == (other, method):
            e = gap.estimate
            turned = Estimate(-e.mean, e.se, -e.upper, -e.lower)
            return replace(gap, method=method, other=other, estimate=turned)
    return None
