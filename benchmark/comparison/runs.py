"""Comparison of an earlier run with a later one: what is worse, slower, lost and new.

Cells are matched by their address, which has no seed and no code in it.
"""

from dataclasses import dataclass, fields
from math import inf, isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING

from howrobust.analysis.results import StoredRun
from howrobust.base.rendering import rendered
from howrobust.comparison.baseline import Snapshot, from_json, read_file, snapshot
from howrobust.comparison.events import FAILED, MISSING, OTHER_DATA, Event, events
from howrobust.comparison.quality import WORSE, Change, changes
from howrobust.comparison.speed import Pace, SpeedComparison, compare_speed
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ComparisonRecord:
    """One row of `Comparison.records`: a change, a pace or an event.

    Parameters
    ----------
    verdict : str
        Verdict of a change or pace, or kind of an event.
    dataset, method, stress : str, default=""
        Names of the data set ("" for all of them), the method and the stress.
    metric : str, default=""
        Name of the metric; fit or draw for a pace.
    base, new : float, default=nan
        Means of the metric.
    difference, lower, upper : float, default=nan
        Difference of losses with a 95 % interval; a ratio for a pace.
    p : float, default=nan
        Adjusted one-sided p-value.
    splits : int, default=0
        Number of splits; of stacks for a pace, of cells for an event.
    splits_needed : float, default=nan
        Number of splits with which an inconclusive difference would be significant.
    reason : str, default=""
        Why a cell or a score failed.
    """

    verdict: str
    dataset: str = ""
    method: str = ""
    stress: str = ""
    metric: str = ""
    base: float = nan
    new: float = nan
    difference: float = nan
    lower: float = nan
    upper: float = nan
    p: float = nan
    splits: int = 0
    splits_needed: float = nan
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """The differences between two runs, and whether they matter.

    Parameters
    ----------
    base, new : Snapshot
        The earlier and the later run.
    alpha : float
        Family-wise level of the tests.
    max_slowdown : float or None
        How many times as much a fit or a draw may cost; None where speed is not compared.
    changes : tuple of Change
        Changes of scores.
    speed : SpeedComparison
        Changes of costs.
    events : tuple of Event
        Cells that are missing, failed, mended, new or of other data.
    """

    base: Snapshot
    new: Snapshot
    alpha: float
    max_slowdown: float | None
    changes: tuple[Change, ...]
    speed: SpeedComparison
    events: tuple[Event, ...]

    @property
    def exit_code(self) -> int:
        """Exit code of ``howrobust compare``: 0, 1 or 3.

        0 where nothing is worse; 1 where something is worse, slower, missing or failed, or of other
        data; 3 where nothing could be compared or tested, or no speed although that was requested.
        """
        kinds = {event.kind for event in self.events}
        if FAILED in kinds:
            return 1
        if not self.changes:
            return 3
        slower = any(pace.verdict == WORSE for pace in self.paces)
        if kinds & {MISSING, OTHER_DATA} or slower or self.of(WORSE):
            return 1
        if not self.tested or (self.max_slowdown is not None and not self.paces):
            return 3
        return 0

    @property
    def paces(self) -> tuple[Pace, ...]:
        """Changes of costs; empty where speed was not or could not be compared."""
        return self.speed.paces

    @property
    def tested(self) -> bool:
        """Whether a difference was tested, or none exceeds rounding."""
        return bool(self.tests) or all(change.same for change in self.changes)

    def of(self, verdict: str) -> list[Change]:
        """Return the changes of a verdict, the largest first.

        Parameters
        ----------
        verdict : {"worse", "better", "unchanged", "inconclusive"}
            The verdict.

        Returns
        -------
        list of Change
            Changes in the order of their size, relative to the least difference that matters.
        """
        selected = [change for change in self.changes if change.verdict == verdict]
        return sorted(selected, key=lambda change: -abs(change.in_sizes))

    @property
    def tests(self) -> int:
        """Number of tests that the p-values of either direction are adjusted for."""
        return sum(not isnan(change.p) for change in self.changes)

    def records(self) -> "pd.DataFrame":
        """Return the changes, paces and events, one per row.

        Returns
        -------
        DataFrame
            The fields of `ComparisonRecord` as columns.
        """
        import pandas as pd

        rows = [
            *map(_record_of_change, self.changes),
            *map(_record_of_pace, self.paces),
            *map(_record_of_event, self.events),
        ]
        return pd.DataFrame(rows, columns=[field.name for field in fields(ComparisonRecord)])

    def __str__(self) -> str:
        return rendered(self, "text")


