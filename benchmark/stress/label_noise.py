"""Noise on training targets."""

from howrobust import seeds
from howrobust.base.stress import TrainStress
from howrobust.distributions.arrays import Array


class LabelNoise(TrainStress):
    """The targets of round(level n) rows replaced by those of random rows.

    Replacements are drawn from the clean training targets, whose domain they keep. Rows are taken
    in one random order, and each has one draw, so that levels are nested.

    Given x, a training target then has the mean (1 - p) f(x) + p mean(f) at level p: where the
    model can express f, the clean mean squared error of least squares grows by p^2 var f as n
    grows. That of the best forecast stays sigma^2.
    """

    name = "label_noise"
    levels = (0.05, 0.1, 0.2, 0.4)
    unit = "share of training targets"
    title = "training targets replaced by those of random rows"

    def apply(self, X: Array, y: Array, level: float, seed: int) -> tuple[Array, Array]:
        n = len(y)
        rng = seeds.generator(seed, self.name)
        order, drawn = rng.permutation(n), y[rng.integers(n, size=n)]
        wrong = order[: round(level * n)]
        noisy = y.copy()
        noisy[wrong] = drawn[wrong]
        return X, noisy
