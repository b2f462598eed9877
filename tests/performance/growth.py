"""How cost grows: one log-log figure, a panel each for draws, points, width, stack and rows.

From the root, `PYTHONPATH=tests python -m performance.growth docs/images/growth.png`.
"""

import sys
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import torch
from performance.cases import bayes_module, least_seconds, loop, moments, points, posterior_of

from howrobust.methods.core.engines.compiled_engine import train_compiled
from howrobust.methods.core.engines.training_job import Schedule, TrainingJob
from howrobust.methods.core.losses.squared_error import SquaredError

RATE = Schedule(5, 100, 0.01)


def sampled(n: int, width: int, draws: int) -> tuple[float, float]:
    """Milliseconds (ours, the loop's) of the moments of 8-width-1."""
    module, X = bayes_module(8, (width,)), points(n, 8)
    posterior, inputs = posterior_of(module), torch.tensor(X).float()
    few = min(draws, 200)
    return (
        1e3 * least_seconds(lambda: moments(posterior, X, draws), 3),
        1e3 * least_seconds(lambda: loop(module, inputs, few), 2) * draws / few,
    )


def trained(stack: int, rows: int) -> float:
    """Milliseconds of five epochs of 13-50-1."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(rows, 13)), rng.normal(size=rows)
    jobs = [TrainingJob(np.arange(rows), k) for k in range(stack)]
    return 1e3 * least_seconds(lambda: train_compiled(SquaredError((50,)), X, y, jobs, RATE), 3)


def panels() -> list[tuple[str, list[int], Callable[[int], object]]]:
    """(what grows, its sizes, milliseconds at a size)."""
    fours = [4**k for k in range(8)]
    return [
        ("draws, 1,000 points of 8-50-1", fours[3:], lambda s: sampled(1000, 50, s)),
        ("points, 1,000 draws of 8-50-1", fours[2:], lambda n: sampled(n, 50, 1000)),
        ("units, 1,000 draws at 300 points", fours[2:6], lambda w: sampled(300, w, 1000)),
        ("networks, 455 rows, 5 epochs", fours[:6], lambda b: trained(b, 455)),
        ("rows, 20 networks, 5 epochs", [2 * f for f in fours[3:]], lambda n: trained(20, n)),
    ]


def main(path: str) -> None:
    """Measure, draw and print."""
    torch.set_num_threads(1)
    figure, axes = plt.subplots(1, 5, figsize=(17, 3.4), layout="constrained")
    for axis, (title, sizes, cost) in zip(axes, panels(), strict=True):
        found = np.array([cost(size) for size in sizes])
        print(title, dict(zip(sizes, np.round(found, 2).tolist(), strict=True)), flush=True)
        lines = found.reshape(len(sizes), -1).T
        for line, name, style in zip(lines, ("howrobust", "loop"), ("o-", "s--"), strict=False):
            axis.loglog(sizes, line, style, label=name)
        axis.set(title=title, xlabel=title.split(",")[0], ylabel="ms" if axis is axes[0] else "")
        axis.title.set_fontsize(9)
        axis.grid(True, which="major", alpha=0.3)
    axes[0].legend()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(sys.argv[1])
