"""Kill a run with SIGKILL at random moments, and let it continue, again and again."""

import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass

import psutil
from commandline import environment, howrobust

import howrobust as hr
from howrobust import seeds
from howrobust.base.records import COSTS
from howrobust.errors import BadInput

MARK = "HOWROBUST_TEST_RUN"  # by which the processes of a run are known, whoever their parent is
GONE_S = 5.0


@dataclass
class Account:
    """What became of a run that was killed so often; what must be 0 is named in ``wrong``."""

    kills: int = 0
    kills_after_a_cell: int = 0
    rounds: int = 0
    cells: int = 0
    survivors: int = 0
    longest_s: float = 0.0
    refitted: int = 0
    lost: int = 0
    duplicated: int = 0
    different: int = 0

    @property
    def wrong(self):
        """What must not happen, and did."""
        names = ("survivors", "refitted", "lost", "duplicated", "different")
        return {name: getattr(self, name) for name in names if getattr(self, name)}


def kill_and_continue(words, kills, seed, folder):
    """Kill the run of these command-line words so often; as often as it ends, begin a new round."""
    began = time.monotonic()
    code, _, err = howrobust("run", *words, "--out", folder / "whole")
    assert code == 0, err
    whole_s = time.monotonic() - began
    wanted = scores(folder / "whole")
    rng = seeds.generator(seed, "kills")
    account = Account()
    while account.kills < kills:
        account.rounds += 1
        out = folder / f"round-{account.rounds}"
        fitted = {}
        # Every second kill comes just after a cell is finished, at whatever speed that is.
        while account.kills < kills and killed(
            words, out, rng.uniform(0, whole_s), account, len(fitted) if account.kills % 2 else None
        ):
            fitted = compare(fitted, fits(out), account)
            account.kills_after_a_cell += bool(fitted)
        code, _, err = howrobust("run", *words, "--out", out)
        assert code == 0, err
        compare(fitted, fits(out), account)
        found = scores(out)
        place = ["dataset", "split", "method", "repeat", "stress", "level", "metric"]
        account.duplicated += int(found.duplicated(place).sum())
        account.different += not found.equals(wanted)
        account.cells += len(hr.load(out).cells())
    return account


def killed(words, out, after_s, account, finished=None):
    """Start a run and kill its first process; False where it has ended by then.

    After so long, or once more cells are finished than ``finished``.
    """
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-m", "howrobust", "run", *map(str, words), "--out", str(out)],
        env=environment(**{MARK: mark}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if finished is not None:
        while process.poll() is None and len(fits(out)) <= finished:
            time.sleep(0.05)
        after_s = 0
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        account.kills += 1
        began = time.monotonic()
        while (left := marked(mark)) and time.monotonic() - began < GONE_S:
            account.longest_s = max(account.longest_s, time.monotonic() - began)
            time.sleep(0.05)
        account.survivors += len(left)
        return True
    assert process.returncode == 0
    return False


def marked(mark):
    """Workers that were started with a mark in their environment, but for those that ended.

    Each is in a session of its own; the fork server, which is not, may still be loading.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(os.getsid(process.pid))
        except (psutil.Error, ProcessLookupError):
            continue
    return [session for session in found if session != os.getsid(0)]


def fits(out):
    """Seconds that the fit of each finished cell took, which no second fit would take again."""
    try:
        results = hr.load(out)
    except BadInput:  # it was killed before there was a store
        return {}
    keys = ["dataset", "split", "method", "repeat", "stress", "level"]
    records = results.records()
    mine = records[(records["metric"] == "fit_wall_s") & (records["status"] == "ok")]
    return dict(zip(mine[keys].itertuples(index=False, name=None), mine["value"], strict=True))


def compare(before, after, account):
    """Count cells that were finished and are not, or that were fitted twice; return those now."""
    account.lost += len(before.keys() - after.keys())
    account.refitted += sum(before[cell] != after[cell] for cell in before.keys() & after.keys())
    return after


def scores(out):
    """All records but costs."""
    records = hr.load(out).records().drop(columns="run")
    return records[~records["metric"].isin(COSTS)].reset_index(drop=True)
