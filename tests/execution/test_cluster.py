"""A cluster: the same records as here, whatever becomes of its workers."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from commandline import environment, howrobust
from local_cluster import LocalCluster, wait_until

import howrobust as hr
from howrobust.base.cells import CLEAN, Cell
from howrobust.base.pool import TaskFailed
from howrobust.base.records import COSTS
from howrobust.errors import BadInput, Damaged
from howrobust.execution.pools import messages
from howrobust.execution.pools.dask import ClusterPool
from howrobust.execution.worker import run_job
from howrobust.planning.data_spec import DataSpec
from howrobust.planning.jobs import Job
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import make_plan
from howrobust.storage.arrays import Files
from howrobust.storage.forecasts import read_forecasts

# One kind of what can go wrong each; whoever hangs says when and as what, and is not alone.
MISBEHAVING = """
import os, subprocess, time
import psutil
from howrobust.base.method import SingleMethod
from howrobust.methods import BayesianRidge

class Ridge(SingleMethod):
    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        self.misbehave()
        return BayesianRidge().infer_stack([problem])[0]

class Exits(Ridge):
    def misbehave(self):
        os._exit(7)

class Hangs(Ridge):
    def misbehave(self):
        child = subprocess.Popen(["sleep", "3600"])
        with open(os.environ["HANGS"] + ".new", "w") as file:
            file.write(f"{time.time()} {os.getpid()} {child.pid}")
        os.rename(file.name, os.environ["HANGS"])
        time.sleep(3600)

class KillsItsWorker(Ridge):
    def misbehave(self):
        above = psutil.Process().parents()
        host = max(k for k, p in enumerate(above) if "pools.dask_worker" in " ".join(p.cmdline()))
        with open(os.environ["HANGS"] + ".kills", "a") as file:
            file.write("killed\\n")
        above[host + 1].kill()
        time.sleep(3600)
"""


@pytest.fixture(scope="module")
def plugins(plugin_path, tmp_path_factory):
    """What workers and caller both have: PYTHONPATH, and where what hangs says so."""
    folder = tmp_path_factory.mktemp("misbehaving")
    (folder / "misbehaving.py").write_text(MISBEHAVING)
    more = [plugin_path, str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(more), "HANGS": str(folder / "hangs")}


@pytest.fixture
def cluster(plugins, tmp_path):
    """A scheduler that gives a task up after two deaths, with no workers yet."""
    (tmp_path / "cluster").mkdir()
    failures = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with LocalCluster(tmp_path / "cluster", 0, **plugins, **failures) as running:
        yield running


def scores(folder):
    records = hr.load(folder).records()
    return records[~records["metric"].isin(COSTS)].reset_index(drop=True)


def descendants(process):
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def are_gone(processes):
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def is_busy(worker):
    """Whether a worker's host has a task: besides a tracker and a server, a guard and a child."""
    return len(descendants(worker)) >= 5


def job(method, data="diabetes", timeout_s=60.0):
    cell = Cell(data, "random-0", method, 0, "0" * 64, 1)
    return Job(MethodSpec(method), DataSpec(data), (cell,), (CLEAN,), 0, timeout_s, 400)


def start(arguments, **environ):
    command = [sys.executable, "-m", "howrobust", "run", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment(**environ), **pipes)


def test_a_worker_killed_in_mid_run_changes_no_record(cluster, plugins, tmp_path):
    arguments = [
        "-m", "sleepy", "-m", "bayesian_ridge", "-m", "gaussian_process[max_rows=40]",
        "-d", "line", "-d", "friedman1", "--splits", "2",
    ]  # fmt: skip
    doomed = cluster.add_worker(
        NEAREST_SLEEP="3600"
    )  # whatever it begins with, it ends with sleepy
    running = start([*arguments, "--dask", cluster.address, "--out", tmp_path / "there"], **plugins)
    wait_until(lambda: is_busy(doomed) or running.poll() is not None)
    cluster.add_worker()
    cluster.add_worker()
    below = descendants(doomed)
    assert running.poll() is None
    doomed.send_signal(signal.SIGKILL)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 0, out + err
    wait_until(lambda: are_gone(below))
    code, _, err = howrobust("run", *arguments, "--out", tmp_path / "here", **plugins)
    assert code == 0, err
    assert scores(tmp_path / "there").equals(scores(tmp_path / "here"))
    assert not list((tmp_path / "there").rglob("*.tmp"))


@pytest.mark.slow
def test_the_whole_of_quick_is_identical_on_three_workers(cluster, tmp_path):
    assert howrobust("run", "--splits", "1", "--out", tmp_path / "warm")[0] == 0  # compiles loops
    for _ in range(3):
        cluster.add_worker()
    code, _, err = howrobust("run", "--dask", cluster.address, "--out", tmp_path / "there")
    assert code == 0, err
    assert howrobust("run", "--out", tmp_path / "here")[0] == 0
    assert scores(tmp_path / "there").equals(scores(tmp_path / "here"))


