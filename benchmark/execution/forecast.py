"""Forecasts of many rows, a block at a time, so that memory does not grow with the rows.

Summarising a distribution takes hundreds of floats per row (nodes of a grid, a hundred quantiles);
the summary has thirty.
"""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np

from howrobust import seeds
from howrobust.base.data import Truth
from howrobust.base.method import Posterior
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import Forecast

BLOCK = 8192  # rows


def forecast_rows(
    posterior: Posterior, X: Array, y: Array, step: float, truth: Truth | None, seed: int
) -> Forecast:
    """Forecast test rows as `Predictive.forecast` does, block by block.

    Parameters
    ----------
    posterior : Posterior
        A fitted model.
    X : array of shape (n, d)
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
    return _joined(parts)


def _joined(parts: Sequence[Forecast]) -> Forecast:
    """Return the forecast of the rows of several forecasts, in order.

    ``nll_error`` is the mean of theirs, weighted by rows: draws are shared, so that errors add, and
    it is no less than the error of the joined mean. ``crps_error``, a bound, is the largest.
    """
    if len(parts) == 1:
        return parts[0]
    rows = np.array([len(part.mean) for part in parts])
    arrays = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts], axis=-1)
        for field in fields(Forecast)
        if isinstance(getattr(parts[0], field.name), np.ndarray)
    }
    return Forecast(
        **arrays,
        n_components=parts[0].n_components,
        nll_error=float(np.average([part.nll_error for part in parts], weights=rows)),
        crps_error=max(part.crps_error for part in parts),
        step=parts[0].step,
        variants=parts[0].variants,
    )
