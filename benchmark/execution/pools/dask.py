"""A pool on a cluster: dask.distributed sends jobs to its workers and returns their files.

Only text and bytes are sent: orders and outcomes as JSON, arrays as files. No file system is
shared: the caller writes into its own store.
"""

from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from howrobust.base.pool import Pool, TaskFailed
from howrobust.errors import BadInput, Damaged
from howrobust.execution.pools.dask_worker import run_order
from howrobust.execution.pools.messages import (
    difference,
    forecast_names,
    machine_versions,
    outcomes_of,
    result_names,
    stresses_of,
    versions_of,
    write_order,
)
from howrobust.planning.jobs import Job
from howrobust.storage.arrays import Files
from howrobust.storage.atomic import write_bytes

CONNECT_TIMEOUT_S = 5.0
REPLY_TIMEOUT_S = 30.0  # a worker that is stopped or unreachable never replies


class ClusterPool(Pool):
    """The workers of a dask scheduler that is running.

    It is a context manager that disconnects at its end. Tasks have the arguments ``(job, files,
    threads)`` and run on one thread of a worker. Their files are in ``files``, complete, before the
    future is done. A job whose worker dies goes to another one, as often as the scheduler allows,
    and then fails.

    Parameters
    ----------
    address : str
        Address of the scheduler, such as ``tcp://host:8786``; it is connected to at once.

    Raises
    ------
    BadInput
        Where no scheduler replies, it has no workers, or the versions or sources of a worker differ
        from those of this machine. The futures raise it for workers that join later and differ,
        and for a lost connection.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client, Security
            from distributed.comm import get_address_host_port
        except ImportError:
            raise BadInput(
                "a cluster needs dask.distributed, which is not installed; "
                "pip install 'howrobust[cluster]'"
            ) from None
        self._address = address
        self._run = str(uuid4())
        self._versions_of = cache(versions_of)
        self._sent: set[Any] = set()  # dask cancels the task of a future without references
        self._done: SimpleQueue[tuple[Any, Job, Files, Future[Any]] | None] = SimpleQueue()
        try:
            # Checked first: a client that fails in its constructor prints errors when it is closed.
            get_address_host_port(address)
            secure = Security().get_connection_args("client")["ssl_context"]
            if address.startswith("tls:") and not secure:
                raise ValueError("dask's settings distributed.comm.tls name no certificates")
            self._client: Any = Client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
        except Exception as error:  # another service at the address may reply anything
            raise BadInput(
                f"no dask scheduler can be used at {address} ({_line(error)}); "
                "start one with `dask scheduler` and give the address that it prints"
            ) from None
        try:
            self._check_workers()
            self.workers = self._threads()
        except BadInput:
            self._client.close()
            raise

    def __enter__(self) -> Self:
        # A daemon thread: dask waits forever for replies to a client that has been closed, and the
        # interpreter for dask's own threads.
        Thread(target=self._settle_all, daemon=True).start()
        return self

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        job, files, _ = arguments
        versions = self._versions_of(job.method.name, job.data, stresses_of(job))
        names = forecast_names(cell.key for cell in job.cells)
        paths = {name: path for name in names if (path := files.folder / name).is_file()}
        contents = {name: path.read_bytes() for name, path in paths.items()}
        order = write_order(function, job, versions)
        key = f"howrobust-{uuid4()}"
        future: Future[Any] = Future()
        self.workers = self._threads()
        try:
            sent = self._client.submit(
                run_order, self._run, order, contents, limit_s, key, key=key, pure=False
            )
        except Exception as error:
            raise self._lost(error) from None
        self._sent.add(sent)
        sent.add_done_callback(lambda done: self._done.put((done, job, files, future)))
        return future

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.put(None)
        self._client.close()

    def _threads(self) -> int:
        """Return the number of jobs that the cluster can run at once now."""
        try:
            threads: int = sum(self._reply(self._client.nthreads).values())
        except Exception as error:
            raise self._lost(error) from None
        return max(1, threads)

    def _reply(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Call a method of dask's client; TimeoutError where there is no reply in time."""
        return self._client.sync(method, *arguments, callback_timeout=REPLY_TIMEOUT_S, **options)

    def _check_workers(self) -> None:
        """Raise BadInput where there are no workers, or one differs from this machine."""
        from distributed import TimeoutError as ReplyTimeout

        try:
            self._client.wait_for_workers(1, timeout=CONNECT_TIMEOUT_S)
        except ReplyTimeout:
            raise BadInput(
                f"the scheduler at {self._address} has no workers; "
                f"start some with `dask worker {self._address}`"
            ) from None
        try:
            replies = self._reply(self._client.run, machine_versions, on_error="return")
        except ReplyTimeout:
            raise BadInput(
                f"a worker of the scheduler at {self._address} has not answered for "
                f"{REPLY_TIMEOUT_S:g} s; end the one that is stopped or cannot be reached"
            ) from None
        except Exception as error:
            raise self._lost(error) from None
        local = machine_versions()
        for address, reply in replies.items():
            if isinstance(reply, BaseException):
                raise BadInput(
                    f"the worker {address} cannot run howrobust ({_line(reply)}); "
                    "install the same packages there as here"
                )
            if text := difference(reply, local):
                raise BadInput(f"the worker {address} {text}")

    def _lost(self, error: BaseException) -> BadInput:
        return BadInput(
            f"the dask scheduler at {self._address} was lost ({_line(error)}); "
            "finished cells are stored, run again to continue"
        )

    def _settle_all(self) -> None:
        while (ended := self._done.get()) is not None:
            self._settle(*ended)

    def _settle(self, done: Any, job: Job, files: Files, future: Future[Any]) -> None:
        """Pass the reply to a job on: its files first, then its outcomes."""
        from distributed import KilledWorker

        self._sent.discard(done)
        try:
            reply, contents = done.result()
            outcomes = outcomes_of(reply)
            names = result_names(job, outcomes)
            for name in contents.keys() & names:
                write_bytes(files.folder / name, contents[name])
            future.set_result(outcomes)
        except KilledWorker as error:
            deaths = error.allowed_failures + 1
            reason = f"crash: each of {deaths} dask workers that tried it died"
            future.set_exception(TaskFailed("crash", reason))
        except Damaged as error:  # the worker's reply
            future.set_exception(TaskFailed.of(error))
        except Exception as error:
            future.set_exception(self._lost(error) if done.cancelled() else error)


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
