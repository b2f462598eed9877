"""The example scripts run as they stand, on fewer draws."""

import subprocess
import sys
from pathlib import Path

from commandline import environment

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_bayesian_band_widens_beyond_the_rows_and_the_deterministic_one_does_not(tmp_path):
    script = EXAMPLES / "deterministic_against_bayesian.py"
    words = ["--draws", "300", "--epochs", "300", "--units", "50", "--out", "figure.png"]
    done = subprocess.run(
        [sys.executable, script, *words],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    widths = {}
    for line in done.stdout.splitlines():
        name, _, rest = line.partition(": the 95% band is ")
        widths[name] = [float(word) for word in rest.split() if word[0].isdigit()]
    assert widths["deterministic"][0] == widths["deterministic"][1]
    assert widths["Bayesian"][0] < widths["Bayesian"][1]
    assert (tmp_path / "figure.png").stat().st_size > 1000
