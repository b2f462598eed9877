"""The same training rows in another order."""

from howrobust import seeds
from howrobust.base.stress import TrainStress
from howrobust.distributions.arrays import Array


class Shuffle(TrainStress):
    """Training rows permuted, so that other rows are used for validation.

    The last fifth of the rows validates. A level is the number of a shuffle, each another
    permutation.
    """

    name = "shuffle"
    levels = (1.0, 2.0, 3.0, 4.0)
    unit = "number of the shuffle"
    title = "training and validation rows shuffled"
    ladder = False

    def apply(self, X: Array, y: Array, level: float, seed: int) -> tuple[Array, Array]:
        if level == 0:
            return X, y
        order = seeds.generator(seed, self.name, int(level)).permutation(len(y))
        return X[order], y[order]
