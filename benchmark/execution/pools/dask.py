"""A cluster: dask.distributed carries jobs to its workers, and their outcomes and files back.

What crosses is text and bytes: orders and outcomes as JSON, arrays as the files they are. No file
system is shared; the caller writes into its own store.
"""

from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from howrobust.base.pool import TaskFailed
from howrobust.errors import BadInput, Damaged
from howrobust.execution.pools.dask_worker import run_order
from howrobust.execution.pools.messages import (
    difference,
    forecast_names,
    machine,
    made_of,
    names_left,
    outcomes_of,
    stresses_of,
    write_order,
)
from howrobust.planning.jobs import Job
from howrobust.storage.arrays import Files
from howrobust.storage.atomic import write_bytes

CONNECT_S = 5.0
ANSWER_S = 30.0  # a worker that is stopped, or cut off, never answers


class ClusterPool:
    """Workers of a dask scheduler that runs already; a context manager that disconnects.

    Connects at once. Raises BadInput where no scheduler answers, it has no workers, or what a
    worker computes with is not what this machine does. A worker that joins later and differs, or a
    connection that is lost, is a BadInput of the futures that meet it.
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
        self._made_of = cache(made_of)
        self._sent: set[Any] = set()  # dask forgets the task of a future that nobody holds
        self._done: SimpleQueue[tuple[Any, Job, Files, Future[Any]] | None] = SimpleQueue()
        try:
            # A client that was never made does not close in silence.
            get_address_host_port(address)
            secure = Security().get_connection_args("client")["ssl_context"]
            if address.startswith("tls:") and not secure:
                raise ValueError("dask's settings distributed.comm.tls name no certificates")
            self._client: Any = Client(address, timeout=CONNECT_S, set_as_default=False)
        except Exception as error:  # whatever listens there may answer anything
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
        # dask waits for ever for what a client that was closed meanwhile has asked for, and the
        # interpreter for dask's own threads: a thread of ours can be left behind.
        Thread(target=self._settle_all, daemon=True).start()
        return self

    def submit(self, function: Callable[..., Any], *arguments: Any, limit_s: float) -> Future[Any]:
        """Run ``function(job, files, threads)`` on one thread of some worker.

        Its files are in ``files``, whole, before the future is done. A job whose workers die goes
        to others, as often as the scheduler allows, and then fails.
        """
        job, files, _ = arguments
        made = self._made_of(job.method.name, job.data, stresses_of(job))
        names = forecast_names(cell.key for cell in job.cells)
        held = {name: path for name in names if (path := files.folder / name).is_file()}
        given = {name: path.read_bytes() for name, path in held.items()}
        key = f"howrobust-{uuid4()}"
        order = (self._run, write_order(function, job, made), given, limit_s, key)
        future: Future[Any] = Future()
        self.workers = self._threads()
        try:
            sent = self._client.submit(run_order, *order, key=key, pure=False)
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
        """Jobs that the cluster can run at once, as it is now."""
        try:
            threads: int = sum(self._answer(self._client.nthreads).values())
        except Exception as error:
            raise self._lost(error) from None
        return max(1, threads)

    def _answer(self, ask: Callable[..., Any], *arguments: Any, **words: Any) -> Any:
        """Call a method of dask's client; TimeoutError where the answer is not there in time."""
        return self._client.sync(ask, *arguments, callback_timeout=ANSWER_S, **words)

    def _check_workers(self) -> None:
        """Raise BadInput where there are no workers, or one of them differs from this machine."""
        from distributed import TimeoutError as TooLate

        try:
            self._client.wait_for_workers(1, timeout=CONNECT_S)
        except TooLate:
            raise BadInput(
                f"the scheduler at {self._address} has no workers; "
                f"start some with `dask worker {self._address}`"
            ) from None
        try:
            found = self._answer(self._client.run, machine, on_error="return")
        except TooLate:
            raise BadInput(
                f"a worker of the scheduler at {self._address} has not answered for "
                f"{ANSWER_S:g} s; end the one that is stopped or cannot be reached"
            ) from None
        except Exception as error:
            raise self._lost(error) from None
        ours = machine()
        for place, theirs in found.items():
            if isinstance(theirs, BaseException):
                raise BadInput(
                    f"the worker {place} cannot run howrobust ({_line(theirs)}); "
                    "install there what is installed here"
                )
            if differs := difference(theirs, ours):
                raise BadInput(f"the worker {place} {differs}")

    def _lost(self, error: BaseException) -> BadInput:
        return BadInput(
            f"the dask scheduler at {self._address} was lost ({_line(error)}); "
            "what is finished is stored, run again to continue"
        )

    def _settle_all(self) -> None:
        while (ended := self._done.get()) is not None:
            self._settle(*ended)

    def _settle(self, done: Any, job: Job, files: Files, future: Future[Any]) -> None:
        """Hand on what became of a job: its files first, then its outcomes."""
        from distributed import KilledWorker

        self._sent.discard(done)
        try:
            reply, contents = done.result()
            outcomes = outcomes_of(reply)
            names = names_left(job, outcomes)
            for name in contents.keys() & names:
                write_bytes(files.folder / name, contents[name])
            future.set_result(outcomes)
        except KilledWorker as error:
            deaths = error.allowed_failures + 1
            reason = f"crash: each of {deaths} dask workers that tried it died"
            future.set_exception(TaskFailed("crash", reason))
        except Damaged as error:  # what the worker sent
            future.set_exception(TaskFailed.of(error))
        except Exception as error:
            future.set_exception(self._lost(error) if done.cancelled() else error)


def _line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
