"""What docs/how-to/cluster.md says of speed: cells a minute, and the coordinator's limit.

From the root, `PYTHONPATH=tests python -m performance.cluster` prints it, in four minutes.
Workers are processes of this machine. As they sleep in place of fitting, few cores stand for many.
"""

import os
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time, time_ns

import psutil
from local_cluster import LocalCluster

import howrobust as hr
from howrobust import environment
from howrobust.execution.pools import dask
from howrobust.execution.pools.local import LocalPool
from howrobust.execution.scheduler import run_cells
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.storage.store import Store
from howrobust.storage.writer import RunWriter

NAP_S = 2.0
NAPS = 20
WORKERS = (1, 2, 4)
EMPTY = 24
COUNTED = 500
AT_ONCE = 64  # tasks that stand-ins for workers take at once
LONG_S = (10, 60)

# Workers and this process import it. ``at_once`` fits the first cell of a process and answers every
# other with the same numbers: a worker that costs nothing.
FITS = """
import json, threading, time
from howrobust.execution.pools.dask_worker import run_order
from howrobust.base.method import SingleMethod
from howrobust.methods.marginal import Marginal

class Nap(SingleMethod):
    def __init__(self, number=0, seconds=0.0, random_state=None):
        self.number = number
        self.seconds = seconds
        self.random_state = random_state

    def infer(self, problem):
        time.sleep(self.seconds)
        return Marginal().infer(problem)

first, lock = [], threading.Lock()

def at_once(run, order, given, limit_s, key):
    with lock:
        if not first:
            first.append(run_order(run, order, given, limit_s, key))
    reply, contents = first[0]
    old = reply["outcomes"][0]["key"]
    new = json.loads(order)["job"]["cells"][0]["key"]
    named = {name.replace(old, new): content for name, content in contents.items()}
    return json.loads(json.dumps(reply).replace(old, new)), named
"""


@dataclass(frozen=True)
class Spent:
    """Cells and seconds of them; CPU seconds of the coordinating process and of the scheduler."""

    cells: int
    wall_s: float
    coordinator_s: float
    scheduler_s: float

    @property
    def per_s(self):
        """Cells a second."""
        return self.cells / self.wall_s

    def ms(self, seconds):
        """Milliseconds a cell."""
        return f"{1e3 * seconds / self.cells:.0f}"


def simulated(folder, workers):
    """A cluster that finds FITS, written above its folder."""
    path = os.pathsep.join([str(folder.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return LocalCluster(folder, workers, PYTHONPATH=path)


def fitted(pool, folder, cells, first, seconds=0.0, scheduler=None):
    """Fit ``first`` cells, so that every worker has begun, and then ``cells``: what each took."""
    methods = [f"fits:Nap[number={k},seconds={seconds}]" for k in range(first + cells)]
    plan = make_plan(RunOptions(methods=methods, data=["quintic"], stress=[], splits=1))
    jobs = [job for job in plan.jobs if job.method.name == "fits:Nap"]
    spent = []
    with closing(Store(folder)) as store, store.exclusive():
        RunWriter(store).start_run(plan.info(environment.describe(), time_ns()), plan.cells)
        for part in (jobs[:first], jobs[first:]):
            before = monotonic(), process_time(), cpu_s(scheduler)
            count = run_cells(replace(plan, jobs=tuple(part)), store, pool)
            after = monotonic(), process_time(), cpu_s(scheduler)
            spent.append(Spent(count, *(b - a for a, b in zip(before, after, strict=True))))
    assert {cell.reason for cell in hr.load(folder).cells()} == {""}  # none has failed
    return spent


def cpu_s(process):
    """CPU seconds that a process has used; 0 of none."""
    return sum(psutil.Process(process.pid).cpu_times()[:2]) if process else 0.0


def naps(folder, workers):
    """Cells that sleep: cells a second, and by how many seconds a run's first cells are late."""
    with (
        simulated(folder, workers) as running,
        dask.ClusterPool(running.address) as pool,
    ):
        begun, then = fitted(pool, folder / "out", NAPS, workers, NAP_S)
    return then.per_s, begun.wall_s - begun.cells / then.per_s


def empty(folder):
    """Cells that are fitted in no time, on two workers of this process and of a cluster."""
    with LocalPool(2) as pool:
        local = fitted(pool, folder / "local", EMPTY, 2)[1]
    with (
        simulated(folder, 2) as running,
        dask.ClusterPool(running.address) as pool,
    ):
        return local, fitted(pool, folder / "out", EMPTY, 2, scheduler=running.scheduler)[1]


def limit(folder):
    """Cells whose workers cost nothing."""
    from fits import at_once

    dask.run_order = at_once
    with simulated(folder, 0) as running:
        running.add_worker("--nthreads", AT_ONCE)
        with dask.ClusterPool(running.address) as pool:
            words = (COUNTED, AT_ONCE, 0.0, running.scheduler)
            return fitted(pool, folder / "out", *words)[1]


def main(folder):
    """Measure and print."""
    (folder / "fits.py").write_text(FITS)
    sys.path.insert(0, str(folder))
    steps = [folder / name for name in (*map(str, WORKERS), "empty", "limit")]
    for step in steps:
        step.mkdir()
    print(f"{NAPS} cells whose fit sleeps {NAP_S:g} s; {os.cpu_count()} cores:\n")
    print(
        "| workers | ideal, cells a minute | measured | times one worker | first cells late by, s |"
    )
    print("|---:|---:|---:|---:|---:|")
    alone = 0.0
    for step, workers in zip(steps, WORKERS, strict=False):
        per_s, late = naps(step, workers)
        alone = alone or per_s
        rates = f"{60 * workers / NAP_S:.0f} | {60 * per_s:.0f} | {per_s / alone:.2f}"
        print(f"| {workers} | {rates} | {late:.1f} |", flush=True)
    local, there = empty(steps[-2])
    most = limit(steps[-1])
    print("\nCells whose fit takes no time, up to the commit:\n")
    print("| workers | cells a second | CPU of the coordinator, ms a cell | of the scheduler |")
    print("|---|---:|---:|---:|")
    for name, spent in {
        "two of the run itself, without a cluster": local,
        "two of a cluster": there,
        f"a stand-in that answers {AT_ONCE} at once and fits nothing": most,
    }.items():
        costs = (spent.ms(spent.coordinator_s), spent.ms(spent.scheduler_s))
        print(f"| {name} | {spent.per_s:.1f} | {costs[0]} | {costs[1]} |")
    fed = " and ".join(f"{most.per_s * s:.0f} workers at {s} s a cell" for s in LONG_S)
    print(f"\nThe last row is the coordinator's limit, by which it could feed {fed}.")


if __name__ == "__main__":
    with TemporaryDirectory() as name:
        main(Path(name))
