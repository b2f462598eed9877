"""A guard: a small process whose child carries out tasks, and which leaves nothing of it behind.

A task may do to its process what it likes. The guard sees its end and ends, with SIGKILL, all
that descends from it; so it does as soon as whoever holds the other end of the leash lets go, or
dies. Nothing of this needs the task's cooperation, nor its interpreter's.
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

LOOK_EVERY_S = 0.02
LAST_WORDS = 2000  # bytes of what a task wrote that are kept
# From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# A worker is what the kernel is to end when memory runs out, not the parent.
OOM_SCORE = "500"


def guard(
    leash: "Connection[Any, Any]",
    tasks: "Connection[Any, Any]",
    environ: dict[str, str],
    folder: str,
) -> NoReturn:
    """Have a child carry out what ``tasks`` sends it, in ``folder`` and with this environment.

    For each ``(function, arguments)`` the child sends back ``("value", what it returned)`` or
    ``("failed", kind, reason, traceback)``. When the child ends, the guard sends the last bytes
    that it wrote on its standard output and error to ``leash``, and exits with its code, or with
    128 and the number of the signal that ended it.
    """
    os.setsid()  # Ctrl-C of a terminal is for the parent alone
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what loses its parent becomes the guard's own
    output, written = os.pipe()
    own = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(output)
        leash.close()
        _begin(own, written, environ, folder)
        _answer(tasks)
    os.close(written)
    tasks.close()
    tail, status = b"", None
    watched: list[Any] = [leash, output]
    while status is None:
        ready = wait(watched, LOOK_EVERY_S)
        if output in ready:
            part = os.read(output, 2**16)
            tail = (tail + part)[-LAST_WORDS:]
            if not part:
                watched.remove(output)
        if leash in ready:
            break
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        status = None if ended is None else _exit_code(ended)
    _sweep(child)
    if status is not None:
        with suppress(OSError):
            leash.send_bytes(tail)
    os._exit(0 if status is None else status)


def _exit_code(ended: "os.waitid_result") -> int:
    return ended.si_status + (0 if ended.si_code == os.CLD_EXITED else 128)


def _sweep(child: int) -> None:
    """End the child's process group and all that descends from the guard."""
    # The child is not waited for yet, so that the group's number is still its own.
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
        time.sleep(LOOK_EVERY_S / 10)


def _begin(guard_pid: int, written: int, environ: dict[str, str], folder: str) -> None:
    """Begin a child: in a process group of its own, heard by the guard alone."""
    os.setpgid(0, 0)
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard_pid:  # it died before the line above
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(old, new)
    os.close(nothing)
    os.close(written)
    # The fork server may be older than what its parent has become since.
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)


def _answer(tasks: "Connection[Any, Any]") -> NoReturn:
    """Carry out task after task; neither threads nor what is to happen at exit delays the end."""
    own = os.getpid()
    while True:
        try:
            function, arguments = tasks.recv()
        except EOFError:
            os._exit(0)
        except Exception as error:  # its module does not import here
            message = _failed(error)
        else:
            message = _carried_out(function, arguments)
        if os.getpid() != own:  # a copy that the task has made of itself
            os._exit(0)
        try:
            tasks.send(message)
        except OSError:  # nobody listens any more
            os._exit(0)
        except Exception as error:  # it cannot be pickled
            tasks.send(_failed(error))


def _carried_out(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        return "value", function(*arguments)
    except BaseException as error:
        return _failed(error)


def _failed(error: BaseException) -> tuple[Any, ...]:
    return "failed", *TaskFailed.of(error).args


def _prctl(option: int, value: int) -> None:
    """Ask the Linux kernel; elsewhere nothing happens, and orphans of a task outlive it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)
