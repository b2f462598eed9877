"""Fewer training rows."""

import numpy as np

from howrobust import seeds
from howrobust.base.splits import Rows
from howrobust.base.stress import RowStress


class SmallData(RowStress):
    """Training rows left out: round(level n) of them, but at least two stay.

    Rows are left out in one random order, so that levels are nested; the others keep their order.
    """

    name = "small_data"
    levels = (0.5, 0.75, 0.9)
    unit = "share of training rows left out"
    title = "training rows left out, at as many optimiser steps"
    fixed_steps = True

    def rows(self, n: int, level: float, seed: int) -> Rows:
        order = seeds.generator(seed, self.name).permutation(n)
        return np.sort(order[: max(2, n - round(level * n))])
