"""The environment of a run: versions, processor, cores and GPU."""

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
    """Return versions and hardware, without importing any of the packages.

    Returns
    -------
    dict of str to str
        Text by name: "python", "platform", "processor", "cores", "loops", and each package.
    """
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": str(usable_cores()),
        "loops": loops(),
    }
    for package in PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = "not installed"
    return facts


def loops() -> str:
    """Return which library trains and samples networks on a CPU here.

    Returns
    -------
    str
        "numba" or "torch"; their results differ by rounding.
    """
    disabled = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    return "torch" if disabled or find_spec("numba") is None else "numba"


def usable_cores() -> int:
    """Return the number of cores that this process may use.

    Returns
    -------
    int
        At least 1.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Return the name of the processor.

    Returns
    -------
    str
        The model, where the system states it, or else the architecture.
    """
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def gpu() -> str:
    """Return the name of the GPU that torch finds.

    Returns
    -------
    str
        The name, "none" or, where torch cannot tell, "unknown".

    Notes
    -----
    A separate process asks, since a GPU driver may keep memory until its process ends.
    """
    code = (
        "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else 'none')"
    )
    command = [sys.executable, "-c", code]
    try:
        finished = subprocess.run(  # nosec B603 # this interpreter, a constant text
            command, capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired:
        return "unknown: torch did not answer in two minutes"
    return finished.stdout.strip() or "unknown"
