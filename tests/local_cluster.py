"""A dask cluster of processes on this machine."""

import json
import signal
import subprocess
import sys
import time

import psutil
from commandline import environment

DEADLINE_S = 120


class LocalCluster:
    """A scheduler on 127.0.0.1 and workers of one thread, in a folder; ends them all at its end.

    ``address`` is the scheduler's; ``nanny`` restarts workers that die.
    """

    def __init__(self, folder, workers=1, nanny=False, **environ):
        self.folder = folder
        self.environ = environment(**environ)
        self.options = [] if nanny else ["--no-nanny"]
        self.wanted = workers
        self.workers = []

    def __enter__(self):
        file = self.folder / "scheduler.json"
        self.scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", file,
        )  # fmt: skip
        wait_until(file.is_file)
        time.sleep(0.1)
        self.address = json.loads(file.read_text())["address"]
        for _ in range(self.wanted):
            self.add_worker()
        return self

    def add_worker(self, *options, **environ):
        """Start one more worker."""
        worker = self._start(
            "dask_worker", self.address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1",
            "--local-directory", self.folder, *self.options, *options, **environ,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def _start(self, module, *arguments, **environ):
        log = (self.folder / "log.txt").open("ab")
        command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, arguments)]
        words = {**self.environ, "PYTHONWARNINGS": "ignore", **environ}
        return subprocess.Popen(command, stdout=log, stderr=log, env=words, cwd=self.folder)

    def __exit__(self, *error):
        # Hosts find by themselves that their workers are no more.
        for process in [self.scheduler, *self.workers]:
            process.send_signal(signal.SIGKILL)
            process.wait()


def processes_of(folder):
    """Processes whose environment names a folder as theirs, by HOWROBUST_TEST."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOWROBUST_TEST") == str(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def wait_until(happens):
    """Wait until something is true."""
    deadline = time.monotonic() + DEADLINE_S
    while not happens():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)
