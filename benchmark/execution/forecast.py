"""Forecasts of many rows, a block at a time, so that memory does not grow with the rows.

Summarising a distribution takes hundreds of floats per row (nodes of a grid, a hundred quantiles);
the summary has thirty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from howrobust import seeds
from howrobust.base.data import Truth
from howrobust.base.method import Posterior
from howrobust.base.tables.frame import Frame, Labels
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast

BLOCK = 8192  # rows


@dataclass(frozen=True)
class TableRows:
    """Rows that a model is given as the table that they stand for, made a block at a time.

    Parameters
    ----------
    X : array of shape (v * n, d)
        v variants of all n rows, one after the other.
    frame : Frame
        How they stand for the table.
    index : pandas.Index or array of shape (n,), optional
        Labels of the n rows; None: the numbers from 0.
    """

    X: Array
    frame: Frame
    index: Labels

    def __len__(self) -> int:
        return len(self.X)

    def __getitem__(self, rows: slice) -> Any:
        numbers = np.arange(*rows.indices(len(self.X)))
        if self.index is not None:
            return self.frame.decode(self.X[rows], self.index[numbers % len(self.index)])
        return self.frame.decode(self.X[rows], numbers)


def forecast_rows(
    posterior: Posterior,
    X: Array | TableRows,
    y: Array,
    step: float,
    truth: Truth | None,
    seed: int,
) -> Forecast:
    """Forecast test rows as `Predictive.forecast` does, block by block.

    Parameters
    ----------
    posterior : Posterior
        A fitted model.
    X : array of shape (n, d), or TableRows
        Inputs.
    y : array of shape (n,)
        Targets.
    step : float
        Step of a discrete target, in units of y; 0 for a continuous one.
    truth : Truth or None
        The true distribution, where it is known.
    seed : int
        Seed of the draws and of randomised PIT values.

    Returns
    -------
    Forecast
        The summary of all rows.
    """
    parts = []
    for k, start in enumerate(range(0, len(X), BLOCK)):
        rows = slice(start, start + BLOCK)
        true = truth.predictive(X[rows]) if truth else None
        pit_seed = seeds.derive(seed, "block", k) if k else seed
        predictive = posterior.predictive(X[rows], seed=seed)
        parts.append(predictive.forecast(y[rows], step, true, pit_seed))
    return joined(parts)


def joined(parts: Sequence[Forecast]) -> Forecast:
    """Return the forecast of the rows of several forecasts, in order.

    Parameters
    ----------
    parts : sequence of Forecast
        Forecasts of one form.

    Returns
    -------
    Forecast
        That of all rows. ``nll_error`` is the mean of theirs, weighted by rows: draws are shared,
        so that errors add, and it is no less than the error of the joined mean. ``crps_error``, a
        bound, is the largest. What is missing from one is missing from all, for the first reason.

    Raises
    ------
    ValueError
        If the forms differ.
    """
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    if any(part.levels != first.levels or _stated(part) != _stated(first) for part in parts):
        raise ValueError("the model states different levels or draws at different rows")
    missing = {name: part.missing[name] for part in reversed(parts) for name in part.missing}
    stated = {f.name for f in fields(Forecast)} - (missing.keys() - {"quantiles"})
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name in stated
        if isinstance(getattr(first, name), np.ndarray)
    }
    if "nll_error" in stated:
        errors = [part.nll_error for part in parts]
        arrays["nll_error"] = float(np.average(errors, weights=[part.n for part in parts]))
    if "crps_error" in stated:
        arrays["crps_error"] = max(part.crps_error for part in parts)
    return first.replaced(**arrays, missing=missing)


def _stated(forecast: Forecast) -> str:
    """Which quantiles a form of distribution states; empty for all."""
    return forecast.missing.get("quantiles", "")
