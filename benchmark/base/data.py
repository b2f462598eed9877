"""Data sets and their sources, with the truth behind them where it is known."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from howrobust.base.splits import Rows
from howrobust.distributions.arrays import Array
from howrobust.distributions.predictive import Predictive
from howrobust.errors import BadInput

if TYPE_CHECKING:
    from howrobust.base.tables.frame import Frame, Labels

FEWEST_ROWS = 10
_HASHED_ROWS = 65_536
_LARGEST, _SMALLEST = 1e150, 1e-150  # their squares, summed, are still floating-point numbers


@dataclass(frozen=True)
class Dataset:
    """Rows of features and targets.

    Parameters
    ----------
    X : array of shape (n, d)
        Features, float64; NaN for missing values.
    y : array of shape (n,)
        Targets, float64 and finite.
    features : tuple of str
        Names of the d features.
    target : str, default="y"
        Name of the target.
    unit : str, default="-"
        Unit of the target.
    index : pandas.Index or array of shape (n,), optional
        Labels of the rows, which are no part of the hash; None: the numbers from 0.
    """

    X: Array
    y: Array
    features: tuple[str, ...]
    target: str = "y"
    unit: str = "-"
    index: "Labels" = None

    def take(self, rows: Rows) -> "Dataset":
        """Return some of the rows.

        Parameters
        ----------
        rows : array of int of shape (m,)
            Numbers of the rows, from 0.

        Returns
        -------
        Dataset
            The rows, in the order asked for, with their labels.
        """
        labels = np.asarray(rows) if self.index is None else self.index[rows]
        return replace(self, X=self.X[rows], y=self.y[rows], index=labels)

    def join(self, other: "Dataset") -> "Dataset":
        """Return these rows followed by those of another data set.

        Parameters
        ----------
        other : Dataset
            Rows with the same columns.

        Returns
        -------
        Dataset
            All rows, with their labels where either has some.
        """
        X, y = np.concatenate([self.X, other.X]), np.concatenate([self.y, other.y])
        return replace(self, X=X, y=y, index=_joined(self, other))

    @property
    def sha256(self) -> str:
        """Hash of the shape of X, and of X and y as little-endian float64."""
        digest = hashlib.sha256(repr(self.X.shape).encode())
        for array in (self.X, self.y):
            for first in range(0, len(array), _HASHED_ROWS):  # only a block is copied at a time
                digest.update(array[first : first + _HASHED_ROWS].astype("<f8").tobytes())
        return digest.hexdigest()


def _joined(first: Dataset, second: Dataset) -> "Labels":
    """Return the labels of the rows of two data sets, None where neither has any."""
    if first.index is None and second.index is None:
        return None
    import pandas as pd  # 0.65 s to import: only where rows have labels

    parts = [
        pd.RangeIndex(len(data.y)) if data.index is None else pd.Index(data.index)
        for data in (first, second)
    ]
    return parts[0].append(parts[1])


class Truth(ABC):
    """The known distribution p(y | x) behind a synthetic source."""

    @abstractmethod
    def predictive(self, X: Array) -> Predictive:
        """Return the true distribution of y.

        Parameters
        ----------
        X : array of shape (n, d)
            Inputs.

        Returns
        -------
        Predictive
            p(y | x) at each input.
        """


@dataclass(frozen=True)
class Provenance:
    """Where data come from.

    Parameters
    ----------
    title : str
        What is measured, in one phrase.
    source : str
        Who published the data.
    licence : str
        Licence of the data, as far as one was seen.
    unit : str
        Unit of the target.
    """

    title: str
    source: str
    licence: str
    unit: str


class Source(ABC):
    """A data set and its splits.

    Law: `realise` is a function of (split, seed), and no test row is among the training rows.
    Training rows come in random order, so that their last fifth is a fair validation set.

    Law: a split called ``gap-j`` tests on the middle third of feature j, ``tail-k`` on an outer
    third of feature k // 2 (the lower for an even k, the upper for an odd one), and ``third-k`` on
    as many rows at random. A source need not have these families (`THIRDS`).

    Attributes
    ----------
    name : str
        Name of the data set.
    provenance : Provenance
        Where the data come from.
    truth : Truth or None
        The true distribution of the targets, where it is known.
    frame : Frame or None
        How X encodes a table with columns of categories, where it does.
    target_transform : {"none", "log", "yeo-johnson", "auto"}
        How the target is transformed for methods that are no model of a user's own.
    """

    name: str
    provenance: Provenance
    truth: Truth | None = None
    frame: "Frame | None" = None
    target_transform: str = "none"

    @abstractmethod
    def splits(self, count: int | None = None, family: str | None = None) -> list[str]:
        """Return the names of splits, such as ``random-0``.

        Parameters
        ----------
        count : int, optional
            Number of splits; None: as many as the source has or proposes.
        family : str, optional
            Family of splits; None: the source's main one.

        Returns
        -------
        list of str
            Names of the first splits of the family.

        Raises
        ------
        BadInput
            If the source has fewer splits or no such family.
        """

    @abstractmethod
    def realise(self, split: str, seed: int) -> tuple[Dataset, Dataset]:
        """Return the training and the test set of a split.

        Parameters
        ----------
        split : str
            Name of the split.
        seed : int
            Seed of the run, for all that is random about the split: its rows, their order, or the
            noise of a synthetic set. The rows of a published split do not depend on it, nor do
            those of a gap or a tail of fixed rows.

        Returns
        -------
        train, test : Dataset
            The training rows, in random order, and the test rows.

        Raises
        ------
        BadInput
            If there is no such split.
        """

    @property
    @abstractmethod
    def sha256(self) -> str:
        """Hash of all rows, or of one realisation of a synthetic set."""


def discrete_step(y: Array) -> float:
    """Return the spacing of a discrete target, or 0 for a continuous one.

    A target is discrete where it has at most one distinct value per five rows, all of them whole
    multiples of the least gap from the least value.

    Parameters
    ----------
    y : array of shape (n,)
        Targets.

    Returns
    -------
    float
        The spacing, in target units.
    """
    values = np.unique(y)
    if len(values) < 2 or 5 * len(values) > len(y):
        return 0.0
    step = float(np.diff(values).min())
    multiples = (values - values[0]) / step
    return step if np.allclose(multiples, np.round(multiples), atol=1e-6) else 0.0


def checked(data: Dataset, name: str) -> Dataset:
    """Check that a regression can be learnt from a data set.

    Parameters
    ----------
    data : Dataset
        The rows.
    name : str
        Name of the data set, for error messages.

    Returns
    -------
    Dataset
        The same data set.

    Raises
    ------
    BadInput
        If it has too few rows, no feature, a feature with infinite values or without a value, or a
        target that is constant, not finite, or whose squares leave float64.
    """
    if len(data.y) < FEWEST_ROWS:
        raise BadInput(f"{name} has {len(data.y)} rows; at least {FEWEST_ROWS} are needed")
    if data.X.shape[1] == 0:
        raise BadInput(f"{name} has no feature columns beside the target {data.target!r}")
    for column, feature in enumerate(data.features):
        _require_usable(data.X[:, column], feature, name)
    _require_finite(data.y, data.target, name)
    _require_finite_squares(data.y, data.target, name)
    return data


def _require_usable(values: Array, column: str, name: str) -> None:
    """Raise BadInput for a feature with infinite values, or with missing ones alone."""
    infinite = int(np.sum(np.isinf(values)))
    if infinite:
        raise BadInput(
            f"column {column!r} of {name} has {infinite} infinite values; "
            "remove or replace those rows"
        )
    if np.isnan(values).all():
        raise BadInput(f"column {column!r} of {name} holds no value; drop it")


def _require_finite(values: Array, column: str, name: str) -> None:
    bad = int(np.sum(~np.isfinite(values)))
    if bad:
        raise BadInput(
            f"column {column!r} of {name} has {bad} missing or infinite values; "
            "remove those rows or fill them in before the run"
        )


def _require_finite_squares(y: Array, target: str, name: str) -> None:
    """Raise BadInput for a target that is constant, or whose squares leave float64."""
    column = f"the target {target!r} of {name}"
    largest = float(np.max(np.abs(y)))
    if largest > _LARGEST:
        raise BadInput(
            f"{column} reaches {largest:.3g}, and its squares overflow; give it in another unit"
        )
    spread = float(np.ptp(y))
    if spread == 0:
        raise BadInput(f"{column} is constant: nothing can be learnt")
    if spread < _SMALLEST:
        raise BadInput(
            f"{column} varies by {spread:.3g}, and its squares underflow; give it in another unit"
        )
