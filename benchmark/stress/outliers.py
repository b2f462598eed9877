"""Outliers among the training targets."""

from howrobust import seeds
from howrobust.base.stress import TrainStress
from howrobust.distributions.arrays import Array

_DISTANCE = 10.0  # sds of the clean training target


class Outliers(TrainStress):
    """Outliers: max(1, round(level n)) targets moved by 10 sds of the target.

    Each is moved up or down at random. Rows are taken in one random order, and each has one sign,
    so that levels are nested.
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
        outlying = y.copy()
        outlying[moved] += _DISTANCE * y.std() * sign[moved]
        return X, outlying
