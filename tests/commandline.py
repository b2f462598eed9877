"""The command line in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

# Small and fast, and still every kind of method.
FAST = [
    "-m", "deep_ensemble[epochs=2,n_members=2]",
    "-m", "bayesian_nn[epochs=2,n_draws=300]",
    "-m", "bayesian_ridge",
]  # fmt: skip


def environment(**more):
    """This process's environment, without what would change the output."""
    found = {k: v for k, v in os.environ.items() if k not in ("FORCE_COLOR", "COLUMNS")}
    return {**found, "NO_COLOR": "1", **more}


def howrobust(*arguments, cwd=None, script=False, **more):
    """Run the command line; (exit code, standard output, standard error).

    ``script`` runs the console script, which, unlike ``python -m``, does not search the folder.
    """
    program = [sys.executable, "-m", "howrobust"]
    if script:
        program = [str(Path(sys.executable).with_name("howrobust"))]
    done = subprocess.run(
        [*program, *map(str, arguments)],
        capture_output=True, text=True, cwd=cwd, env=environment(**more), timeout=600, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr
