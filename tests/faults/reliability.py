"""What docs/reliability.md says: kills, time limits, interruptions and overhead, measured.

From the root, `PYTHONPATH=tests python -m faults.reliability KILLS > docs/reliability.md`; half an
hour with 50 kills. The text around the figures is `reliability.txt`, beside this file.
"""

import os
import platform
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from faults.killing import kill_and_continue
from faults.test_interruption import CASES, interrupted
from faults.test_isolation import HANGS, POISONS

from howrobust._run import execute
from howrobust.execution.pools.local import LocalPool
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan

PLUGINS = str(Path(__file__).parent / "plugins")
LIMIT_S = 1.0
SPLITS = 100


class Stages:
    """Hears when the stages of a run begin; ``seconds`` of each, in order."""

    def __init__(self):
        self.began = []

    def begin(self, total, cached, what):
        self.began.append((time.monotonic(), what))

    def advance(self, ok, failed, name):
        pass

    def partly(self, cells, name):
        pass

    def seconds(self):
        ends = [at for at, _ in self.began[1:]] + [time.monotonic()]
        return {what: end - at for (at, what), end in zip(self.began, ends, strict=True)}


def overruns():
    """Seconds past its limit after which a task that hangs is over, the worst of each kind."""
    from poisons import suffer

    found = {}
    with LocalPool(1) as pool:
        pool.submit(os.getpid, limit_s=60).result()
        for how in HANGS:
            began = time.monotonic()
            try:
                pool.submit(suffer, how, limit_s=LIMIT_S).result()
            except TimeoutError:
                found[how] = time.monotonic() - began - LIMIT_S
    return found


def overhead(folder):
    """Milliseconds of a worker per cell that is fitted in no time: by stage, and once finished."""
    words = RunOptions(methods=["poisons:Poison"], data=["quintic"], stress=[], splits=SPLITS)
    found = {}
    for name in ("new", "finished"):
        began = time.monotonic()
        plan, stages = make_plan(words), Stages()
        planned = time.monotonic() - began
        execute(plan, folder, progress=stages)
        found[name] = {"plan": planned, **stages.seconds()}
    return len(plan.cells), found


def tables(kills):
    """The figures of the page, by the names that its text gives them."""
    with TemporaryDirectory() as name:
        account = kill_and_continue(["quick"], kills, 1, Path(name))
    late = overruns()
    ends = []
    for phase, signals, expected in CASES:
        with TemporaryDirectory() as name:
            code, _, took, _ = interrupted(phase, signals, Path(name))
            assert code == expected
            ends.append(took)
    with TemporaryDirectory() as name:
        cells, spent = overhead(Path(name))
    new, finished = spent["new"], spent["finished"]
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()}",
        "poisons": len(POISONS),
        "kills": account.kills,
        "rounds": account.rounds,
        "run_cells": account.cells // account.rounds,
        "survivors": account.survivors,
        "gone_s": f"{account.longest_s:.1f}",
        "refitted": account.refitted,
        "lost": account.lost,
        "duplicated": account.duplicated,
        "different": account.different,
        "hangs": "\n".join(f"| {how} | {seconds:.2f} |" for how, seconds in late.items()),
        "ends": len(ends),
        "end_s": f"{max(ends):.1f}",
        "cells": cells,
        "fit_ms": f"{1e3 * new['fit'] / cells:.0f}",
        "score_ms": f"{1e3 * new['score'] / cells:.0f}",
        "plan_ms": f"{1e3 * new['plan'] / cells:.1f}",
        "cached_ms": f"{1e3 * sum(finished.values()) / cells:.1f}",
    }


if __name__ == "__main__":
    sys.path.insert(0, PLUGINS)
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    print(text.format(**tables(int(sys.argv[1]))), end="")
