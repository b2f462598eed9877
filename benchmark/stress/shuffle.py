"""The same training rows in another order."""

from howrobust import seeds
from howrobust.base.splits import Rows
from howrobust.base.stress import RowStress


class Shuffle(RowStress):
    """Training rows permuted, so that other rows are used for validation.

    The last fifth of the rows validates. A level is the number of a shuffle, each another
    permutation.
    """

    name = "shuffle"
    levels = (1.0, 2.0, 3.0, 4.0)
    unit = "number of the shuffle"
    title = "training and validation rows shuffled"
    ladder = False

    def rows(self, n: int, level: float, seed: int) -> Rows:
        return seeds.generator(seed, self.name, int(level)).permutation(n)
