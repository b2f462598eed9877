"""Ctrl-C and SIGTERM end a run within five seconds, in order, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from commandline import environment

import howrobust as hr
from howrobust.errors import BadInput

HERE = Path(__file__).parent
POISON = 'poisons:Poison[how="leaves children and hangs"]'
# A page that takes its time, and says that it began.
SLOW_PAGE = """
import sys, time
from pathlib import Path
from howrobust.cli.main import main
from howrobust.reports import page
def write_page(report):
    Path(sys.argv[1]).touch()
    time.sleep(3600)
page.write_page = write_page
main(sys.argv[2:])
"""
METHODS = {
    "fit": ["bayesian_ridge", POISON],
    "score": ["bayesian_ridge"],
    "page": ["bayesian_ridge"],
}
FINISHED = 3  # and marginal, and the oracle


def interrupted(phase, signals, folder):
    """Run until a phase has begun, send signals; (exit code, standard error, seconds, processes).

    A signal below 0 goes to the process group, as Ctrl-C of a terminal does.
    """
    marker = folder / "marker"
    words = ["run", "-d", "quintic", "--splits", "1", "--stress", "input_noise", "--workers", "2",
             "--out", str(folder / "out")]  # fmt: skip
    words += [word for name in METHODS[phase] for word in ("-m", name)]
    program = ["-c", SLOW_PAGE, str(marker)] if phase == "page" else ["-m", "howrobust"]
    plugins = os.pathsep.join([str(HERE / "plugins"), str(HERE / "slow_metric")])
    variable = {"fit": "POISON_PIDS", "score": "SLOW_METRIC", "page": "NOTHING"}[phase]
    process = subprocess.Popen(
        [sys.executable, *program, *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
        env=environment(PYTHONPATH=plugins, **{variable: str(marker)}), text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if marker.exists() and finished(folder / "out") == FINISHED:
            break
        time.sleep(0.05)
    below = psutil.Process(process.pid).children(recursive=True)
    began = time.monotonic()
    for number in signals:
        (os.kill if number > 0 else os.killpg)(process.pid, abs(number))
        time.sleep(0.2)
    _, err = process.communicate(timeout=60)
    return process.returncode, err, time.monotonic() - began, below


def finished(folder):
    """How many cells a run has stored so far."""
    try:
        return sum(cell.status == "ok" for cell in hr.load(folder).cells())
    except BadInput:  # it has not begun
        return 0


CASES = [
    ("fit", [signal.SIGINT], 130),
    ("fit", [-signal.SIGINT, -signal.SIGINT, -signal.SIGINT], 130),
    ("fit", [signal.SIGTERM], 143),
    ("score", [-signal.SIGINT], 130),
    ("score", [signal.SIGTERM, signal.SIGINT], 143),
    ("page", [-signal.SIGINT, -signal.SIGINT], 130),
]


@pytest.mark.parametrize(("phase", "signals", "expected"), CASES)
def test_a_run_ends_in_order_when_it_is_asked_to(phase, signals, expected, tmp_path):
    code, err, took, below = interrupted(phase, signals, tmp_path)
    assert code == expected, err
    assert took < 5
    assert "Traceback" not in err
    assert err.rstrip().endswith("finished cells are stored, run again to continue")
    _, left = psutil.wait_procs(below, timeout=2)
    assert left == []
    statuses = {c.method: c.status for c in hr.load(tmp_path / "out").cells()}
    assert statuses.pop(POISON, "planned") == "planned"
    assert list(statuses.values()) == ["ok"] * FINISHED


def test_an_interruption_whose_reader_has_left_is_still_in_order():
    program = (
        "import os, signal, sys; from howrobust.cli.main import cli, main\n"
        "@cli.command()\n"
        "def ends():\n"
        "    sys.stdout.write('a line')\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "main(['ends'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(PYTHONUNBUFFERED=""),
    )  # fmt: skip
    process.stdout.close()
    assert process.wait(60) == 143
    assert "Traceback" not in process.stderr.read()
