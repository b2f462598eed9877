"""Forecasts of many rows, a block at a time: memory does not grow with the number of rows.

What summarises a distribution holds hundreds of floats a row while it works (nodes of a grid, a
hundred quantiles); what remains of it are thirty.
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
    """Forecast y (n,) at X (n, d): of up to `BLOCK` rows, what `Predictive.forecast` gives.

    More are forecast block by block and joined. ``truth``, where the true distribution is known.
    """
    parts = []
    for k, start in enumerate(range(0, len(X), BLOCK)):
        rows = slice(start, start + BLOCK)
        known = truth.predictive(X[rows]) if truth else None
        pit_seed = seeds.derive(seed, "block", k) if k else seed
        predictive = posterior.predictive(X[rows], seed=seed)
        parts.append(predictive.forecast(y[rows], step, known, pit_seed))
    return joined(parts)


def joined(parts: Sequence[Forecast]) -> Forecast:
    """Return the forecast of all rows of several, in their order.

    ``nll_error`` is the mean of theirs, weighted by rows: draws are shared, so errors add, and it
    is no less than the error of the joined mean. ``crps_error``, a bound, is the largest.
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
