"""Gaussian noise on every feature."""

from howrobust import seeds
from howrobust.base.stress import InputStress
from howrobust.base.stress_context import Context
from howrobust.distributions.arrays import Array


class InputNoise(InputStress):
    """Gaussian noise on every feature: X + level * sd * e, e standard normal.

    sd is that of the clean training rows.
    For a linear model with weights w the mean squared error grows by level^2 sum (w sd)^2.
    """

    name = "input_noise"
    levels = (0.05, 0.1, 0.2, 0.4, 0.8)
    unit = "training sd"
    title = "Gaussian noise on every feature"

    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        if level == 0:
            return X
        noise = seeds.generator(seed, self.name).standard_normal(X.shape)
        return X + level * context.sd * noise
