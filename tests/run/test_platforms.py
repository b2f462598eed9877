"""Systems that cannot fit: results are read where Python has neither fcntl nor a fork server."""

import subprocess
import sys

import pytest
from commandline import environment

import howrobust as hr

# What Windows lacks. psutil has a module for each system, this one's imports `resource`.
WITHOUT = """
import multiprocessing.context, multiprocessing.reduction, sys
import psutil
multiprocessing.reduction.HAVE_SEND_HANDLE = False
del multiprocessing.context.ForkServerContext, multiprocessing.context.ForkServerProcess
for name in ("fcntl", "resource", "multiprocessing.forkserver", "multiprocessing.popen_forkserver"):
    sys.modules[name] = None
"""
READ = """
import howrobust as hr
from howrobust.cli.main import main
print(len(hr.load(sys.argv[1]).records()), "records")
main(["report", sys.argv[1]])
"""
FIT = """
from howrobust.cli.main import main
main(["run", "-d", "diabetes", "-m", "bayesian_ridge", "--out", sys.argv[1]])
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "out"
    return hr.run(methods=["bayesian_ridge"], data=["diabetes"], splits=2, out=folder, workers=1)


def python(code, folder):
    """Run code in a process that lacks what Windows lacks."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT + code, str(folder)],
        capture_output=True, text=True, env=environment(), timeout=120, check=False,
    )  # fmt: skip


def test_results_are_loaded_and_reported_without_fcntl_and_fork_server(results):
    (results.folder / "report.html").unlink(missing_ok=True)
    done = python(READ, results.folder)
    assert done.returncode == 0, done.stderr
    assert f"{len(results.records())} records" in done.stdout
    assert (results.folder / "report.html").is_file()


def test_a_run_without_a_fork_server_is_one_sentence(tmp_path):
    done = python(FIT, tmp_path / "out")
    assert done.returncode == 2
    assert "no fork server" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
