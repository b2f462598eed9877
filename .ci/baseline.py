"""Compare a run of suite quick with its committed baseline; exit 1 where one is worse or slower.

Speed is compared where the processor is of the baseline's kind, and has to have halved: kinds of
one name differ in vector widths.
"""

import sys
from pathlib import Path

import howrobust as hr

BASELINE = Path(__file__).parents[1] / "tests" / "baselines" / "quick.json"
ALPHA = 0.01  # on another processor the same chance repeats in every run
MAX_SLOWDOWN = 2.0


def main(new: str) -> int:
    """Print the verdict, and return the exit code."""
    found = hr.compare(BASELINE, new, alpha=ALPHA, max_slowdown=MAX_SLOWDOWN)
    if not found.speed.paces:
        print(f"skipped: speed is not compared ({found.speed.reason})")
        found = hr.compare(BASELINE, new, alpha=ALPHA)
    print(found)
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
