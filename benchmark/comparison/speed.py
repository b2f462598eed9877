"""Paces: does a method cost more than it did in an earlier run on the same kind of machine?

Costs are CPU times over that of the yardstick beside them: see `howrobust.execution.timing`.
"""

from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from scipy import stats

from howrobust.analysis.run_scores import REFERENCES
from howrobust.analysis.statistics import Estimate, holm
from howrobust.comparison.baseline import Address, Snapped, Snapshot
from howrobust.comparison.quality import BETTER, INCONCLUSIVE, UNCHANGED, WORSE

COSTS = {"fit": "fit_ratio", "draw": "draw_ratio"}
MACHINE = ("processor", "loops")
FEWEST_CPU_S = 0.02  # what a fit takes that is not the interpreter's


@dataclass(frozen=True)
class Pace:
    """How many times as much a method's fits or draws (``what``) cost as they did.

    ``ratio`` is the geometric mean over ``stacks``, with a 95 % interval. ``p`` is one-sided, of no
    more than the slowdown that is allowed, adjusted for all methods (Holm); NaN where nothing tells
    how timings scatter.
    """

    method: str
    what: str
    ratio: Estimate
    p: float
    stacks: int
    verdict: str


def paces(
    base: Snapshot, new: Snapshot, apart: Set[str], most: float, alpha: float
) -> tuple[list[Pace], str]:
    """Compare the costs of common cells; where none can be, the sentence says why.

    A stack is one measurement: the mean of log(new / base) over its cells. Timings scatter by the
    machine and not by the method, so that all methods share a variance within methods, that of fits
    or of draws. A method is slower if its ratio is above ``most`` at the level ``alpha``, adjusted
    for all methods and both costs (Holm); it is inconclusive if its ratio alone is.
    """
    differ = [name for name in MACHINE if base.environment.get(name) != new.environment.get(name)]
    if differ:
        return [], f"the runs are of two kinds of machine (another {', another '.join(differ)})"
    ratios = {what: _log_ratios(base, new, apart, name) for what, name in COSTS.items()}
    if not any(ratios.values()):
        return [], "one of the runs has no costs beside a yardstick"
    tests = [test for what, by_method in ratios.items() for test in _tests(what, by_method, most)]
    adjusted = holm(np.array([test.p for test in tests]))
    return [_pace(test, float(p), most, alpha) for test, p in zip(tests, adjusted, strict=True)], ""


def _log_ratios(
    base: Snapshot, new: Snapshot, apart: Set[str], cost: str
) -> dict[str, list[float]]:
    """log(new / base) of a cost by method, one per stack."""
    before = {cell.address: cell for cell in base.cells if cost in cell.costs}
    stacks: dict[Address, list[float]] = {}
    for cell in new.cells:
        other = before.get(cell.address)
        if other is None or cell.dataset in apart or not _is_timed(other, cell, cost):
            continue
        # A stack is a method on a data set, from the first or from other starts.
        stack = (*cell.address[:4], "", min(cell.repeat, 1))
        stacks.setdefault(stack, []).append(np.log(cell.costs[cost] / other.costs[cost]))
    by_method: dict[str, list[float]] = {}
    for stack, logs in stacks.items():
        by_method.setdefault(stack[1], []).append(float(np.mean(logs)))
    return by_method


def _is_timed(base: Snapped, new: Snapped, cost: str) -> bool:
    """Whether the costs of two cells say something of the method."""
    if base.method in REFERENCES or min(c.costs.get(cost, 0.0) for c in (base, new)) <= 0:
        return False
    if cost != COSTS["fit"]:
        return True
    took = [c.costs.get("fit_cpu_s", 0.0) * c.costs.get("stack_size", 1.0) for c in (base, new)]
    # Stacks of other sizes share other overheads.
    return max(took) >= FEWEST_CPU_S and base.costs["stack_size"] == new.costs["stack_size"]


@dataclass(frozen=True)
class _PaceTest:
    """Mean log ratio of a method's cost over ``stacks``, its standard error and degrees of freedom.

    ``p`` is one-sided, of no more than the slowdown that is allowed.
    """

    method: str
    what: str
    mean: float
    se: float
    df: int
    p: float
    stacks: int


def _tests(what: str, by_method: dict[str, list[float]], most: float) -> list[_PaceTest]:
    """Tests of every method, with one sd within methods."""
    logs = {method: np.array(values) for method, values in by_method.items()}
    df = sum(len(values) - 1 for values in logs.values())
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in logs.values())
    sd = float(np.sqrt(squares / df)) if df else np.nan
    tests = []
    for method, values in logs.items():
        mean, n = float(values.mean()), len(values)
        t = (mean - np.log(most)) * np.sqrt(n) / max(sd, 1e-12)
        p = float(stats.t.sf(t, df)) if df else np.nan
        tests.append(_PaceTest(method, what, mean, sd / np.sqrt(n), df, p, n))
    return tests


def _pace(test: _PaceTest, p: float, most: float, alpha: float) -> Pace:
    half = float(stats.t.ppf(0.975, test.df)) * test.se if test.df else np.nan
    lower, upper = (float(np.exp(test.mean + side * half)) for side in (-1, 1))
    ratio = Estimate(float(np.exp(test.mean)), test.se, lower, upper)
    verdict = UNCHANGED
    if ratio.mean > most:
        verdict = WORSE if p < alpha else INCONCLUSIVE
    elif ratio.upper < 1 / most:
        verdict = BETTER
    return Pace(test.method, test.what, ratio, p, test.stacks, verdict)
