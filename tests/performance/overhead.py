"""What the harness costs over fitting and predicting: a table for docs/performance.md.

From the root, `PYTHONPATH=tests python -m performance.overhead uci`; eleven minutes on one core. A
second argument is a number of splits. Everything runs in this process, one stack after the other;
what a process of its own costs a stack is measured on stacks of one cheap cell each.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from tempfile import TemporaryDirectory
from typing import Any

from howrobust._run import execute
from howrobust.execution import worker
from howrobust.execution.pools.inline import InlinePool
from howrobust.execution.pools.local import LocalPool
from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan

CHEAP = ["quintic", "heteroscedastic", "gap", "friedman1", "friedman2", "friedman3", "diabetes"]

spent: Counter[str] = Counter()


def counted(owner: Any, name: str, what: str) -> None:
    """Add to ``spent`` the seconds that a function takes."""
    function: Callable[..., Any] = getattr(owner, name)

    @wraps(function)
    def counting(*arguments: Any, **words: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **words)
        finally:
            spent[what] += time.perf_counter() - began

    setattr(owner, name, counting)


class Stages:
    """Hears when the stages of a run begin."""

    def __init__(self) -> None:
        self.began: dict[str, float] = {}

    def begin(self, total: int, cached: int, what: str) -> None:
        self.began[what] = time.perf_counter()

    def advance(self, ok: int, failed: int, name: str) -> None:
        pass

    def partly(self, cells: float, name: str) -> None:
        pass


def seconds(plan: Any, pool: Any) -> tuple[float, float]:
    """(fitting and forecasting, scoring) of a plan in a pool."""
    stages = Stages()
    with TemporaryDirectory() as folder:
        execute(plan, folder, progress=stages, pool=pool)
        ended = time.perf_counter()
    return stages.began["score"] - stages.began["fit"], ended - stages.began["score"]


def process_seconds() -> tuple[float, float]:
    """What a process of its own costs a stack, and the server of processes a run."""
    plan = make_plan(RunOptions(methods=["bayesian_ridge"], data=CHEAP, stress=[], splits=1))
    pools = (LocalPool(1), LocalPool(1), InlinePool())
    began, warm, together = (seconds(plan, pool)[0] for pool in pools)
    return (warm - together) / len(plan.jobs), began - warm


def main(suite: str, splits: int | None = None) -> None:
    """Print the table."""
    a_stack, a_run = process_seconds()
    counted(worker, "forecast_rows", "predict")
    for method in (BayesianNN, DeepEnsemble, MCDropout, ShuffledCV):
        counted(method, "infer_stack", "fit")
    counted(worker, "draw_cost", "time draws")
    counted(worker, "write_arrays", "store arrays")
    began = time.perf_counter()
    plan = make_plan(RunOptions(suite, splits=splits))
    planned = time.perf_counter() - began
    fitting, scoring = seconds(plan, InlinePool())
    own = spent["fit"] + spent["predict"]
    parts = {
        "plan": planned,
        "time draws": spent["time draws"],
        "store arrays": spent["store arrays"],
        "read data, commit, references": fitting - sum(spent.values()),
        "score": scoring,
        f"processes of {len(plan.jobs)} stacks": a_run + len(plan.jobs) * a_stack,
    }
    print(f"Suite {suite}, {len(plan.cells)} cells; seconds of one core:\n")
    print("| | s | of fit and predict |\n|---|---:|---:|")
    print(f"| fit and predict | {own:.0f} | |")
    for name, taken in parts.items():
        print(f"| {name} | {taken:.1f} | {taken / own:.1%} |")
    print(
        f"| all but fit and predict | {sum(parts.values()):.1f} | {sum(parts.values()) / own:.1%} |"
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
