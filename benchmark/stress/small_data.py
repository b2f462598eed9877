"""Fewer training rows."""

import numpy as np

from howrobust import seeds
from howrobust.base.stress import TrainStress
from howrobust.distributions.arrays import Array


class SmallData(TrainStress):
    """Training rows left out: round(level n) of them, but at least two stay.

    Rows are left out in one random order, so that levels are nested; the others keep their order.
    """

    name = "small_data"
    levels = (0.5, 0.75, 0.9)
    unit = "share of training rows left out"
    title = "training rows left out, at as many optimiser steps"
    fixed_steps = True

    def apply(self, X: Array, y: Array, level: float, seed: int) -> tuple[Array, Array]:
        n = len(y)
        order = seeds.generator(seed, self.name).permutation(n)
        kept = np.sort(order[: max(2, n - round(level * n))])
        return X[kept], y[kept]
