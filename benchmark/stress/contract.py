"""What a stress is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from howrobust.predictive import Array


@dataclass(frozen=True)
class Context:
    """What an input stress may know of the clean training rows: mean, sd and range, each (d,)."""

    mean: Array
    sd: Array
    lower: Array
    upper: Array

    @classmethod
    def of(cls, X: Array) -> "Context":
        """Describe training inputs X (n, d)."""
        return cls(X.mean(axis=0), X.std(axis=0), X.min(axis=0), X.max(axis=0))


class InputStress(ABC):
    """Changes the inputs a fitted model is given; nothing is refitted.

    Laws: level 0 is clean and returns X itself; one random draw per row and entry, made from
    ``seed`` alone, is scaled or thresholded by the level, so that levels are nested and every
    method meets the same inputs. ``levels`` ascend and are greater than 0.
    """

    name: str
    levels: tuple[float, ...]
    unit: str

    @abstractmethod
    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        """Return stressed inputs (n, d); X and y are left as they are."""
