"""The contract of a stress: of the inputs of a fitted model, or of a fit."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from howrobust.base.data import Source
from howrobust.base.splits import Rows
from howrobust.base.stress_context import Changes, Context, changed_features
from howrobust.base.tables.domain import Mask
from howrobust.distributions.arrays import Array

if TYPE_CHECKING:
    from howrobust.base.tables.frame import Frame


class Stress(ABC):
    """A stress of one of the four kinds below.

    Derive one from `InputStress`, `TrainStress`, `SplitStress` or `SettingStress`.

    Laws: everything random comes from the seed that a stress is given, and the arrays that it is
    given are left as they are.

    Attributes
    ----------
    name : str
        Name of the stress.
    levels : tuple of float
        Severities, ascending and greater than 0; level 0 is clean.
    unit : str
        Unit of the levels.
    """

    name: str
    levels: tuple[float, ...]
    unit: str

    @property
    def title(self) -> str:
        """Phrase for captions; a subclass may state another one."""
        return self.name.replace("_", " ")


class InputStress(Stress):
    """A stress of the inputs of a fitted model; nothing is refitted.

    Laws: level 0 is clean and returns X itself; one random draw per row and entry, made from
    ``seed`` alone, is scaled or thresholded by the level, so that levels are nested and all methods
    are given the same inputs.

    Law: where features are stressed in turn, there are as many variants of each of the m `features`
    that the stress changes, and variant k leaves all features but the (k % m)-th of them as they
    are. An identifier of a table is left as it is.

    Attributes
    ----------
    changes : str, default="features"
        Which features are changed, see `howrobust.base.stress_context.changed_features`: all, or
        "numbers", "numbers or dates", "categories" or "open categories" of a table. Without a table
        all features are numbers.
    makes_missing : bool
        True where entries become NaN. A model that refuses NaN gets training medians instead.
    nested : bool
        False for an attack, which searches anew at every level and for every posterior.
    moves_targets : bool
        True where the true targets of the stressed rows are not those observed, so that only the
        growth of the sd is informative, not the error.
    scored_by : str
        The metric that shows the effect.
    in_turn : bool
        True where the variants are features, each stressed alone.
    ladder : bool
        False where levels are cases, which no severity lies between, such as factors of units.
    """

    changes: Changes = "features"
    makes_missing: bool = False
    nested: bool = True
    moves_targets: bool = False
    scored_by: str = "rmse"
    in_turn: bool = False
    ladder: bool = True

    def features(self, frame: "Frame | None", d: int) -> Mask:
        """Return which features the stress changes: see `changed_features`.

        Parameters
        ----------
        frame : Frame or None
            How X stands for a table, where it does.
        d : int
            Number of features.

        Returns
        -------
        array of bool of shape (d,)
            Whether each is changed. Where none is, the stress is left out.
        """
        return changed_features(self.changes, frame, d)

    @abstractmethod
    def apply(self, X: Array, y: Array, context: Context, level: float, seed: int) -> Array:
        """Return stressed inputs.

        Parameters
        ----------
        X : array of shape (n, d)
            Clean test inputs; NaN for missing values.
        y : array of shape (n,)
            Their targets.
        context : Context
            The clean training rows and the model.
        level : float
            Severity, one of ``levels``, or 0 for clean inputs.
        seed : int
            Seed of everything random.

        Returns
        -------
        array of shape (v * n, d)
            v variants of all n rows, one after the other, y the targets of each. v is the same at
            all levels above 0; it is 1 for most stresses, and at level 0.
        """


class TrainStress(Stress):
    """A stress of the training rows before a fit; test rows stay clean.

    Laws: level 0 is clean and returns the rows as they are; one random draw per row, made from
    ``seed`` alone, is scaled or thresholded by the level, so that levels are nested: the rows that
    a level leaves as they are, every lower level leaves as they are. Rows keep their order, so
    that the validation rows are still the last fifth as given, and at least two rows are left.

    Attributes
    ----------
    ladder : bool
        False where levels number repeats rather than severities: they are then drawn independently,
        need not be nested, and may change the order of rows.
    fixed_steps : bool
        Whether a fit takes as many optimiser steps as on the clean rows, so that fewer rows do not
        also mean a shorter training: the epochs of methods that have them are scaled.
    """

    ladder: bool = True
    fixed_steps: bool = False

    @abstractmethod
    def apply(self, X: Array, y: Array, level: float, seed: int) -> tuple[Array, Array]:
        """Return stressed training rows.

        Parameters
        ----------
        X : array of shape (n, d)
            Clean training inputs.
        y : array of shape (n,)
            Clean training targets.
        level : float
            Severity, one of ``levels``, or 0 for clean rows.
        seed : int
            Seed of everything random.

        Returns
        -------
        X : array of shape (m, d)
            Stressed training inputs.
        y : array of shape (m,)
            Stressed training targets.
        """


class RowStress(TrainStress):
    """A stress of the training rows that leaves some out or reorders them, and changes none."""

    @abstractmethod
    def rows(self, n: int, level: float, seed: int) -> Rows:
        """Return the numbers of the rows that are fitted.

        Parameters
        ----------
        n : int
            Number of clean rows.
        level : float
            Severity, one of ``levels``, or 0 for clean rows.
        seed : int
            Seed of everything random.

        Returns
        -------
        array of int of shape (m,)
            Numbers of the rows, in the order in which they are fitted.
        """

    def apply(self, X: Array, y: Array, level: float, seed: int) -> tuple[Array, Array]:
        if level == 0:
            return X, y
        kept = self.rows(len(y), level, seed)
        return X[kept], y[kept]


class SplitStress(Stress):
    """A region of the inputs held out; the model is fitted on the other rows.

    Scores are compared with those of `Thirds`, random splits of the same size.

    Attributes
    ----------
    family : str
        Family of the splits.
    """

    family: str
    levels = (1.0,)
    unit = "region held out"

    @abstractmethod
    def splits(self, source: Source, seed: int) -> list[str]:
        """Return the names of the splits.

        Parameters
        ----------
        source : Source
            The data set.
        seed : int
            Seed of the run.

        Returns
        -------
        list of str
            Names of splits of the source.

        Raises
        ------
        BadInput
            If the source has no such family of splits.
        """


class SettingStress(Stress):
    """A stress of one setting of a method, which is multiplied before a fit."""

    levels = (0.5, 2.0)
    unit = "times the setting"
    title = "one setting halved and doubled"

    @abstractmethod
    def change(self, settings: dict[str, Any], factor: float) -> dict[str, Any]:
        """Return the settings that change.

        Parameters
        ----------
        settings : dict of str to object
            Settings of the method.
        factor : float
            What the setting is multiplied by.

        Returns
        -------
        dict of str to object
            The settings that change with their new values; empty where the method has none.
        """


def each_in_turn(X: Array, changed: Array, features: Mask | None = None) -> Array:
    """Change one feature at a time.

    Parameters
    ----------
    X : array of shape (n, d)
        Clean inputs.
    changed : array of shape (n, d) or (d,)
        The changed values of every feature, for each row or for all rows.
    features : array of bool of shape (d,), optional
        Which features are changed; all by default.

    Returns
    -------
    array of shape (m * n, d)
        m variants of X, one after the other: in variant k, the k-th of the m features is changed.
    """
    n, d = X.shape
    turned = np.arange(d) if features is None else np.flatnonzero(features)
    m = len(turned)
    variants = np.repeat(X[None], m, axis=0)
    variants[np.arange(m), :, turned] = np.broadcast_to(changed, X.shape).T[turned]
    return variants.reshape(m * n, d)
