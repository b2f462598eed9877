"""Rows of a table as finite numbers, for methods that want numbers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from howrobust.base.tables.column import Column
from howrobust.base.tables.frame import Frame
from howrobust.datasets.tables.target_means import TargetMeans, cross_fitted
from howrobust.datasets.tables.treatment import DATE_PARTS, Treatment, date_parts, treatment_of
from howrobust.distributions.arrays import Array
from howrobust.seeds import derive

_DAYS = DATE_PARTS.index("days since")


@dataclass(frozen=True)
class EncodedColumn:
    """A column of a table, and the columns of numbers that it becomes.

    Parameters
    ----------
    treatment : Treatment
        What becomes of it.
    fill : array of shape (f,)
        What stands for a missing value: medians of the training rows; of a column of 0 and 1, its
        mean.
    first : float, default=0.0
        The first training date, in days since 1970-01-01 (UTC).
    means : TargetMeans, optional
        Means of the target by level.
    """

    treatment: Treatment
    fill: Array
    first: float = 0.0
    means: TargetMeans | None = None

    @classmethod
    def of(cls, column: Column, codes: Array, y: Array) -> "EncodedColumn":
        """Learn how to encode a column.

        Parameters
        ----------
        column : Column
            The column.
        codes : array of shape (n,)
            Its training rows, NaN where a value is missing.
        y : array of shape (n,)
            Training targets.

        Returns
        -------
        EncodedColumn
            The column.
        """
        treatment = treatment_of(column, codes)
        present = codes[~np.isnan(codes)]
        if treatment.form == "number":
            return cls(treatment, np.array([np.median(present)]))
        if treatment.form == "0/1" and treatment.levels:
            return cls(treatment, np.array([(present == treatment.levels[1]).mean()]))
        if treatment.form == "date":
            first = float(present.min())
            return cls(treatment, np.median(date_parts(present, first), axis=1), first)
        if treatment.form == "target means":
            means = TargetMeans.of(codes, y, treatment.levels)
            return cls(treatment, np.empty(0), means=means)
        return cls(treatment, np.empty(0))

    def transform(self, codes: Array) -> Iterator[Array]:
        """Encode rows, one column at a time: all of a one-hot would be held twice.

        Parameters
        ----------
        codes : array of shape (n,)
            Numbers, days or codes of categories, NaN where a value is missing.

        Yields
        ------
        array of shape (n,)
            The columns of numbers.
        """
        treatment, missing = self.treatment, np.isnan(codes)
        form = treatment.form
        if form == "number":
            yield np.where(missing, self.fill[0], codes)
        elif form == "0/1" and treatment.levels:
            first, second = treatment.levels
            yield np.where(codes == second, 1.0, np.where(codes == first, 0.0, self.fill[0]))
        elif form == "one-hot":
            # A code that is not a level: with a rest level it is of that, otherwise all are 0.
            rest = np.ones(len(codes))
            for level in treatment.levels:
                column = _is(codes, level)
                rest -= column
                yield column
            if treatment.has_rest:
                yield rest
        elif form == "date":
            parts = date_parts(codes, self.first)
            for k in map(DATE_PARTS.index, treatment.parts):
                yield np.where(missing, self.fill[k], parts[k])
        elif self.means is not None:
            yield self.means.at(codes)
        if form in ("number", "0/1", "date") and treatment.has_missing:
            yield missing.astype(np.float64)

    @property
    def moving(self) -> int | None:
        """Place of the encoded column that grows with the column itself, one to one, if any."""
        if self.treatment.form == "number":
            return 0
        if "days since" in self.treatment.parts:
            return self.treatment.parts.index("days since")
        return None


@dataclass(frozen=True)
class Encoder:
    """Rows of a table as finite numbers, as its training rows decide (law 6).

    Parameters
    ----------
    columns : tuple of EncodedColumn
        The d columns; empty where rows are numbers as they are, and only gaps are filled.
    fill : array of shape (d,)
        Medians of the training rows, which fill gaps where ``columns`` is empty.
    features : tuple of str
        Names of the m encoded columns; one of zeros where every column is left out.
    training : array of shape (n, m)
        The training rows as a method is fitted on them. Means of the target are cross-fitted: no
        target is a part of its own row.
    """

    columns: tuple[EncodedColumn, ...]
    fill: Array
    features: tuple[str, ...]
    training: Array

    @classmethod
    def fit(cls, frame: Frame | None, X: Array, y: Array, seed: int) -> "Encoder":
        """Learn how to encode rows.

        Parameters
        ----------
        frame : Frame or None
            What the columns of X stand for; None: numbers.
        X : array of shape (n, d)
            Training rows, NaN where a value is missing.
        y : array of shape (n,)
            Training targets.
        seed : int
            Seed of the folds of target means.

        Returns
        -------
        Encoder
            The encoder. Finite rows without a frame, and those of a frame of numbers none of which
            is constant, stay as they are: ``training`` is X itself.
        """
        described = _described(frame, X.shape[1])
        names = tuple(str(column.name) for column in described)
        if _as_they_are(frame, described, X):
            return cls((), np.array([np.median(column) for column in X.T]), names, X)
        columns = tuple(EncodedColumn.of(column, X[:, j], y) for j, column in enumerate(described))
        treated = zip(columns, described, strict=True)
        features = tuple(
            name for encoded, column in treated for name in encoded.treatment.names(column)
        ) or ("constant",)
        encoder = cls(columns, np.empty(0), features, np.empty((0, len(features))))
        training = encoder.transform(X)
        at = 0
        for j, (column, encoded) in enumerate(zip(described, columns, strict=True)):
            if encoded.means is not None:
                fold_seed = derive(seed, "column", j)
                levels = encoded.treatment.levels
                training[:, at] = cross_fitted(X[:, j], y, levels, fold_seed)
            at += len(encoded.treatment.names(column))
        return replace(encoder, training=training)

    @property
    def for_new_rows(self) -> "Encoder":
        """The encoder without its training rows, as a fitted model keeps it."""
        return replace(self, training=self.training[:0].copy())

    def transform(self, X: Array) -> Array:
        """Encode rows that are not the training rows.

        Parameters
        ----------
        X : array of shape (k, d)
            Rows, NaN where a value is missing. A category may be one that no training row has.

        Returns
        -------
        array of shape (k, m)
            Finite where the numbers of X are; X itself where it is without gaps and stays as it is.
        """
        if not self.columns:
            missing = np.isnan(X)
            return np.where(missing, self.fill, X) if missing.any() else X
        encoded = np.zeros((len(X), len(self.features)))
        at = 0
        for j, column in enumerate(self.columns):
            for values in column.transform(X[:, j]):
                encoded[:, at] = values
                at += 1
        return encoded

    def gradient(self, of_encoded: Array, X: Array) -> Array:
        """Return the gradient of a function by the columns of the table.

        Parameters
        ----------
        of_encoded : array of shape (k, m)
            Its gradient by the encoded columns.
        X : array of shape (k, d)
            The rows.

        Returns
        -------
        array of shape (k, d)
            The gradient; 0 for categories, identifiers, constants and missing values. That of a
            date is by its days.
        """
        missing = np.isnan(X)
        if not self.columns:
            return np.where(missing, 0.0, of_encoded) if missing.any() else of_encoded
        gradient, at = np.zeros(X.shape), 0
        counts = [
            sum(1 for _ in column.transform(X[:1, j])) for j, column in enumerate(self.columns)
        ]
        for j, (column, count) in enumerate(zip(self.columns, counts, strict=True)):
            if column.moving is not None:
                gradient[:, j] = np.where(missing[:, j], 0.0, of_encoded[:, at + column.moving])
            at += count
        return gradient


def _described(frame: Frame | None, d: int) -> tuple[Column, ...]:
    if frame is not None:
        return frame.columns
    return tuple(Column(f"x{j}", "number", np.dtype(np.float64)) for j in range(d))


def _as_they_are(frame: Frame | None, described: tuple[Column, ...], X: Array) -> bool:
    """Return whether rows stay as they are. Arrays may have constant columns: methods take them."""
    if np.isnan(X).any() or any(column.kind != "number" for column in described):
        return False
    return frame is None or bool((X[:1] != X).any(axis=0).all())


def _is(codes: Array, level: float) -> Array:
    same = np.isnan(codes) if np.isnan(level) else codes == level
    return np.asarray(same, dtype=np.float64)
