"""Results: what a run left in its folder, as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.errors import BadInput
from howrobust.planning.jobs import CLEAN, Level
from howrobust.storage.arrays import HeldOut
from howrobust.storage.backends import is_url
from howrobust.storage.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from howrobust.analysis.cards.card import Card
    from howrobust.distributions.predictive import Forecast

COLUMNS = (
    "run", "dataset", "split", "method", "repeat", "stress", "level", "metric", "value", "status",
    "reason",
)  # fmt: skip


class Results:
    """The results of one run; by default the latest in its folder, or the database of its URL.

    Raises BadInput for a place without results or a run that is not there. ``folder`` is where the
    page is written: that of the results, or else the current one.
    """

    def __init__(self, folder: str | Path, run: str | None = None) -> None:
        self.folder = Path() if is_url(str(folder)) else Path(folder)
        self._store = Store(folder, create=False)
        known = self._store.runs()
        if not known or (run is not None and run not in known):
            named = f" {run!r}" if run else ""
            raise BadInput(f"{self.where} holds no run{named}; run a suite first")
        self.run = run or known[-1]
        self.about: dict[str, Any] = self._store.run(self.run)

    @property
    def where(self) -> str:
        """The folder or the database, as text without a password."""
        return self._store.place.name

    def records(self) -> "pd.DataFrame":
        """Tidy records: run, dataset, split, method, repeat, stress, level, metric, value, status,
        reason. Clean forecasts stand once, as stress "none", level 0.0; ``value`` is NaN where
        ``status`` is ``undefined`` or ``failed``, and ``reason`` says why."""
        import pandas as pd

        frame = pd.DataFrame(self._store.records(self.run), columns=list(COLUMNS))
        frame["value"] = frame["value"].astype(np.float64)
        return frame

    def cells(self) -> list[dict[str, Any]]:
        """Return the planned cells with their status, facts and, where one failed, the reason."""
        return self._store.cells(self.run)

    def forecasts(self) -> "pd.DataFrame":
        """Tidy per-point forecasts: dataset, split, method, repeat, stress, level, variant, point,
        y, mean, aleatoric, between, logpdf, pit, crps, and the 95 % interval (lower, upper)."""
        import pandas as pd

        frames = []
        for cell in self.cells():
            if cell["status"] != "ok":
                continue
            y = self.testset(cell).y
            own = (cell["train_stress"], cell["level"])
            for clean_or_stressed, forecast in self.cell_forecasts(cell).items():
                stress, level = clean_or_stressed if own == CLEAN else own
                if [stress, level] not in self.about["levels"]:
                    continue
                place = {name: cell[name] for name in ("dataset", "split", "method", "repeat")}
                variants, points = np.divmod(np.arange(forecast.variants * len(y)), len(y))
                values = {
                    "variant": variants,
                    "point": points,
                    "y": y[points],
                    "mean": forecast.mean,
                    "aleatoric": forecast.aleatoric,
                    "between": forecast.between,
                    "logpdf": forecast.logpdf,
                    "pit": forecast.pit,
                    "crps": forecast.crps,
                    "lower": forecast.quantile(0.025),
                    "upper": forecast.quantile(0.975),
                }
                frames.append(pd.DataFrame({**place, "stress": stress, "level": level, **values}))
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def cell_forecasts(
        self, cell: dict[str, Any], wanted: Sequence[Level] | None = None
    ) -> "dict[Level, Forecast]":
        """Return a finished cell's forecasts by (stress, level): those ``wanted``, or all."""
        return self._store.forecasts(cell["key"], wanted)

    def testset(self, cell: dict[str, Any]) -> HeldOut:
        """Return the test rows of a finished cell."""
        return self._store.held_out(cell["testset"])

    def degradation(self) -> "pd.DataFrame":
        """What each level of each stress does, beside the clean self of each method: see
        `howrobust.analysis.degradation.degradation`."""
        from howrobust.analysis.degradation import degradation
        from howrobust.analysis.run_scores import Scores

        return degradation(Scores(self))

    def variance_split(self, metric: str = "rmse") -> "pd.DataFrame":
        """How much of a clean metric's variance is between splits and between restarts: see
        `howrobust.analysis.variance_parts.variance_parts`."""
        from howrobust.analysis.run_scores import Scores
        from howrobust.analysis.variance_parts import variance_parts

        return variance_parts(Scores(self), metric)

    def card(self, method: str) -> "Card":
        """Return the robustness card of a method; BadInput for one that the run has not."""
        from howrobust.analysis.cards.ranking import cards
        from howrobust.analysis.run_scores import Scores

        if method not in self.about["methods"]:
            known = ", ".join(self.about["methods"])
            raise BadInput(f"the run has no method {method!r}; it has: {known}")
        return cards(Scores(self))[method]

    def baselines(self) -> list[tuple[str, int]]:
        """Names of the baselines in the store and when each was saved (ns since 1970)."""
        return self._store.baselines()

    def baseline(self, name: str) -> str:
        """Return the text of a baseline; BadInput, naming those that are, for an unknown one."""
        return self._store.baseline(name)

    def save_baseline(self, name: str) -> str:
        """Keep the run's snapshot in its store under a name, and return its text."""
        from howrobust.comparison.baseline import snapshot, to_json

        text = to_json(snapshot(self))
        self._store.save_baseline(name, text)
        return text

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page, one self-contained HTML file, and return its path.

        Without ``path`` it is report.html in the folder; BadInput where a file of that name is
        there which howrobust has not made.
        """
        from howrobust.reports.page import require_replaceable, write_page

        if path is not None:
            return write_page(self, Path(path))
        page = self.folder / "report.html"
        require_replaceable(page)
        return write_page(self, page)


def load(path: str | Path) -> Results:
    """Return the latest results in a folder or the database of a URL; BadInput for none."""
    return Results(path)
