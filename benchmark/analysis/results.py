"""A stored run, as tables: it reads, and nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from howrobust.base.cells import CLEAN, Level
from howrobust.base.records import CellResult, RunInfo
from howrobust.distributions.forecast import NotStated
from howrobust.errors import BadInput
from howrobust.storage.array_reader import ArrayReader
from howrobust.storage.arrays import HeldOut
from howrobust.storage.backends.location import is_url
from howrobust.storage.baselines import Baselines
from howrobust.storage.reader import RunReader
from howrobust.storage.store import Store

if TYPE_CHECKING:
    import pandas as pd

    from howrobust.distributions.arrays import Array
    from howrobust.distributions.forecast import Forecast

COLUMNS = (
    "run", "dataset", "split", "method", "repeat", "stress", "level", "feature", "segment",
    "metric", "value", "status", "reason",
)  # fmt: skip


class StoredRun:
    """One run in a store; the latest by default.

    Parameters
    ----------
    folder : str or Path
        Folder of results, or the URL of a database.
    run : str, optional
        Name of the run; the latest by default.

    Raises
    ------
    BadInput
        For a place without results, or a run that is not there.
    """

    def __init__(self, folder: str | Path, run: str | None = None) -> None:
        self.folder = Path() if is_url(str(folder)) else Path(folder)
        self._store = Store(folder, create=False)
        self._reader = RunReader(self._store)
        known = self._reader.runs()
        if not known or (run is not None and run not in known):
            named = f" {run!r}" if run else ""
            raise BadInput(f"{self.where} holds no run{named}; run a suite first")
        self.run = run or known[-1]
        self.about: RunInfo = self._reader.run(self.run)

    @property
    def where(self) -> str:
        """The folder or the database, as text without a password."""
        return self._store.backend.name

    def records(self) -> "pd.DataFrame":
        """Return the scores and costs of the run, one per row.

        Returns
        -------
        DataFrame
            Columns run, dataset, split, method, repeat, stress, level, feature, segment, metric,
            value, status, reason. Clean forecasts stand once, as stress "none", level 0.0;
            ``value`` is NaN where ``status`` is "undefined" or "failed", and ``reason`` says why.
            ``feature`` and ``segment`` are "" in scores of a whole stress. A stress on one feature
            at a time has rmse, nll and coverage_90 of each ``feature`` besides, and a gap or a
            tail those of the region held out (``segment``).
        """
        import pandas as pd

        frame = pd.DataFrame(self._reader.records(self.run), columns=list(COLUMNS))
        frame["value"] = frame["value"].astype(np.float64)
        return frame

    def cells(self) -> list[CellResult]:
        """Return the planned cells with their status and facts.

        Returns
        -------
        list of CellResult
            Cells in the order of the plan.
        """
        return self._reader.cells(self.run)

    def forecasts(self) -> "pd.DataFrame":
        """Return the forecasts of the run, one test point per row.

        Returns
        -------
        DataFrame
            Columns dataset, split, method, repeat, stress, level, variant, point, y, mean,
            aleatoric, between, logpdf, pit, crps, and the 95 % interval (lower, upper), NaN where
            the form of the forecast has none; empty where no cell finished.
        """
        import pandas as pd

        frames = []
        for cell in self.cells():
            if cell.status != "ok":
                continue
            y = self.testset(cell).y
            for level, forecast in self.cell_forecasts(cell).items():
                place = level if cell.stress_level == CLEAN else cell.stress_level
                if place in self.about.levels:
                    frames.append(_points(cell, place, forecast, y))
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def cell_forecasts(
        self, cell: CellResult, wanted: Sequence[Level] | None = None
    ) -> "dict[Level, Forecast]":
        """Return the forecasts of a finished cell.

        Parameters
        ----------
        cell : CellResult
            A finished cell.
        wanted : sequence of Level, optional
            Stresses and levels; all that the cell has by default.

        Returns
        -------
        dict of Level to Forecast
            Forecasts by stress and level.
        """
        return ArrayReader(self._store).forecasts(cell.key, wanted)

    def testset(self, cell: CellResult) -> HeldOut:
        """Return the test rows of a finished cell.

        Parameters
        ----------
        cell : CellResult
            A finished cell.

        Returns
        -------
        HeldOut
            Its test rows.
        """
        return ArrayReader(self._store).testset(cell.testset)

    def baselines(self) -> list[tuple[str, int]]:
        """Return the baselines in the store.

        Returns
        -------
        list of tuple of (str, int)
            The name of each, and when it was saved (ns since 1970).
        """
        return Baselines(self._store).names()

    def baseline(self, name: str) -> str:
        """Return the text of a baseline.

        Parameters
        ----------
        name : str
            Name of the baseline.

        Returns
        -------
        str
            The text that was kept.

        Raises
        ------
        BadInput
            For an unknown name; the message lists the known ones.
        """
        return Baselines(self._store).text(name)

    def keep_baseline(self, name: str, text: str) -> None:
        """Keep a text under a name in the store, replacing what had that name.

        Parameters
        ----------
        name : str
            Name of the baseline.
        text : str
            Its text.
        """
        Baselines(self._store).save(name, text)


def _points(cell: CellResult, place: Level, forecast: "Forecast", y: "Array") -> "pd.DataFrame":
    """One forecast with a row per variant and test point."""
    import pandas as pd

    try:
        lower, upper = forecast.interval(0.95)
    except NotStated:
        lower = upper = np.full(forecast.n, np.nan)
    variants, points = np.divmod(np.arange(forecast.variants * len(y)), len(y))
    return pd.DataFrame(
        {
            "dataset": cell.dataset,
            "split": cell.split,
            "method": cell.method,
            "repeat": cell.repeat,
            "stress": place[0],
            "level": place[1],
            "variant": variants,
            "point": points,
            "y": y[points],
            **{
                name: np.nan if name in forecast.missing else getattr(forecast, name)
                for name in ("mean", "aleatoric", "between", "logpdf", "pit", "crps")
            },
            "lower": lower,
            "upper": upper,
        }
    )
