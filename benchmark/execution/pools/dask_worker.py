"""A host: a process beside a dask worker that runs each order in a process of its own.

The workers of dask are daemons, which may not start the processes of a `LocalPool`; a subprocess
may. It has torch loaded, so that each order begins in milliseconds, and serves one run.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from howrobust.base.pool import TaskFailed
from howrobust.errors import BadInput
from howrobust.execution.pools.local import LocalPool
from howrobust.execution.pools.messages import FOLDERS, forecast_names, run_message
from howrobust.storage.arrays import Files

POLL_S = 0.05
IDLE_S = 60.0  # a host without an order exits after this time
END_TIMEOUT_S = 5.0
SERVE = "from howrobust.execution.pools.dask_worker import serve; serve()"


def run_order(
    run: str, order: str, contents: dict[str, bytes], limit_s: float, key: str
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Run an order on a worker of dask.

    Parameters
    ----------
    run : str
        Identifier of the run: hosts are shared by the orders of a run.
    order : str
        The order, as `howrobust.execution.pools.messages.write_order` returns it.
    contents : dict of str to bytes
        Files that the order needs, by name.
    limit_s : float
        Time limit, s.
    key : str
        Name of dask's task: the order ends when that is cancelled.

    Returns
    -------
    reply : dict of str to object
        The reply of `howrobust.execution.pools.messages.run_message`.
    files : dict of str to bytes
        The files that the order has written, by name.

    Raises
    ------
    TimeoutError
        After the time limit.
    TaskFailed
        Where the order raised or its process died.
    BadInput
        Where this machine refuses the order.
    """
    from distributed import get_worker

    worker = get_worker()
    is_wanted = partial(_is_wanted, worker, key)
    with TemporaryDirectory(prefix="howrobust-", dir=worker.local_directory) as name:
        folder = Path(name)
        Files(folder).make()
        cells = json.loads(order)["job"]["cells"]
        for path in contents.keys() & forecast_names(cell["key"] for cell in cells):
            (folder / path).write_bytes(contents[path])
        request = {"order": order, "folder": name, "limit_s": limit_s}
        reply = _reply_to(run, request, is_wanted)
        _raise_failure(reply, worker.address)
        written = [path for kind in FOLDERS for path in (folder / kind).glob("*.npz")]
        return reply, {path.relative_to(folder).as_posix(): path.read_bytes() for path in written}


def _reply_to(run: str, request: dict[str, Any], is_wanted: Callable[[], bool]) -> dict[str, Any]:
    """Return the reply of a host to a request; a host that does not reply is ended."""
    host = _host_for(run)
    try:
        reply = host.request(request, is_wanted)
    except BaseException:
        host.end()
        raise
    _idle.append(host)
    return reply


def _is_wanted(worker: Any, key: str) -> bool:
    """Return whether a worker of dask still has a task, which has not been cancelled."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state != "cancelled"


def _raise_failure(reply: dict[str, Any], address: str) -> None:
    """Raise the error that a reply of a host stands for, if it does."""
    if "late" in reply:
        raise TimeoutError
    if "failed" in reply:
        kind, reason, traceback = reply["failed"]
        raise TaskFailed(kind, reason, traceback)
    if "refused" in reply:
        raise BadInput(f"the worker {address} {reply['refused']}")


class _Host:
    """The connection of a dask worker to a host."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.used = monotonic()
        command = [sys.executable, "-c", SERVE]
        self._process = subprocess.Popen(  # nosec B603 # this interpreter, a constant text
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def request(self, request: dict[str, Any], is_wanted: Callable[[], bool]) -> dict[str, Any]:
        """Return the reply to a request; TaskFailed where the host ends or it is not wanted."""
        self.used = monotonic()
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None
        assert replies is not None
        with suppress(BrokenPipeError):
            requests.write(json.dumps(request).encode() + b"\n")
            requests.flush()
        while not select([replies], [], [], POLL_S)[0]:
            if not is_wanted():
                raise TaskFailed("stopped", "the task was cancelled")
        line = replies.readline()
        if not line:
            raise TaskFailed("crash", "crash: the process beside the dask worker ended")
        self.used = monotonic()
        reply: dict[str, Any] = json.loads(line)
        return reply

    def end(self) -> None:
        """End the host and its order: it exits when its standard input is closed."""
        try:
            self._process.communicate(timeout=END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()


_idle: list[_Host] = []


def _host_for(run: str) -> _Host:
    """Return an idle host of a run, or a new one; those of earlier runs are ended."""
    with suppress(IndexError):
        while True:
            host = _idle.pop()
            if host.run == run and monotonic() - host.used < IDLE_S / 2:
                return host
            host.end()
    return _Host(run)


def serve() -> None:
    """Run a host: reply to each line of standard input."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with LocalPool(1) as pool:
        while select([sys.stdin], [], [], IDLE_S)[0] and (line := sys.stdin.readline()):
            request = json.loads(line)
            order, folder = request["order"], Path(request["folder"])
            future = pool.submit(run_message, order, folder, limit_s=request["limit_s"])
            while not wait([future], POLL_S).done:
                if select([sys.stdin], [], [], 0)[0]:  # closed: the worker has ended
                    return
            try:
                reply = future.result()
            except TimeoutError:
                reply = {"late": True}
            except TaskFailed as error:
                reply = {"failed": error.args}
            print(json.dumps(reply), file=replies, flush=True)
