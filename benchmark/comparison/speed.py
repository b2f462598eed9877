"""Whether a method costs more than it did in an earlier run on the same kind of machine.

Costs are CPU times over that of a reference computation that was measured beside them: see
`howrobust.execution.timing`.
"""

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from scipy import stats

from howrobust.analysis.statistics import Estimate, holm
from howrobust.base.facts import REFERENCES
from howrobust.comparison.baseline import Snapshot, SnapshotCell
from howrobust.comparison.quality import BETTER, INCONCLUSIVE, UNCHANGED, WORSE

RATIOS = {"fit": "fit_ratio", "draw": "draw_ratio"}
MACHINE = ("processor", "loops")
FEWEST_CPU_S = 0.02  # below it the time of the interpreter dominates


@dataclass(frozen=True)
class Pace:
    """How many times as much a fit or a draw of a method costs as it did.

    Parameters
    ----------
    method : str
        Label of the method.
    what : {"fit", "draw"}
        What is timed.
    ratio : Estimate
        Geometric mean over ``stacks`` of new / base, with a 95 % interval.
    p : float
        One-sided p-value of a ratio up to the allowed slowdown, adjusted for all methods and both
        costs (Holm); NaN where the variance of timings cannot be estimated.
    stacks : int
        Number of stacks: cells that were fitted together are one measurement.
    verdict : {"worse", "better", "unchanged", "inconclusive"}
        What follows.
    """

    method: str
    what: str
    ratio: Estimate
    p: float
    stacks: int
    verdict: str


@dataclass(frozen=True)
class SpeedComparison:
    """The costs of two runs compared, or why they are not.

    Parameters
    ----------
    paces : tuple of Pace, default=()
        One per method and cost.
    reason : str, default=""
        Why there are none.
    """

    paces: tuple[Pace, ...] = ()
    reason: str = ""


def compare_speed(
    base: Snapshot, new: Snapshot, changed: Set[str], max_slowdown: float, alpha: float
) -> SpeedComparison:
    """Compare the costs of the cells that two runs share.

    Parameters
    ----------
    base, new : Snapshot
        The earlier and the later run.
    changed : set of str
        Data sets that are not compared, because their data differ.
    max_slowdown : float
        How many times as much a fit or a draw may cost.
    alpha : float
        Family-wise level of the tests.

    Returns
    -------
    SpeedComparison
        Paces, or the reason why costs cannot be compared.

    Notes
    -----
    A stack is one measurement: the mean of log(new / base) over its cells. The scatter of timings
    depends on the machine and not on the method, so all methods share one variance within methods,
    that of fits or of draws. A method is slower if its ratio exceeds ``max_slowdown`` significantly
    at ``alpha``, adjusted for all methods and both costs (Holm 1979); it is inconclusive if the
    ratio does, but not significantly.
    """
    differ = [name for name in MACHINE if base.environment.get(name) != new.environment.get(name)]
    if differ:
        kinds = ", another ".join(differ)
        reason = f"the runs are of two kinds of machine (another {kinds})"
        return SpeedComparison(reason=reason)
    logs = {what: _log_ratios(base, new, changed, name) for what, name in RATIOS.items()}
    if not any(logs.values()):
        return SpeedComparison(
            reason="one of the runs has no costs relative to a reference computation"
        )
    tests = [
        test for what, by_method in logs.items() for test in _tests(what, by_method, max_slowdown)
    ]
    adjusted = holm(np.array([test.p for test in tests]))
    return SpeedComparison(
        tuple(
            _pace(test, float(p), max_slowdown, alpha)
            for test, p in zip(tests, adjusted, strict=True)
        )
    )


@dataclass(frozen=True)
class _Stack:
    """Cells that are fitted together: a method on a data set, its first fits or its restarts."""

    dataset: str
    method: str
    train_stress: str
    level: float
    first: bool


def _log_ratios(
    base: Snapshot, new: Snapshot, changed: Set[str], cost: str
) -> dict[str, list[float]]:
    """log(new / base) of a cost by method, one per stack."""
    before = {cell.address: cell for cell in base.cells if cost in cell.costs}
    stacks: dict[_Stack, list[float]] = {}
    for cell in new.cells:
        other = before.get(cell.address)
        if other is None or cell.dataset in changed or not _is_timed(other, cell, cost):
            continue
        stack = _Stack(
            cell.dataset, cell.method, cell.train_stress, cell.level, first=cell.repeat == 0
        )
        stacks.setdefault(stack, []).append(np.log(cell.costs[cost] / other.costs[cost]))
    by_method: dict[str, list[float]] = {}
    for stack, logs in stacks.items():
        by_method.setdefault(stack.method, []).append(float(np.mean(logs)))
    return by_method


def _is_timed(base: SnapshotCell, new: SnapshotCell, cost: str) -> bool:
    """Whether the costs of two cells are those of the method and long enough to compare."""
    if base.method in REFERENCES or min(c.costs.get(cost, 0.0) for c in (base, new)) <= 0:
        return False
    if cost != RATIOS["fit"]:
        return True
    took = [c.costs.get("fit_cpu_s", 0.0) * c.costs.get("stack_size", 1.0) for c in (base, new)]
    # Stacks of other sizes share other overheads.
    return max(took) >= FEWEST_CPU_S and base.costs["stack_size"] == new.costs["stack_size"]


@dataclass(frozen=True)
class _PaceTest:
    """Mean log ratio of a method's cost over ``stacks``, its standard error and degrees of freedom.

    ``p`` is one-sided, of a ratio up to the allowed slowdown.
    """

    method: str
    what: str
    mean: float
    se: float
    df: int
    p: float
    stacks: int


def _tests(what: str, by_method: dict[str, list[float]], max_slowdown: float) -> list[_PaceTest]:
    """Tests of every method, with one sd within methods."""
    logs = {method: np.array(values) for method, values in by_method.items()}
    df = sum(len(values) - 1 for values in logs.values())
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in logs.values())
    sd = float(np.sqrt(squares / df)) if df else np.nan
    tests = []
    for method, values in logs.items():
        mean, n = float(values.mean()), len(values)
        t = (mean - np.log(max_slowdown)) * np.sqrt(n) / max(sd, 1e-12)
        p = float(stats.t.sf(t, df)) if df else np.nan
        tests.append(_PaceTest(method, what, mean, sd / np.sqrt(n), df, p, n))
    return tests


def _pace(test: _PaceTest, p: float, max_slowdown: float, alpha: float) -> Pace:
    half = float(stats.t.ppf(0.975, test.df)) * test.se if test.df else np.nan
    lower, upper = (float(np.exp(test.mean + side * half)) for side in (-1, 1))
    ratio = Estimate(float(np.exp(test.mean)), test.se, lower, upper)
    verdict = UNCHANGED
    if ratio.mean > max_slowdown:
        verdict = WORSE if p < alpha else INCONCLUSIVE
    elif ratio.upper < 1 / max_slowdown:
        verdict = BETTER
    return Pace(test.method, test.what, ratio, p, test.stacks, verdict)
