"""A host: a process beside a dask worker that carries out orders, each in a process of its own.

dask's workers are daemons, which may not start what `LocalPool` starts; a plain subprocess may.
It has torch loaded, so that each order begins in milliseconds, and serves one run.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from howrobust.base.pool import TaskFailed
from howrobust.errors import BadInput
from howrobust.execution.pools.local import LocalPool
from howrobust.execution.pools.messages import FOLDERS, carry_out, forecast_names
from howrobust.storage.arrays import Files

LOOK_EVERY_S = 0.05
IDLE_S = 60.0  # a host leaves by itself after so long without an order
END_S = 5.0
SERVE = "from howrobust.execution.pools.dask_worker import serve; serve()"


def run_order(
    run: str, order: str, given: dict[str, bytes], limit_s: float, key: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Dask's worker: have an order carried out; return the reply and the files it left.

    ``given`` are files that it finds. It ends at the limit, and when nobody waits for dask's task
    ``key`` any more. Raises what `LocalPool` does, and BadInput where this machine refuses.
    """
    from distributed import get_worker

    worker = get_worker()

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state != "cancelled"

    with TemporaryDirectory(prefix="howrobust-", dir=worker.local_directory) as name:
        folder = Path(name)
        Files(folder).make()
        cells = json.loads(order)["job"]["cells"]
        for path in given.keys() & forecast_names(cell["key"] for cell in cells):
            (folder / path).write_bytes(given[path])
        host = _host(run)
        try:
            reply = host.ask({"order": order, "folder": name, "limit_s": limit_s}, wanted)
        except BaseException:
            host.end()
            raise
        _idle.append(host)
        if "late" in reply:
            raise TimeoutError
        if "failed" in reply:
            raise TaskFailed(*reply["failed"])
        if "refused" in reply:
            raise BadInput(f"the worker {worker.address} {reply['refused']}")
        left = [path for kind in FOLDERS for path in (folder / kind).glob("*.npz")]
        return reply, {path.relative_to(folder).as_posix(): path.read_bytes() for path in left}


class Host:
    """What a dask worker holds of a host."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.asked = monotonic()
        command = [sys.executable, "-c", SERVE]
        self._process = subprocess.Popen(  # nosec B603 # this interpreter, a constant text
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def ask(self, request: dict[str, Any], wanted: Callable[[], bool]) -> dict[str, Any]:
        """Return the reply to a request; TaskFailed where it ends without, or nobody wants it."""
        self.asked = monotonic()
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None
        assert replies is not None
        with suppress(BrokenPipeError):
            requests.write(json.dumps(request).encode() + b"\n")
            requests.flush()
        while not select([replies], [], [], LOOK_EVERY_S)[0]:
            if not wanted():
                raise TaskFailed("stopped", "nobody waits for it")
        line = replies.readline()
        if not line:
            raise TaskFailed("crash", "crash: the process beside the dask worker ended")
        self.asked = monotonic()
        reply: dict[str, Any] = json.loads(line)
        return reply

    def end(self) -> None:
        """End the host and what it runs: it leaves when its requests do."""
        try:
            self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()


_idle: list[Host] = []


def _host(run: str) -> Host:
    """Return a host for a run: an idle one, or a new one. Those of earlier runs are ended."""
    with suppress(IndexError):
        while True:
            host = _idle.pop()
            if host.run == run and monotonic() - host.asked < IDLE_S / 2:
                return host
            host.end()
    return Host(run)


def serve() -> None:
    """Be a host: answer requests on standard input, a line each, until they end."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with LocalPool(1) as pool:
        while select([sys.stdin], [], [], IDLE_S)[0] and (line := sys.stdin.readline()):
            request = json.loads(line)
            words = (request["order"], Path(request["folder"]))
            future = pool.submit(carry_out, *words, limit_s=request["limit_s"])
            while not wait([future], LOOK_EVERY_S).done:
                if select([sys.stdin], [], [], 0)[0]:  # closed: its worker is no more
                    return
            try:
                reply = future.result()
            except TimeoutError:
                reply = {"late": True}
            except TaskFailed as error:
                reply = {"failed": error.args}
            print(json.dumps(reply), file=replies, flush=True)
