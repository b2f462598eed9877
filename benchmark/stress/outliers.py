"""Outliers among the training targets."""

import numpy as np

from howrobust import seeds
from howrobust.base.stress import TrainStress
from howrobust.distributions.arrays import Array

_DISTANCE = 10.0  # sds of the clean training target


class Outliers(TrainStress):
    """Outliers: max(1, round(level n)) targets moved by 10 sds of the target.

    Each is moved up or down at random. Rows are taken in one random order, and each has one sign,
    so that levels are nested. A positive target stays so, since a model may take no other: where
    all training targets are positive, a move to 0 or below goes up instead, and where none is
    negative, a move below 0 does.
    """

    name = "outliers"
    levels = (0.01, 0.05)
    unit = "share of training targets"
    title = "training targets moved by 10 sd"

    def apply(self, X: Array, y: Array, level: float, seed: int) -> tuple[Array, Array]:
        if level == 0:
            return X, y
        n = len(y)
        rng = seeds.generator(seed, self.name)
        order, sign = rng.permutation(n), rng.choice((-1.0, 1.0), size=n)
        moved = order[: max(1, round(level * n))]
        distance = _DISTANCE * y.std()
        down = y - distance
        leaves = (down <= 0) if y.min() > 0 else (down < 0) & (y.min() == 0)
        outlying = y.copy()
        outlying[moved] += distance * np.where(leaves, 1.0, sign)[moved]
        return X, outlying
