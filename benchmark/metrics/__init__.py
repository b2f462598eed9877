"""Metrics: pure functions of a `Forecast`, the observed y and the scale of the training target.

`score` computes all of them for one predictive distribution. The definitions and their sources
stand on the functions; units are those of the target unless said.
"""

import numpy as np
from numpy.typing import ArrayLike

from howrobust.base.metric import Metric, Undefined, evaluate
from howrobust.distributions.predictive import Predictive
from howrobust.metrics import calibration, point, proper, sharpness, worst

METRICS: tuple[Metric, ...] = (
    *point.METRICS,
    *proper.METRICS,
    *calibration.METRICS,
    *sharpness.METRICS,
    *worst.METRICS,
)


def score(predictive: Predictive, y: ArrayLike, y_scale: float | None = None) -> dict[str, float]:
    """Score a predictive distribution at the observed y (n,).

    ``y_scale`` is the sd of the clean training target; without it ``nll_std`` is left out. Metrics
    that are undefined for this forecast (a rank correlation with a constant sd, say) are left out.
    Raises ValueError if y is not (n,) or not finite.

    >>> from howrobust.distributions.predictive import GaussianMixture
    >>> found = score(GaussianMixture([[5.0], [-5.0]], 0.1), [5.0])
    >>> round(found["nll"], 4), round(found["nll_gaussian"], 4)
    (-0.6905, 3.0284)
    """
    y = np.asarray(y, dtype=np.float64)
    if not np.isfinite(y).all():
        raise ValueError("y must be finite")
    forecast = predictive.forecast(y)
    found = {m.name: evaluate(m, forecast, y, y_scale) for m in METRICS}
    return {name: value for name, value in found.items() if not isinstance(value, Undefined)}


__all__ = ["METRICS", "Metric", "Undefined", "evaluate", "score"]
