"""Events: cells and scores that one run has and another lacks."""

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace

from howrobust.base.cells import CLEAN
from howrobust.comparison.baseline import (
    METRICS,
    Snapshot,
    SnapshotCell,
    SnapshotScores,
)
from howrobust.comparison.losses import compared_metrics

MISSING, FAILED, FAILING, MENDED, NEW = "missing", "failed", "failing", "mended", "new"
OTHER_DATA = "other data"


@dataclass(frozen=True)
class Event:
    """Cells or scores that one of two runs has and the other lacks.

    Parameters
    ----------
    kind : {"missing", "failed", "failing", "mended", "new", "other data"}
        Whether cells are missing, failed in the later run, in both or only in the earlier, are new,
        or of other data.
    dataset : str
        Name of the data set.
    method : str, default=""
        Label of the method.
    place : str, default=""
        Stress and level; "" for clean rows.
    reason : str, default=""
        Why a cell or a score failed.
    count : int, default=1
        Number of cells.
    """

    kind: str
    dataset: str
    method: str = ""
    place: str = ""
    reason: str = ""
    count: int = 1


def events(base: Snapshot, new: Snapshot, changed: Set[str]) -> Iterator[Event]:
    """Compare which cells two runs have, and whether they failed.

    Parameters
    ----------
    base, new : Snapshot
        The earlier and the later run.
    changed : set of str
        Data sets that are not compared, because their data differ.

    Yields
    ------
    Event
        Differences; equal ones once, with their count.
    """
    reason = "the data are of another version (their sha256 differs) and are not compared"
    for name in sorted(changed):
        yield Event(OTHER_DATA, name, reason=reason)
    after = {cell.address: cell for cell in new.cells if cell.dataset not in changed}
    before = {cell.address: cell for cell in base.cells if cell.dataset not in changed}
    counts: Counter[Event] = Counter()
    shared = {*METRICS, *compared_metrics(base, new)}
    for address, cell in before.items():
        counts.update(_events_of_cell(cell, after.get(address), shared))
    counts.update(_event(NEW, cell) for address, cell in after.items() if address not in before)
    for event, count in counts.items():
        yield replace(event, count=count)


def _events_of_cell(
    base: SnapshotCell, new: SnapshotCell | None, shared: Set[str]
) -> Iterator[Event]:
    """Differences in the status of a cell and in the scores that it has of shared metrics."""
    if new is None:
        yield _event(MISSING, base)
    elif base.status != "ok":
        yield _event(MENDED if new.status == "ok" else FAILING, new, new.reason or base.reason)
    elif new.status != "ok":
        yield _event(FAILED, new, new.reason or "it was not fitted")
    else:
        after = {(scored.stress, scored.level): scored for scored in new.scores}
        for scored in base.scores:
            reason = _lost(scored, after.get((scored.stress, scored.level)), shared)
            if reason:
                place = _place(scored.stress, scored.level)
                yield Event(FAILED, base.dataset, base.method, place, reason)


def _lost(base: SnapshotScores, new: SnapshotScores | None, shared: Set[str]) -> str:
    """The metrics that had a value and have none, with the reason; empty where there are none."""
    lost = sorted((base.values.keys() & shared) - (new.values.keys() if new else set()))
    if not lost:
        return ""
    reason = new.lacks.get(lost[0], "no value") if new else "no score at this level"
    return f"{', '.join(lost)}: {reason}"


def _event(kind: str, cell: SnapshotCell, reason: str = "") -> Event:
    place = _place(cell.train_stress, cell.level)
    return Event(kind, cell.dataset, cell.method, place, reason)


def _place(stress: str, level: float) -> str:
    return "" if (stress, level) == CLEAN else f"{stress} {level:g}"
