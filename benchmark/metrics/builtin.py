"""All built-in metrics, and scores by them."""

import numpy as np
from numpy.typing import ArrayLike

from howrobust.base.metric import Metric, Undefined, evaluate
from howrobust.distributions.predictive import Predictive
from howrobust.metrics import (
    calibration,
    group_coverage,
    point,
    proper,
    sharpness,
    variance_calibration,
    worst,
)

METRICS: tuple[Metric, ...] = (
    *point.METRICS,
    *proper.METRICS,
    *calibration.METRICS,
    *variance_calibration.METRICS,
    *group_coverage.METRICS,
    *sharpness.METRICS,
    *worst.METRICS,
)


def score(predictive: Predictive, y: ArrayLike, y_scale: float | None = None) -> dict[str, float]:
    """Score a predictive distribution by all built-in metrics.

    Parameters
    ----------
    predictive : Predictive
        The distribution at n inputs.
    y : array of shape (n,)
        Observed targets.
    y_scale : float, optional
        The sd of the clean training target, in target units; without it ``nll_std`` is left out.

    Returns
    -------
    dict of str to float
        Values by name. Metrics that are undefined for this forecast (a rank correlation with a
        constant sd, say) are left out.

    Raises
    ------
    ValueError
        If the shape of y is not (n,) or y is not finite.

    Examples
    --------
    >>> from howrobust.distributions.gaussian_mixture import GaussianMixture
    >>> scores = score(GaussianMixture([[5.0], [-5.0]], 0.1), [5.0])
    >>> round(scores["nll"], 4), round(scores["nll_gaussian"], 4)
    (-0.6905, 3.0284)
    """
    y = np.asarray(y, dtype=np.float64)
    if not np.isfinite(y).all():
        raise ValueError("y must be finite")
    forecast = predictive.forecast(y)
    values = {metric.name: evaluate(metric, forecast, y, y_scale) for metric in METRICS}
    return {name: value for name, value in values.items() if not isinstance(value, Undefined)}