def _record_of_change(change: Change) -> ComparisonRecord:
    return ComparisonRecord(
        verdict=change.verdict,
        dataset=change.dataset,
        method=change.method,
        stress=change.stress,
        metric=change.metric,
        base=change.base,
        new=change.new,
        difference=change.estimate.mean,
        lower=change.estimate.lower,
        upper=change.estimate.upper,
        p=change.p,
        splits=change.splits,
        splits_needed=nan if change.splits_needed is None else change.splits_needed,
    )


def _record_of_pace(pace: Pace) -> ComparisonRecord:
    return ComparisonRecord(
        verdict=pace.verdict,
        method=pace.method,
        metric=pace.what,
        difference=pace.ratio.mean,
        lower=pace.ratio.lower,
        upper=pace.ratio.upper,
        p=pace.p,
        splits=pace.stacks,
    )


def _record_of_event(event: Event) -> ComparisonRecord:
    return ComparisonRecord(
        verdict=event.kind,
        dataset=event.dataset,
        method=event.method,
        stress=event.place,
        splits=event.count,
        reason=event.reason,
    )


Comparable = str | Path | StoredRun | Snapshot


def compare_runs(
    base: Comparable,
    new: Comparable,
    *,
    max_slowdown: float | None = None,
    alpha: float = 0.05,
) -> Comparison:
    """Compare the latest run in ``new`` with the one in ``base``.

    Parameters
    ----------
    base, new : str, Path, StoredRun or Snapshot
        A folder of results, a baseline's file (.json), a run or its snapshot. ``base`` may be the
        name of a baseline in the store of ``new``.
    max_slowdown : float, optional
        How many times as much a fit or a draw may cost; without it speed is not compared.
    alpha : float, default=0.05
        Largest probability with which anything that has not changed is called worse.

    Returns
    -------
    Comparison
        The differences between the runs.

    Raises
    ------
    BadInput
        For what cannot be read, or an ``alpha`` or ``max_slowdown`` outside its range.

    See Also
    --------
    howrobust.comparison.quality.changes : How scores are tested.
    howrobust.comparison.speed.compare_speed : How costs are tested.
    """
    if not 0 < alpha < 1:
        raise BadInput(f"alpha must be between 0 and 1, not {alpha:g}")
    if max_slowdown is not None and not 1 <= max_slowdown < inf:
        raise BadInput(f"the slowdown that is allowed must be at least 1, not {max_slowdown:g}")
    before = _named(base, new) if _is_name(base) else _opened(base)
    after = _opened(new)
    changed = {
        name
        for name in before.data.keys() & after.data.keys()
        if before.data[name].sha256 != after.data[name].sha256
    }
    speed = SpeedComparison()
    if max_slowdown is not None:
        speed = compare_speed(before, after, changed, max_slowdown, alpha)
    return Comparison(
        base=before,
        new=after,
        alpha=alpha,
        max_slowdown=max_slowdown,
        changes=tuple(changes(before, after, changed, alpha)),
        speed=speed,
        events=tuple(events(before, after, changed)),
    )


def _is_name(where: Comparable) -> bool:
    """Whether it can only be the name of a baseline."""
    if not isinstance(where, str) or where.endswith(".json") or "://" in where:
        return False
    return not Path(where).exists()


def _named(name: Comparable, new: Comparable) -> Snapshot:
    if isinstance(new, Snapshot) or str(new).endswith(".json"):
        raise BadInput(f"{name} is not a folder of results, and a file keeps no baselines by name")
    home = new if isinstance(new, StoredRun) else StoredRun(new)
    return from_json(home.baseline(str(name)), f"baseline {name}")


def _opened(where: Comparable) -> Snapshot:
    if isinstance(where, Snapshot):
        return where
    if isinstance(where, StoredRun):
        return snapshot(where)
    return read_file(Path(where)) if str(where).endswith(".json") else snapshot(StoredRun(where))
