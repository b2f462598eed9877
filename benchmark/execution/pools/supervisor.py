"""A guard: a small process whose child runs tasks, and which ends all processes of the tasks.

A task may damage its process in any way. When the child ends, or the parent closes its end of the
leash or dies, the guard ends all descendants with SIGKILL. This needs no cooperation of the task or
of its interpreter.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NoReturn

import psutil

from howrobust.base.pool import TaskFailed

POLL_S = 0.02
MISSING = "missing"  # the kind of a message
OUTPUT_TAIL = 2000  # last bytes of a task's output that are kept
# From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# If memory runs out, the kernel is to end a worker instead of the parent.
OOM_SCORE = "500"


def guard(
    leash: "Connection[Any, Any]",
    tasks: "Connection[Any, Any]",
    environ: dict[str, str],
    folder: str,
) -> NoReturn:
    """Run the tasks of a connection in a child process, and exit when it ends.

    Parameters
    ----------
    leash : Connection
        Receives the last bytes of the child's standard output and error when the child ends. When
        its other end is closed, the child is ended.
    tasks : Connection
        Sends ``(function, arguments)`` and receives ``("value", result)``,
        ``("failed", kind, reason, traceback)`` or, where a module cannot be found,
        ``("missing", module, kind, reason, traceback)``.
    environ : dict of str to str
        Environment of the child.
    folder : str
        Working directory of the child.

    Notes
    -----
    The exit code is that of the child, or 128 plus the number of the signal that ended it.
    """
    os.setsid()  # Ctrl-C in a terminal is for the parent alone
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans become children of the guard
    output, written = os.pipe()
    guard_pid = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(output)
        leash.close()
        _begin(guard_pid, written, environ, folder)
        _run_tasks(tasks)
    os.close(written)
    tasks.close()
    status, tail = _watch(child, output, leash)
    _sweep(child)
    if status is not None:
        with suppress(OSError):
            leash.send_bytes(tail)
    os._exit(0 if status is None else status)


def _watch(child: int, output: int, leash: "Connection[Any, Any]") -> tuple[int | None, bytes]:
    """Wait for the end of a child, or of the leash; return the exit code and the last output.

    The exit code is None where the leash was closed first.
    """
    tail = b""
    watched: list[Any] = [leash, output]
    while True:
        ready = wait(watched, POLL_S)
        if output in ready:
            part = os.read(output, 2**16)
            tail = (tail + part)[-OUTPUT_TAIL:]
            if not part:
                watched.remove(output)
        if leash in ready:
            return None, tail
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is not None:
            return _exit_code(ended), tail


def _exit_code(ended: "os.waitid_result") -> int:
    return ended.si_status + (0 if ended.si_code == os.CLD_EXITED else 128)


def _sweep(child: int) -> None:
    """End the child's process group and all other descendants of the guard."""
    # The child has not been waited for, so that the number of its group is not reused.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                process.kill()
        time.sleep(POLL_S / 10)


def _begin(guard_pid: int, written: int, environ: dict[str, str], folder: str) -> None:
    """Prepare a child: its own process group, output to the guard, environment and folder."""
    os.setpgid(0, 0)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard_pid:  # the guard died before the line above
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(old, new)
    os.close(nothing)
    os.close(written)
    # The fork server has the environment that its parent had when the server started.
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)


def _run_tasks(tasks: "Connection[Any, Any]") -> NoReturn:
    """Run task after task; neither threads nor exit handlers delay the end."""
    pid = os.getpid()
    while True:
        try:
            function, arguments = tasks.recv()
        except EOFError:
            os._exit(0)
        except ModuleNotFoundError as error:  # of the function, or of its arguments
            message = MISSING, error.name or "", *TaskFailed.of(error).args
        except Exception as error:
            message = _failed(error)
        else:
            message = _result(function, arguments)
        if os.getpid() != pid:  # the task has forked
            os._exit(0)
        try:
            tasks.send(message)
        except OSError:  # the parent has closed the connection
            os._exit(0)
        except Exception as error:  # the result cannot be pickled
            tasks.send(_failed(error))


def _result(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        return "value", function(*arguments)
    except BaseException as error:
        return _failed(error)


def _failed(error: BaseException) -> tuple[Any, ...]:
    return "failed", *TaskFailed.of(error).args


def _prctl(option: int, value: int) -> None:
    """Call prctl on Linux; on other systems, orphans of a task outlive it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)
