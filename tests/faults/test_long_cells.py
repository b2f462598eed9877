"""A cell of many networks that is cut by its limit, or killed, continues from what it has kept."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from commandline import environment
from faults.killing import scores

import howrobust as hr

LONG = "shuffled_cv[n_shuffles=80]"  # a scaled-down cell of 10,000 networks
LIMIT_S = 2.0
ATTEMPTS = 12


def run(out, **options):
    return hr.run(methods=[LONG], data=["quintic"], stress=[], splits=1, repeats=1, out=out,
                  workers=1, **options)  # fmt: skip


def cell_of(results):
    return next(cell for cell in results.cells() if cell.method == LONG)


def kept_files(out):
    return list((out / "fitting").glob("*.npz"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The scores of a run that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    assert cell_of(run(out)).status == "ok"
    assert kept_files(out) == []
    return scores(out)


def test_a_cell_that_its_limit_cuts_says_what_is_done_and_continues(whole, tmp_path):
    done = [0]
    for _ in range(ATTEMPTS):
        cell = cell_of(run(tmp_path, timeout_s=LIMIT_S))
        if cell.status == "ok":
            break
        found = re.fullmatch(
            r"timeout: the fit reached its limit of 2 s per cell with (\d+) of 400 networks done; "
            r"run again to continue",
            cell.reason,
        )
        assert found, cell.reason
        done.append(int(found[1]))
        assert done[-1] > done[-2]  # nothing that was reported is trained again
    assert cell.status == "ok"
    assert len(done) > 1, "the limit cut nothing; the cell must be longer"
    assert kept_files(tmp_path) == []
    assert scores(tmp_path).equals(whole)


def test_a_killed_cell_loses_at_most_what_it_trained_since_it_last_kept_some(whole, tmp_path):
    script = (
        "import sys, howrobust as hr; hr.run(methods=[sys.argv[1]], data=['quintic'], stress=[], "
        "splits=1, repeats=1, out=sys.argv[2], workers=1, timeout_s=4)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, LONG, str(tmp_path)], env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None and len(kept_files(tmp_path)) < 3:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = kept_files(tmp_path)
    assert len(kept) >= 3
    kept[0].write_bytes(kept[0].read_bytes()[:-9])  # damaged: its networks are trained again
    assert cell_of(run(tmp_path)).status == "ok"
    assert kept_files(tmp_path) == []
    assert scores(tmp_path).equals(whole)
