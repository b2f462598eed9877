"""Comparison: what got worse, slower, lost and new between an earlier run and a later one.

Cells are matched by their address, which has no seed and no code in it.
"""

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howrobust.analysis.results import StoredRun
from howrobust.base.cells import CLEAN
from howrobust.base.rendering import rendered
from howrobust.comparison.baseline import Snapped, Snapshot, from_json, read_file, snapshot
from howrobust.comparison.quality import WORSE, Change, changes
from howrobust.comparison.speed import Pace, paces
from howrobust.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

    from howrobust.analysis.statistics import Estimate

MISSING, FAILED, FAILING, MENDED, NEW = "missing", "failed", "failing", "mended", "new"
OTHER_DATA = "other data"
COLUMNS = (
    "verdict", "dataset", "method", "stress", "metric", "base", "new", "difference", "lower",
    "upper", "p", "splits", "splits_needed", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Event:
    """What became of ``count`` cells, or of scores of them, under a stress and level (``place``):
    missing, failed, failing in both runs, mended, new, or of other data."""

    kind: str
    dataset: str
    method: str = ""
    place: str = ""
    reason: str = ""
    count: int = 1


@dataclass(frozen=True)
class Comparison:
    """What is different between two runs, and whether it matters.

    ``paces`` is empty where speed was not asked for (``max_slowdown`` None), or cannot be compared;
    ``no_pace`` then says why.
    """

    base: Snapshot
    new: Snapshot
    alpha: float
    max_slowdown: float | None
    changes: tuple[Change, ...]
    paces: tuple[Pace, ...]
    no_pace: str
    events: tuple[Event, ...]

    @property
    def exit_code(self) -> int:
        """0 fine; 1 where something is worse, slower, missing or failed, or of other data; 3 where
        nothing could be compared or tested, or no speed that was asked for."""
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
    def tested(self) -> bool:
        """Whether a difference, where there is one, could be told from chance."""
        return bool(self.tests) or all(change.same for change in self.changes)

    def of(self, verdict: str) -> list[Change]:
        """Changes of a verdict, those that matter most first."""
        found = [change for change in self.changes if change.verdict == verdict]
        return sorted(found, key=lambda change: -abs(change.in_sizes))

    @property
    def tests(self) -> int:
        """How many tests the p-values of either direction are adjusted for."""
        return sum(not isnan(change.p) for change in self.changes)

    def records(self) -> "pd.DataFrame":
        """Tidy table, a row per change, pace and event: verdict, dataset, method, stress, metric,
        base, new, difference, lower, upper, p, splits, splits_needed, reason.

        ``metric`` is fit or draw in a pace, whose difference is a ratio; ``splits`` counts stacks
        there, and cells in an event.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for c in self.changes:
            where = {"dataset": c.dataset, "stress": c.stress, "metric": c.metric}
            told = {"base": c.base, "new": c.new, "splits_needed": c.splits_needed}
            rows.append({**_row(c, c.estimate), **where, **told, "splits": c.splits})
        for pace in self.paces:
            rows.append({**_row(pace, pace.ratio), "metric": pace.what, "splits": pace.stacks})
        for e in self.events:
            where = {"dataset": e.dataset, "method": e.method, "stress": e.place}
            rows.append({"verdict": e.kind, **where, "splits": e.count, "reason": e.reason})
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def __str__(self) -> str:
        return rendered(self, "text")


def _row(found: Change | Pace, estimate: "Estimate") -> dict[str, Any]:
    limits = {"difference": estimate.mean, "lower": estimate.lower, "upper": estimate.upper}
    return {"verdict": found.verdict, "method": found.method, **limits, "p": found.p}


Comparable = str | Path | StoredRun | Snapshot


def compare_runs(
    base: Comparable,
    new: Comparable,
    *,
    max_slowdown: float | None = None,
    alpha: float = 0.05,
) -> Comparison:
    """Compare the latest run in ``new`` with the one in ``base``.

    Each is a folder of results, a baseline's file (.json) or what `howrobust.load` returns;
    ``base`` may be the name of a baseline in the store of ``new``. ``alpha`` is how often, at most,
    a comparison calls anything worse that has not changed. Speed is compared where ``max_slowdown``
    says how many times as much a fit or a draw may cost. Raises BadInput for what cannot be read.

    See `howrobust.comparison.quality.changes` and `howrobust.comparison.speed.paces` for what is tested.
    """
    if not 0 < alpha < 1:
        raise BadInput(f"alpha must be between 0 and 1, not {alpha:g}")
    if max_slowdown is not None and not 1 <= max_slowdown < inf:
        raise BadInput(f"the slowdown that is allowed must be at least 1, not {max_slowdown:g}")
    before = _named(base, new) if _is_name(base) else _opened(base)
    after = _opened(new)
    apart = {
        name for name, data in before.data.items()
        if name in after.data and after.data[name].sha256 != data.sha256
    }  # fmt: skip
    found: list[Pace] = []
    why = ""
    if max_slowdown is not None:
        found, why = paces(before, after, apart, max_slowdown, alpha)
    return Comparison(
        before, after, alpha, max_slowdown,
        tuple(changes(before, after, apart, alpha)), tuple(found), why,
        tuple(_events(before, after, apart)),
    )  # fmt: skip


def _is_name(where: Comparable) -> bool:
    """Whether it can only be the name of a baseline."""
    if not isinstance(where, str) or where.endswith(".json") or "://" in where:
        return False
    return not Path(where).exists()


def _named(name: Comparable, new: Comparable) -> Snapshot:
    if isinstance(new, Snapshot) or str(new).endswith(".json"):
        raise BadInput(f"{name} is no folder of results, and a file keeps no baselines by name")
    home = new if isinstance(new, StoredRun) else StoredRun(new)
    return from_json(home.baseline(str(name)), f"baseline {name}")


def _opened(where: Comparable) -> Snapshot:
    if isinstance(where, Snapshot):
        return where
    if isinstance(where, StoredRun):
        return snapshot(where)
    return read_file(Path(where)) if str(where).endswith(".json") else snapshot(StoredRun(where))


def _events(base: Snapshot, new: Snapshot, apart: Set[str]) -> list[Event]:
    """What happened to cells and to scores, each kind of thing once."""
    reason = "the data are of another version (their sha256 differs) and are not compared"
    found = [Event(OTHER_DATA, name, reason=reason) for name in sorted(apart)]
    after = {cell.address: cell for cell in new.cells if cell.dataset not in apart}
    before = {cell.address: cell for cell in base.cells if cell.dataset not in apart}
    happened: Counter[Event] = Counter()
    for address, cell in before.items():
        happened.update(_became(cell, after.get(address)))
    happened.update(_event(NEW, cell) for a, cell in after.items() if a not in before)
    return found + [
        Event(e.kind, e.dataset, e.method, e.place, e.reason, count)
        for e, count in happened.items()
    ]


def _became(base: Snapped, new: Snapped | None) -> Iterator[Event]:
    """What became of a cell, and of its scores."""
    if new is None:
        yield _event(MISSING, base)
    elif base.status != "ok":
        yield _event(MENDED if new.status == "ok" else FAILING, new, new.reason or base.reason)
    elif new.status != "ok":
        yield _event(FAILED, new, new.reason or "it was not fitted")
    else:
        left = {(scored.stress, scored.level): scored for scored in new.scores}
        for scored in base.scores:
            kept = left.get((scored.stress, scored.level))
            lost = sorted(scored.values.keys() - (kept.values.keys() if kept else set()))
            if lost:
                why = kept.lacks.get(lost[0], "") if kept else "no score at this level"
                place = _place(scored.stress, scored.level)
                reason = f"{', '.join(lost)}: {why or 'no value'}"
                yield Event(FAILED, base.dataset, base.method, place, reason)


def _event(kind: str, cell: Snapped, reason: str = "") -> Event:
    place = _place(cell.train_stress, cell.level)
    return Event(kind, cell.dataset, cell.method, place, reason)


def _place(stress: str, level: float) -> str:
    return "" if (stress, level) == CLEAN else f"{stress} {level:g}"
