"""A stored run, as tables: it reads, and nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from howrobust.base.cells import CLEAN, Level
from howrobust.base.records import CellResult, RunInfo
from howrobust.errors import BadInput
from howrobust.storage.arrays import HeldOut
from howrobust.storage.backends import is_url
from howrobust.storage.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from howrobust.distributions.forecast import Forecast

COLUMNS = (
    "run", "dataset", "split", "method", "repeat", "stress", "level", "metric", "value", "status",
    "reason",
)  # fmt: skip


class StoredRun:
    """One run in a store; by default the latest in its folder, or the database of its URL.

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
        self.about: RunInfo = self._store.run(self.run)

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

    def cells(self) -> list[CellResult]:
        """Return the planned cells with their status, facts and, where one failed, the reason."""
        return self._store.cells(self.run)

    def forecasts(self) -> "pd.DataFrame":
        """Tidy per-point forecasts: dataset, split, method, repeat, stress, level, variant, point,
        y, mean, aleatoric, between, logpdf, pit, crps, and the 95 % interval (lower, upper)."""
        import pandas as pd

        frames = []
        for cell in self.cells():
            if cell.status != "ok":
                continue
            y = self.testset(cell).y
            own = (cell.train_stress, cell.level)
            for clean_or_stressed, forecast in self.cell_forecasts(cell).items():
                stress, level = clean_or_stressed if own == CLEAN else own
                if (stress, level) not in self.about.levels:
                    continue
                place = {
                    name: getattr(cell, name) for name in ("dataset", "split", "method", "repeat")
                }
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
        self, cell: CellResult, wanted: Sequence[Level] | None = None
    ) -> "dict[Level, Forecast]":
        """Return a finished cell's forecasts by (stress, level): those ``wanted``, or all."""
        return self._store.forecasts(cell.key, wanted)

    def testset(self, cell: CellResult) -> HeldOut:
        """Return the test rows of a finished cell."""
        return self._store.held_out(cell.testset)

    def baselines(self) -> list[tuple[str, int]]:
        """Names of the baselines in the store and when each was saved (ns since 1970)."""
        return self._store.baselines()

    def baseline(self, name: str) -> str:
        """Return the text of a baseline; BadInput, naming those that are, for an unknown one."""
        return self._store.baseline(name)

    def keep_baseline(self, name: str, text: str) -> None:
        """Keep a text under a name in the store, in place of what had that name."""
        self._store.save_baseline(name, text)
