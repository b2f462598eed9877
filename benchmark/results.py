"""Results: what a run left in its folder, as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.cells import CLEAN, Level
from howrobust.errors import BadInput
from howrobust.store import HeldOut, Store, read_forecasts, read_testset

if TYPE_CHECKING:
    import pandas as pd

    from howrobust.predictive import Forecast
    from howrobust.robustness import Card

COLUMNS = (
    "run", "dataset", "split", "method", "repeat", "stress", "level", "metric", "value", "status",
    "reason",
)  # fmt: skip


class Results:
    """The results of one run; by default the latest in its folder.

    Raises BadInput for a folder without results or a run that is not there.
    """

    def __init__(self, folder: str | Path, run: str | None = None) -> None:
        self.folder = Path(folder)
        self._store = Store(folder, create=False)
        known = self._store.runs()
        if not known or (run is not None and run not in known):
            raise BadInput(f"{folder} holds no run{f' {run!r}' if run else ''}; run a suite first")
        self.run = run or known[-1]
        self.about: dict[str, Any] = self._store.run(self.run)

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
        return read_forecasts(self._store.files.forecast(cell["key"]), wanted)

    def testset(self, cell: dict[str, Any]) -> HeldOut:
        """Return the test rows of a finished cell."""
        return read_testset(self._store.files.testset(cell["testset"]))

    def degradation(self) -> "pd.DataFrame":
        """What each level of each stress does, beside the clean self of each method: see
        `howrobust.degradation.degradation`."""
        from howrobust.degradation import degradation
        from howrobust.scores import Scores

        return degradation(Scores(self))

    def variance_split(self, metric: str = "rmse") -> "pd.DataFrame":
        """How much of a clean metric's variance is between splits and between restarts: see
        `howrobust.robustness.variance_parts`."""
        from howrobust.robustness import variance_parts
        from howrobust.scores import Scores

        return variance_parts(Scores(self), metric)

    def card(self, method: str) -> "Card":
        """Return the robustness card of a method; BadInput for one that the run has not."""
        from howrobust.robustness import cards
        from howrobust.scores import Scores

        if method not in self.about["methods"]:
            known = ", ".join(self.about["methods"])
            raise BadInput(f"the run has no method {method!r}; it has: {known}")
        return cards(Scores(self))[method]

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page, one self-contained HTML file (default: report.html in the folder)."""
        from howrobust.reports.page import write_page

        return write_page(self, Path(path) if path else self.folder / "report.html")


def load(path: str | Path) -> Results:
    """Return the latest results in a folder; BadInput where there are none."""
    return Results(path)
