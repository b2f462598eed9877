"""What a stress is: of the inputs of a fitted model, or of a fit's rows, region or settings."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.base.data import Source
from howrobust.distributions.predictive import Array

if TYPE_CHECKING:
    from howrobust.base.frames import Frame
    from howrobust.base.method import Posterior


@dataclass(frozen=True)
class Context:
    """What an input stress may know of the clean training rows and of the model fitted on them.

    mean, sd, lower (the least value), upper (the greatest) and fill, each (d,). ``fill`` is what
    stands in for a missing entry: the mean, or the mode of a category, which is a feature whose
    values are all 0 or 1 or which a frame calls one. The codes of a frame's categories have the sd
    0: no noise, drift or attack moves them. ``posterior`` is the fitted model, for attacks.
    """

    mean: Array
    sd: Array
    lower: Array
    upper: Array
    fill: Array
    posterior: "Posterior | None" = None

    @classmethod
    def of(
        cls, X: Array, posterior: "Posterior | None" = None, frame: "Frame | None" = None
    ) -> "Context":
        """Describe training inputs X (n, d)."""
        mean, sd = X.mean(axis=0), X.std(axis=0)
        category = ((X == 0) | (X == 1)).all(axis=0)
        if frame is not None:
            sd[frame.categorical] = 0
            category |= frame.categorical
        fill = mean.copy()
        for j in np.flatnonzero(category):
            values, counts = np.unique(X[:, j], return_counts=True)
            fill[j] = values[counts.argmax()]
        return cls(mean, sd, X.min(axis=0), X.max(axis=0), fill, posterior)


class Stress(ABC):
    """What the stresses of inputs and of training rows share.

    ``levels`` ascend and are greater than 0, in ``unit``; level 0 is clean. Everything random
    comes from the seed handed to ``apply``, and the arrays handed to it are left as they are.
    """

    name: str
    levels: tuple[float, ...]
    unit: str

    @property
    def title(self) -> str:
        """A plain phrase for captions; a subclass may state its own as a class attribute."""
        return self.name.replace("_", " ")


class InputStress(Stress):
    """Changes the inputs a fitted model is given; nothing is refitted.

    Laws: level 0 is clean and returns X itself; one random draw per row and entry, made from
    ``seed`` alone, is scaled or thresholded by the level, so that levels are nested and every
    method meets the same inputs. ``nested`` is False for an attack, which searches anew at every
    level and for every posterior. ``moves_targets`` is True where the true targets of the stressed
    rows are others, so that their error says nothing and only the growth of the sd does.
    ``scored_by`` is the metric that shows what it does. ``in_turn`` is True where the variants are
    features, each stressed alone.
    """

    nested: bool = True
    moves_targets: bool = False
    scored_by: str = "rmse"
    in_turn: bool = False

    @abstractmethod
    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        """Return stressed inputs (v n, d): v variants of all n rows, one after the other.

        Rows k n to (k + 1) n are variant k of X (n, d); y (n,) are the targets of every variant.
        v is the same at all levels above 0, and 1 for most stresses and at level 0. X and y are
        left as they are.
        """


class TrainStress(Stress):
    """Changes the training rows before a fit; test rows stay clean.

    Laws: level 0 is clean and returns the rows as they are; one random draw per row, made from
    ``seed`` alone, is scaled or thresholded by the level, so that levels are nested: the rows that
    a level leaves as they are, every lower level leaves as they are. Rows keep their order, so
    that the validation rows are still the last fifth as given, and at least two rows are left.

    ``ladder`` is False where levels number repeats rather than severities: they are then drawn
    apart, need not be nested, and may change the order of rows. ``fixed_steps`` asks for as many
    optimiser steps as on the clean rows, so that fewer rows do not also mean a shorter training:
    the harness scales the epochs of methods that have them.
    """

    ladder: bool = True
    fixed_steps: bool = False

    @abstractmethod
    def apply(self, X: Array, y: Array, level: float, seed: int) -> tuple[Array, Array]:
        """Return stressed training rows X (m, d) and y (m,); those given are left as they are."""


class SplitStress(Stress):
    """Holds out a region of the inputs in place of rows at random; the model is fitted on the rest.

    ``family`` is that of the splits. They are held against `Thirds`, random splits of their size.
    """

    family: str
    levels = (1.0,)
    unit = "region held out"

    @abstractmethod
    def splits(self, source: Source, seed: int) -> list[str]:
        """Return the names of the splits; BadInput for a source without such a family."""


class SettingStress(Stress):
    """Multiplies one setting of a method, which is fitted anew: how much was the choice worth?"""

    levels = (0.5, 2.0)
    unit = "times the setting"
    title = "one setting halved and doubled"

    @abstractmethod
    def change(self, settings: dict[str, Any], factor: float) -> dict[str, Any]:
        """Return the settings that change, with their new values; empty where there is none."""


def each_in_turn(X: Array, changed: Array) -> Array:
    """Return d variants of X (n, d), one after the other: in variant j, feature j is ``changed``.

    ``changed`` is (n, d), or (d,) for values that all rows share. Returns (d n, d).
    """
    n, d = X.shape
    feature = np.arange(d)
    variants = np.repeat(X[None], d, axis=0)
    variants[feature, :, feature] = np.broadcast_to(changed, X.shape).T
    return variants.reshape(d * n, d)
