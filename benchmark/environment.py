"""What a run was made with: versions, processor, threads, and the GPU as a worker sees it."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

PACKAGES = (
    "howrobust",
    "torch",
    "torchbnn",
    "numba",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
)


def describe() -> dict[str, str]:
    """Return versions and hardware as text, without importing any of the packages."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": str(usable_cores()),
        "loops": loops(),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def loops() -> str:
    """Say what trains and samples networks on a CPU here: their results differ by rounding."""
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    return "torch" if disabled or find_spec("numba") is None else "numba"


def usable_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def gpu() -> str:
    """Ask torch for a GPU, in a process of its own: a driver may take memory for good."""
    ask = (
        "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else 'none')"
    )
    command = [sys.executable, "-c", ask]
    try:
        done = subprocess.run(  # nosec B603 # this interpreter, a constant text
            command, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return "unknown: torch did not answer in two minutes"
    return done.stdout.strip() or "unknown"
