"""What an input stress knows of the training rows, and which features it changes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from howrobust.base.tables.column import Column
from howrobust.base.tables.domain import Mask, new_category, of_kind
from howrobust.distributions.arrays import Array

if TYPE_CHECKING:
    from howrobust.base.method import Posterior
    from howrobust.base.tables.frame import Frame

Changes = Literal["features", "numbers", "numbers or dates", "categories", "open categories"]


@dataclass(frozen=True)
class Context:
    """The training rows and the model that an input stress is given.

    A category is a feature whose values are all 0 or 1, or one that a frame states. What a frame
    states to be a category or an identifier has the sd 0, so that no noise, drift or attack moves
    it. Missing values (NaN) are left out; a feature without any value has the sd 0 and NaN for all
    else.

    Parameters
    ----------
    mean, sd : array of shape (d,)
        Mean and sd (ddof 0) of each feature, in its unit.
    lower, upper : array of shape (d,)
        Least and greatest value of each feature, in its unit.
    fill : array of shape (d,)
        What replaces a missing entry: the mean, or the mode of a category.
    is_category : array of bool of shape (d,)
        Which features are categories; not identifiers.
    movable : array of bool of shape (d,)
        Which features hold numbers or dates: all of them without a frame.
    is_id : array of bool of shape (d,)
        Which features are identifiers, which no stress changes; none without a frame.
    unseen : array of shape (d,)
        Code of a category that no training row has: the number of categories; NaN for a feature
        that is none of a frame's categories.
    frequencies : tuple of (array of shape (k,) or None)
        Of each column of a frame that holds k categories, the share of the training rows that have
        each, of those that have one; None for any other feature.
    posterior : Posterior, optional
        The fitted model, for attacks.
    frame : Frame, optional
        How X stands for a table, where it does.
    """

    mean: Array
    sd: Array
    lower: Array
    upper: Array
    fill: Array
    is_category: Mask
    movable: Mask
    is_id: Mask
    unseen: Array
    frequencies: "tuple[Array | None, ...]"
    posterior: "Posterior | None" = None
    frame: "Frame | None" = None

    @classmethod
    def of(
        cls, X: Array, posterior: "Posterior | None" = None, frame: "Frame | None" = None
    ) -> "Context":
        """Describe training inputs.

        Parameters
        ----------
        X : array of shape (n, d)
            Clean training inputs; NaN for missing values.
        posterior : Posterior, optional
            The model fitted on them.
        frame : Frame, optional
            How X stands for a table, where it does.

        Returns
        -------
        Context
            The context of stresses of that model.
        """
        d = X.shape[1]
        mean, sd, lower, upper = _moments(X)
        movable = changed_features("numbers or dates", frame, d)
        sd[~movable] = 0
        is_binary = ((X == 0) | (X == 1) | np.isnan(X)).all(axis=0)
        is_binary &= movable & ~np.isnan(mean)
        is_category = is_binary | changed_features("categories", frame, d)
        fill = mean.copy()
        for j in np.flatnonzero(is_category | ~movable):
            values, counts = np.unique(X[~np.isnan(X[:, j]), j], return_counts=True)
            fill[j] = values[counts.argmax()] if len(values) else np.nan
        frequencies: list[Array | None] = [None] * d
        if frame is not None:
            frequencies = [*map(_frequencies, frame.columns, X.T)]
        known = [np.nan if each is None else float(len(each)) for each in frequencies]
        return cls(
            mean=mean,
            sd=sd,
            lower=lower,
            upper=upper,
            fill=fill,
            is_category=is_category,
            movable=movable,
            is_id=np.zeros(d, np.bool_) if frame is None else of_kind(frame.columns, "id"),
            unseen=np.array(known),
            frequencies=tuple(frequencies),
            posterior=posterior,
            frame=frame,
        )


def changed_features(changes: Changes, frame: "Frame | None", d: int) -> Mask:
    """Return which features a stress changes.

    Parameters
    ----------
    changes : {"features", "numbers", "numbers or dates", "categories", "open categories"}
        What it changes; open categories may have a new one, see `new_category`.
    frame : Frame or None
        How X stands for a table; None: all features are numbers.
    d : int
        Number of features.

    Returns
    -------
    array of bool of shape (d,)
        Whether each is changed.
    """
    if frame is None or changes == "features":
        return np.full(d, changes not in ("categories", "open categories"))
    if changes == "categories":
        return of_kind(frame.columns, "category")
    if changes == "open categories":
        is_open = [new_category(column) is not None for column in frame.columns]
        return of_kind(frame.columns, "category") & np.array(is_open, dtype=np.bool_)
    is_date = of_kind(frame.columns, "date") & (changes == "numbers or dates")
    return of_kind(frame.columns, "number") | is_date


def _moments(X: Array) -> tuple[Array, Array, Array, Array]:
    """Mean, sd, least and greatest value of each feature, of the rows that have one; (d,) each."""
    if not np.isnan(X).any():
        return X.mean(axis=0), X.std(axis=0), X.min(axis=0), X.max(axis=0)
    of = []
    for column in X.T:
        known = column[~np.isnan(column)]
        empty = (np.nan, 0.0, np.nan, np.nan)
        of.append((known.mean(), known.std(), known.min(), known.max()) if len(known) else empty)
    mean, sd, lower, upper = np.array(of).T.copy()
    return mean, sd, lower, upper


def _frequencies(column: Column, codes: Array) -> Array | None:
    """Share of each category (k,) among the rows that have one."""
    if column.kind != "category":
        return None
    known = codes[~np.isnan(codes)].astype(np.int64)
    counts = np.bincount(known, minlength=len(column.categories or ()))
    return np.asarray(counts / max(1, len(known)), dtype=np.float64)