def test_poison_spoils_its_own_cells_and_no_other(cluster, plugins, tmp_path):
    for _ in range(3):
        cluster.add_worker()
    code, out, err = howrobust(
        "run", "-m", "misbehaving:Exits", "-m", "misbehaving:Hangs",
        "-m", "misbehaving:KillsItsWorker", "-m", "bayesian_ridge", "-d", "diabetes",
        "--splits", "1", "--timeout", "5", "--dask", cluster.address, "--out", tmp_path / "out",
        **plugins,
    )  # fmt: skip
    assert code == 1, out + err
    assert "Traceback" not in err
    reasons = {c.method: c.reason for c in hr.load(tmp_path / "out").cells()}
    assert "exit code 7" in reasons.pop("misbehaving:Exits")
    assert "more than 5 s" in reasons.pop("misbehaving:Hangs")
    assert "each of 2 dask workers that tried it died" in reasons.pop("misbehaving:KillsItsWorker")
    assert set(reasons.values()) == {""}
    assert reasons.keys() == {"bayesian_ridge", "marginal"}


def test_a_task_is_ended_with_its_children_at_its_limit(cluster, plugins, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(plugins["PYTHONPATH"].split(os.pathsep)[1])
    cluster.add_worker()
    Files(tmp_path).make()
    limit_s = 3.0
    with ClusterPool(cluster.address) as pool:
        task = job("misbehaving:Hangs")
        future = pool.submit(run_job, task, Files(tmp_path), 1, limit_s=limit_s)
        with pytest.raises(TimeoutError):
            future.result(timeout=120)
        ended = time.time()
        began, *pids = map(float, Path(plugins["HANGS"]).read_text().split())
        # The clock starts before the model is imported, hence no lower bound.
        assert ended - began < limit_s + 2
        wait_until(lambda: not any(psutil.pid_exists(int(pid)) for pid in pids))
        # The worker is as good as new.
        future = pool.submit(run_job, job("bayesian_ridge"), Files(tmp_path), 1, limit_s=60.0)
        (outcome,) = future.result(timeout=120)
    assert outcome.status == "ok"
    assert Files(tmp_path).testset(outcome.testset).is_file()


def test_levels_forecast_before_are_kept(cluster, tmp_path):
    cluster.add_worker()
    out = tmp_path / "out"
    words = {"methods": ["bayesian_ridge"], "data": ["diabetes"], "splits": 1, "out": out}
    hr.run(**words, stress=[], dask=cluster.address)
    hr.run(**words, stress=["far"], dask=cluster.address)
    (path, *_) = sorted((out / "forecasts").iterdir())
    assert {name for name, _ in read_forecasts(path)} == {"none", "far"}


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_in_a_sentence(cluster, plugins, tmp_path):
    worker = cluster.add_worker(NEAREST_SLEEP="3600")
    arguments = ["-m", "sleepy", "-m", "bayesian_ridge", "-d", "line", "--splits", "1"]
    running = start([*arguments, "--dask", cluster.address, "--out", tmp_path / "out"], **plugins)
    wait_until(lambda: "sleepy" in awaited(tmp_path / "out") and is_busy(worker))
    below = descendants(worker)
    cluster.scheduler.send_signal(signal.SIGKILL)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith(
        f"howrobust: the dask scheduler at {cluster.address} was lost"
    )
    statuses = {c.method: c.status for c in hr.load(tmp_path / "out").cells()}
    assert statuses == {"sleepy": "planned", "bayesian_ridge": "ok", "marginal": "ok"}
    wait_until(lambda: are_gone(below))


@pytest.mark.slow
def test_what_nobody_waits_for_is_ended(cluster, plugins, tmp_path):
    worker = cluster.add_worker(NEAREST_SLEEP="3600")
    arguments = ["-m", "sleepy", "-m", "bayesian_ridge", "-d", "line", "--splits", "1"]
    for ending, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        out = tmp_path / ending.name
        running = start([*arguments, "--dask", cluster.address, "--out", out], **plugins)
        wait_until(lambda out=out: awaited(out) == {"sleepy"} and is_busy(worker))
        below = descendants(worker)
        running.send_signal(ending)
        _, err = running.communicate(timeout=60)
        assert running.returncode == code
        assert "Traceback" not in err
        wait_until(lambda below=below: are_gone(below))
    assert worker.poll() is None


def awaited(folder):
    """Methods whose cells have no outcome yet; all, where there is no store."""
    try:
        return {c.method for c in hr.load(folder).cells() if c.status == "planned"}
    except (BadInput, LookupError):
        return {"", "sleepy"}


def one_sentence(*arguments, **environ):
    code, out, err = howrobust("run", "-d", "diabetes", "--splits", "1", *arguments, **environ)
    assert code == 2
    assert out == ""
    *progress, sentence = err.splitlines()
    assert all(line.startswith("fit: ") for line in progress), err
    return sentence


def test_no_scheduler_is_a_sentence_within_seconds(tmp_path):
    for address, named in (
        ("tcp://127.0.0.1:9", ":9"),
        ("nonsense", "nonsense"),
        ("ftp://a:1", "ftp"),
        ("tls://127.0.0.1:9", "certificates"),
    ):
        began = time.monotonic()
        err = one_sentence("--dask", address, "--out", tmp_path / "out")
        assert named in err
        assert "dask scheduler" in err
        assert time.monotonic() - began < 60
    assert not (tmp_path / "out").exists()


def test_without_dask_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(BadInput, match=r"pip install 'howrobust\[cluster\]'"):
        ClusterPool("tcp://127.0.0.1:9")


def workers_of(cluster):
    """Connect, count the workers, and leave no connection behind."""
    with ClusterPool(cluster.address) as pool:
        return pool.workers


def test_a_worker_of_other_versions_is_refused(cluster, plugins, tmp_path):
    with pytest.raises(BadInput, match="has no workers; start some with"):
        ClusterPool(cluster.address)
    cluster.add_worker(PYTHONPATH=os.environ.get("PYTHONPATH", ""))
    # Only here is there a plug-in called sleepy.
    words = ("-m", "sleepy", "--dask", cluster.address, "--out", tmp_path / "out")
    err = one_sentence(*words, **plugins)
    assert "cannot run the job: unknown method 'sleepy'" in err
    cluster.add_worker(NUMBA_DISABLE_JIT="1")
    with pytest.raises(BadInput, match="has loops torch, not numba as here"):
        wait_until(lambda: workers_of(cluster) > 2)  # once it has joined
    assert hr.load(tmp_path / "out").cells()


def test_a_worker_that_does_not_answer_is_a_sentence(cluster, monkeypatch):
    monkeypatch.setattr("howrobust.execution.pools.dask.REPLY_TIMEOUT_S", 2.0)
    worker = cluster.add_worker()
    ClusterPool(cluster.address)._client.close()  # it has joined
    worker.send_signal(signal.SIGSTOP)
    with pytest.raises(BadInput, match=r"a worker of the scheduler at .* has not answered for 2 s"):
        ClusterPool(cluster.address)


def test_a_scheduler_that_does_not_answer_is_a_sentence(cluster, tmp_path, monkeypatch):
    cluster.add_worker()
    Files(tmp_path).make()
    with ClusterPool(cluster.address) as pool:
        monkeypatch.setattr("howrobust.execution.pools.dask.REPLY_TIMEOUT_S", 2.0)
        cluster.scheduler.send_signal(signal.SIGSTOP)
        with pytest.raises(BadInput, match="was lost"):
            pool.submit(run_job, job("bayesian_ridge"), Files(tmp_path), 1, limit_s=60.0)
        cluster.scheduler.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("testset", ["ab", "../../escaped"])
def test_a_worker_writes_no_file_but_its_own(testset, cluster, tmp_path, monkeypatch):
    own = {f"forecasts/{'0' * 64}.npz", "testsets/ab.npz"}
    foreign = {"../escaped", f"forecasts/{'1' * 64}.npz", "testsets/../../escaped.npz"}

    def answer(*order):
        outcome = {"key": "0" * 64, "status": "ok", "testset": testset}
        return {"outcomes": [outcome]}, dict.fromkeys(own | foreign, b"x")

    monkeypatch.setattr("howrobust.execution.pools.dask.run_order", answer)
    cluster.add_worker()
    files = Files(tmp_path / "store")
    files.make()
    before = {*tmp_path.iterdir()}
    with ClusterPool(cluster.address) as pool:
        task = job("bayesian_ridge")
        future = pool.submit(run_job, task, files, 1, limit_s=60.0)
        error = future.exception(timeout=60)
    left = {p.relative_to(files.folder).as_posix() for p in files.folder.rglob("*.npz")}
    assert left == (set() if error else own)
    assert isinstance(error, TaskFailed if testset != "ab" else type(None))
    assert {*tmp_path.iterdir()} == before


def test_what_goes_with_an_order_is_forecasts_of_its_cells():
    assert messages.forecast_names(["0" * 64]) == {f"forecasts/{'0' * 64}.npz"}
    with pytest.raises(Damaged):
        messages.forecast_names(["../escaped"])


def test_an_order_is_the_same_after_a_journey():
    for suite in ("quick", "robustness"):
        for one in make_plan(RunOptions(suite, data=["friedman1"], splits=2)).jobs[::3]:
            words = json.loads(messages.write_order(run_job, one, {}))["job"]
            assert messages._job_of(words) == one


def test_what_differs_where_an_order_is_carried_out_is_refused(my_csv, tmp_path):
    one = job("bayesian_ridge", str(my_csv))
    made = messages.versions_of("bayesian_ridge", one.data, ())
    text = messages.write_order(run_job, one, made)
    Files(tmp_path).make()
    assert messages.run_message(text, tmp_path)["outcomes"][0]["status"] == "ok"
    my_csv.write_text(my_csv.read_text().replace("0", "1", 1))
    assert "has the rows of my.csv" in messages.run_message(text, tmp_path)["refused"]
    my_csv.unlink()
    assert "files must have the same path" in messages.run_message(text, tmp_path)["refused"]
    for name in made:
        other = {**made, name: "another"}
        assert messages.difference(other, made).startswith(f"has {name} another, not ")
    assert messages.difference(made, made) == ""
