"""A median of interleaved paired ratios, held against the ratio that is committed."""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

RATIOS = Path(__file__).with_name("ratios.json")
SLACK = 1.3
ATTEMPTS = 3


def kind() -> str:
    """The kind of machine that ratios are committed for: its cores decide them.

    The same vectors are not enough: on one processor with 512-bit vectors the products of a deep
    network run at the speed of the library's, on another at half of it.
    """
    import platform

    from llvmlite.binding import get_host_cpu_name

    return f"{platform.machine()}-{get_host_cpu_name()}"


def everything(path: Path = RATIOS) -> dict[str, dict[str, float]]:
    """Committed ratios by kind of machine and case."""
    return json.loads(path.read_text()) if path.is_file() else {}


def committed(path: Path = RATIOS) -> dict[str, float]:
    """Ratios by case for this kind of machine; empty where none were ever committed."""
    return everything(path).get(kind(), {})


def commit(ratios: dict[str, float], path: Path = RATIOS) -> None:
    """Write the ratios of this kind of machine, leaving those of others."""
    held = everything(path)
    held[kind()] = {name: round(ratio, 3) for name, ratio in ratios.items()}
    path.write_text(json.dumps(held, indent=2) + "\n")


def paired_ratio(
    reference: Callable[[], object],
    ours: Callable[[], object],
    pairs: int,
    clock: Callable[[], float] = perf_counter,
) -> tuple[float, float, float]:
    """Median of reference / ours over interleaved pairs, and the median seconds of each.

    What slows a noisy machine slows both halves of a pair; every other pair runs the other way
    round.
    """
    found = []
    for k in range(pairs):
        seconds = {}
        for half in (reference, ours) if k % 2 else (ours, reference):
            start = clock()
            half()
            seconds[half] = clock() - start
        found.append((seconds[reference], seconds[ours]))
    return (
        median(theirs / own for theirs, own in found),
        median(theirs for theirs, _ in found),
        median(own for _, own in found),
    )


def missing(names: set[str], held: dict[str, float]) -> str:
    """What is wrong with the names of the committed ratios; empty where nothing is."""
    lost, new = set(held) - names, names - set(held)
    parts = []
    if lost:
        parts.append(f"no benchmark has the committed name {', '.join(sorted(lost))}")
    if new:
        parts.append(f"no ratio is committed for {', '.join(sorted(new))}")
    return "; ".join(parts)


def passes(measure: Callable[[], float], least: float) -> tuple[bool, float]:
    """Measure up to three times until a ratio reaches ``least``; (whether one did, the best)."""
    best = 0.0
    for _ in range(ATTEMPTS):
        best = max(best, measure())
        if best >= least:
            return True, best
    return False, best
