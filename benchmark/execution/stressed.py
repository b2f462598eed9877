"""Stressed test rows, as the columns of a table can hold them and as a model takes them."""

from collections.abc import Callable

import numpy as np

from howrobust.base.stress import InputStress
from howrobust.base.stress_context import Context
from howrobust.base.tables.domain import Mask
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast


def stressed_inputs(
    stress: InputStress, X: Array, y: Array, context: Context, level: float, seed: int
) -> Array:
    """Put inputs under a stress and keep them to what their columns can hold.

    Parameters
    ----------
    stress : InputStress
        The stress.
    X : array of shape (n, d)
        Clean test inputs.
    y : array of shape (n,)
        Their targets.
    context : Context
        The clean training rows and the model.
    level : float
        Severity.
    seed : int
        Seed of the stress.

    Returns
    -------
    array of shape (v * n, d)
        v variants of all rows; of a table, with identifiers as they were, whole numbers whole, and
        numbers within the bounds of their column.
    """
    stressed = stress.apply(X, y, context, level, seed)
    if context.frame is None:
        return stressed
    ids = np.tile(X[:, context.is_id], (len(stressed) // len(X), 1))
    if not np.array_equal(stressed[:, context.is_id], ids, equal_nan=True):
        stressed = stressed.copy()
        stressed[:, context.is_id] = ids
    return context.frame.within(stressed)


class MissingValues:
    """Whether a fitted model takes missing values, which is found out once.

    Parameters
    ----------
    train : array of shape (n, d)
        Clean training inputs.
    context : Context
        What is known of them.

    Attributes
    ----------
    refused : bool
        Whether the model has failed on rows with missing values, and not on the same rows filled.
    """

    def __init__(self, train: Array, context: Context) -> None:
        self._train = train
        self._context = context
        self.refused = False

    def forecast(self, forecast: Callable[[Array], Forecast], X: Array, clean: Array) -> Forecast:
        """Forecast rows with missing values, or the same rows filled where the model refuses them.

        Parameters
        ----------
        forecast : callable
            Forecasts rows (v * n, d).
        X : array of shape (v * n, d)
            Stressed inputs.
        clean : array of shape (n, d)
            The same inputs without stress.

        Returns
        -------
        Forecast
            That of the rows; where the model refuses them, that of rows whose entries missing by
            the stress are the training median, or the most frequent category.

        Raises
        ------
        Exception
            What the model has raised at the rows with missing values, where it fails on the filled
            rows too.
        """
        missing = np.isnan(X)
        if missing.any():
            missing &= ~np.isnan(np.tile(clean, (len(X) // len(clean), 1)))
        if not missing.any():
            return forecast(X)
        if self.refused:
            return forecast(self._filled(X, missing))
        try:
            return forecast(X)
        except Exception as refusal:
            try:
                filled = forecast(self._filled(X, missing))
            except Exception:
                raise refusal from None
            self.refused = True
            return filled

    def _filled(self, X: Array, missing: Mask) -> Array:
        filled = np.where(missing, self._medians(), X)
        frame = self._context.frame
        return filled if frame is None else frame.within(filled)

    def _medians(self) -> Array:
        """Median of each feature, mode of a category (d,); NaN for a feature without values."""
        medians = self._context.fill.copy()
        known = ~np.isnan(medians) & ~self._context.is_category & ~self._context.is_id
        medians[known] = np.nanmedian(self._train[:, known], axis=0)
        return medians
