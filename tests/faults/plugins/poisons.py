"""A third party's method that goes wrong in every way there is, on some of its problems."""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np

from howrobust.base.method import Posterior, SingleMethod
from howrobust.distributions.gaussian_mixture import GaussianMixture

NOISE = b"\x1b[2J\x1b[31m\x07\xff\x00garbage\r" * 50_000  # a megabyte


class Mean(Posterior):
    """The training target's mean and sd; ``how`` says what goes wrong, None nothing."""

    def __init__(self, y, how=None):
        self.y, self.how = y, how

    def predictive(self, X, draws=None, seed=0):
        rows = len(X)
        if self.how == "predict raises":
            raise LookupError("no forecast by design")
        if self.how == "predict raises under stress" and np.abs(X).max() > 2:
            raise LookupError("no forecast by design")
        if self.how == "predict exits":
            os._exit(3)
        if self.how == "predict hangs":
            time.sleep(3600)
        if self.how == "predict of NaN":
            return GaussianMixture(np.full((1, rows), np.nan), 1.0)
        if self.how == "predict of the wrong shape":
            rows += 1
        if self.how == "predict of nothing":
            return None
        if self.how == "predict mutates":
            X[:] = 0
        return GaussianMixture(np.full((1, rows), self.y.mean()), self.y.std())

    def facts(self):
        if self.how == "facts are no numbers":
            return {"fact": Evil()}
        return {}


class Evil(Exception):  # noqa: N818
    """Can neither be printed nor pickled."""

    def __str__(self):
        raise SystemExit(4)

    __repr__ = __str__

    def __reduce__(self):
        raise RuntimeError("not to be pickled")


class Beyond(BaseException):
    """No Exception."""


def deep(n):
    """Recurse for ever."""
    return deep(n + 1)


def raise_(error):
    """Raise as an expression."""
    raise error


def ignore_terminate():
    """Hang, deaf to what can be ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(3600)


def out_of_memory():
    """Ask for 64 GiB where one is left."""
    with open("/proc/self/statm") as file:
        limit = int(file.read().split()[0]) * resource.getpagesize() + 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return np.ones(2**33)


def make_noise():
    """Write megabytes that are no text, and leave no terminal as it was."""
    for file in (1, 2):
        os.write(file, NOISE)
        os.write(file, NOISE)
    print("\x1b[31m garbage", file=sys.stdout)


def hold_the_lock():
    """Never let another thread of this interpreter run."""
    ctypes.PyDLL(None).sleep(3600)


def note(*pids):
    """Write down whose end is to be looked for, in the file that the environment names."""
    name = os.environ.get("POISON_PIDS")
    if name:
        with open(name, "a") as file:
            file.write(" ".join(map(str, pids)) + "\n")


def leave_children():
    """Start a child and a daemon that has left every group, both deaf to SIGTERM; note all pids."""
    sleep = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    detach = (
        "import os, subprocess, sys\n"
        f"p = subprocess.Popen([sys.executable, '-c', {sleep!r}], start_new_session=True,"
        " stdout=subprocess.DEVNULL)\n"
        "print(p.pid, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", sleep])
    daemon = subprocess.run([sys.executable, "-c", detach], stdout=subprocess.PIPE, check=True)
    note(os.getpid(), child.pid, int(daemon.stdout))


def spoil_the_process():
    """Change all that a process has, so that whoever came next would fail."""
    os.chdir("/")
    os.environ.clear()
    sys.path.clear()
    np.asarray = np.float64 = np.quantile = None
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=lambda: time.sleep(3600)).start()
    raise OSError("spoilt")


def answer_by_half():
    """Begin a message on every socket that there is, and hang."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                os.write(int(name), b"\0\0")
    time.sleep(3600)


def kill(pid, number):
    """Send a signal, and wait for what comes of it."""
    os.kill(pid, number)
    time.sleep(3600)


FIT = {
    "raises": lambda: raise_(RuntimeError("poisoned\nby design")),
    "raises what cannot be printed": lambda: raise_(Evil()),
    "raises a BaseException": lambda: raise_(Beyond("beyond")),
    "raises KeyboardInterrupt": lambda: raise_(KeyboardInterrupt()),
    "raises SystemExit": lambda: sys.exit(5),
    "raises TimeoutError": lambda: raise_(TimeoutError("its own")),
    "raises a novel in colour": lambda: raise_(ValueError("\x1b[31m\x00\ud800" + "x" * 2**21)),
    "recurses": lambda: deep(0),
    "runs out of memory": out_of_memory,
    "exits": lambda: os._exit(7),
    "exits as if all were well": lambda: os._exit(0),
    "is killed": lambda: kill(os.getpid(), signal.SIGKILL),
    "aborts": os.abort,
    "reads where nothing is": lambda: ctypes.string_at(0),
    "kills its guard": lambda: kill(os.getppid(), signal.SIGKILL),
    "hangs": lambda: time.sleep(3600),
    "hangs, deaf to SIGTERM": ignore_terminate,
    "hangs with the interpreter's lock": hold_the_lock,
    "stops itself": lambda: kill(os.getpid(), signal.SIGSTOP),
    "stops its guard": lambda: kill(os.getppid(), signal.SIGSTOP),
    "answers by half and hangs": answer_by_half,
    "asks for input": input,
    "closes every file": lambda: os.closerange(0, 4096),
    "says much and raises": lambda: (make_noise(), raise_(OSError("\x1b[31mloud"))),
    "spoils its process and raises": spoil_the_process,
    "speaks and aborts": lambda: (print("the last words", end="", flush=True), os.abort()),
    "leaves children and hangs": lambda: (leave_children(), time.sleep(3600)),
    "leaves children and raises": lambda: (leave_children(), raise_(OSError("left"))),
}
HARMLESS = {
    "says much": make_noise,
    "leaves children": leave_children,
    "comes back twice": os.fork,
}


def suffer(how):
    """Go wrong as a task of its own."""
    note(os.getpid())
    FIT[how]()


class Poison(SingleMethod):
    """Goes wrong as ``how`` says where the first target is above ``above``, and else is fine."""

    def __init__(self, how="none", above=-np.inf, random_state=None):
        self.how = how
        self.above = above
        self.random_state = random_state

    def infer(self, problem):
        if problem.y[0] <= self.above:
            return Mean(problem.y)
        if self.how == "gives nothing":
            return None
        if self.how == "mutates":
            problem.y[:] = 0
        if self.how == "mutates by force":
            for array in (problem.X, problem.y):
                array.flags.writeable = True
                array += 1.0
        posterior = Mean(problem.y.copy(), self.how)
        {**FIT, **HARMLESS}.get(self.how, lambda: None)()
        return posterior


class Few(Poison):
    """Gives fewer posteriors than there are problems, where one is above."""

    def infer_stack(self, problems):
        found = super().infer_stack(problems)
        return found if all(p.y[0] <= self.above for p in problems) else found[1:]
