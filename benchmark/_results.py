"""The results of a finished run: read, analysed, reported and compared."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from howrobust.analysis.cards.saving import Origin
from howrobust.analysis.results import StoredRun
from howrobust.analysis.run_scores import Scores
from howrobust.comparison.baseline import snapshot, to_json
from howrobust.comparison.runs import Comparable, Comparison, compare_runs
from howrobust.errors import BadInput
from howrobust.storage.backends.location import is_url

if TYPE_CHECKING:
    import pandas as pd

    from howrobust.analysis.cards.card import Card


class Results(StoredRun):
    """The results of one run; by default the latest in its folder, or the database of its URL.

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

    @property
    def origin(self) -> Origin:
        """Where the run is, for its cards."""
        return Origin(self.where if is_url(self.where) else os.path.abspath(self.where), self.run)

    def degradation(self) -> "pd.DataFrame":
        """Return what each level of each stress does, beside the clean scores of each method.

        Returns
        -------
        DataFrame
            See `howrobust.analysis.degradation.degradation`.
        """
        from howrobust.analysis.degradation import degradation

        return degradation(Scores(self))

    def variance_split(self, metric: str = "rmse") -> "pd.DataFrame":
        """Split the variance of a clean metric into parts of splits and of restarts.

        Parameters
        ----------
        metric : str, default="rmse"
            Name of the metric.

        Returns
        -------
        DataFrame
            See `howrobust.analysis.variance_parts.variance_parts`.
        """
        from howrobust.analysis.variance_parts import variance_parts

        return variance_parts(Scores(self), metric)

    def card(self, method: str) -> "Card":
        """Return the robustness card of a method.

        Parameters
        ----------
        method : str
            Label of the method, as the run has it.

        Returns
        -------
        Card
            The card.

        Raises
        ------
        BadInput
            For a method that the run has not, and for the second row of a model.

        Notes
        -----
        ``card.predictive(X)`` makes the model again from the command of the run, which imports the
        module that a user's model is in: call it on runs of your own.
        """
        import howrobust.reports.card_html  # noqa: F401 (it registers how a card is shown)
        from howrobust._run_models import RunForecaster
        from howrobust.analysis.cards.ranking import cards

        if method not in self.about.labels:
            known = ", ".join(self.about.labels)
            raise BadInput(f"the run has no method {method!r}; it has: {known}")
        model = self.about.method_facts[method].row_of
        if model:
            raise BadInput(
                f"{method!r} is the second row of {model!r} and on its card; ask for that"
            )
        card = cards(Scores(self))[method]
        forecaster = RunForecaster(self.origin, method, kept=False)
        return replace(card, origin=self.origin, forecaster=forecaster)

    def save_baseline(self, name: str) -> str:
        """Keep a snapshot of the run in its store, for later runs to be compared with.

        Parameters
        ----------
        name : str
            Name of the baseline; one that has it already is replaced.

        Returns
        -------
        str
            The text of the snapshot.
        """
        text = to_json(snapshot(self))
        self.keep_baseline(name, text)
        return text

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page, one self-contained HTML file.

        Parameters
        ----------
        path : str or Path, optional
            Where to write it; report.html in the folder of results by default.

        Returns
        -------
        Path
            Where it is.

        Raises
        ------
        BadInput
            Where a file that howrobust has not made would be replaced in the folder of results.
        """
        from howrobust.reports.model import build_report
        from howrobust.reports.page import write_page

        return write_page(build_report(self), None if path is None else Path(path))


def compare(
    base: Comparable,
    new: Comparable,
    *,
    max_slowdown: float | None = None,
    alpha: float = 0.05,
) -> Comparison:
    """Compare the latest run in one place with that in another.

    Parameters
    ----------
    base, new : str, Path, Results or Snapshot
        A folder of results, a baseline's file (.json), or what `howrobust.load` returns. ``base``
        may be the name of a baseline in the store of ``new``.
    max_slowdown : float, optional
        How many times as much a fit or a draw may cost; without it speed is not compared.
    alpha : float, default=0.05
        How often, at most, a comparison calls anything worse that has not changed.

    Returns
    -------
    Comparison
        What is worse, better, slower, missing and new; its ``exit_code`` is that of
        ``howrobust compare``.

    Raises
    ------
    BadInput
        For what cannot be read, or an ``alpha`` or ``max_slowdown`` outside its range.

    See Also
    --------
    howrobust.comparison.quality.changes : What is tested of scores.
    howrobust.comparison.speed.compare_speed : What is tested of speed.
    """
    import howrobust.reports.verdict  # noqa: F401 (it registers how a comparison is shown)

    return compare_runs(base, new, max_slowdown=max_slowdown, alpha=alpha)


def load(path: str | Path) -> Results:
    """Return the latest results in a folder or a database.

    Parameters
    ----------
    path : str or Path
        Folder of results, or the URL of a database.

    Returns
    -------
    Results
        The results of the latest run.

    Raises
    ------
    BadInput
        Where there are none.
    """
    return Results(path)


def load_card(path: str | Path, *, kept: bool = False) -> "Card":
    """Return a card that `Card.save` has written.

    Parameters
    ----------
    path : str or Path
        The file. Nothing in it is executed.
    kept : bool, default False
        Whether ``predictive`` loads the fitted model that the run has kept (``assess(...,
        keep_model=True)``). That executes code in the model's file: only for runs of your own.
        Otherwise the model is made again from the command of the run.

    Returns
    -------
    Card
        The card, as it was.

    Raises
    ------
    BadInput
        For a file that is damaged or no card.
    """
    import howrobust.reports.card_html  # noqa: F401 (it registers how a card is shown)
    from howrobust._run_models import RunForecaster
    from howrobust.analysis.cards.loading import read_card

    card = read_card(Path(path))
    if card.origin is None:
        return card
    return replace(card, forecaster=RunForecaster(card.origin, card.method, kept))
