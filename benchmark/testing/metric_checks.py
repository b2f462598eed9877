"""The laws of metrics."""

import numpy as np

from howrobust.base.metric import Metric, Undefined, evaluate
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.testing.laws import Finding, Law, require, try_laws

N_ROWS = 60


def check_metric(metric: Metric) -> list[Finding]:
    """Check the laws of `Metric`, on mixtures of four Gaussians at 60 points.

    Parameters
    ----------
    metric : Metric
        The metric.

    Returns
    -------
    list of Finding
        One for each law.
    """
    return try_laws(metric, LAWS)


def _value(metric: Metric, *, permuted: bool = False) -> float | Undefined:
    rng = np.random.default_rng(0)
    means, y = rng.normal(size=(4, N_ROWS)), rng.normal(size=N_ROWS)
    rows = rng.permutation(N_ROWS) if permuted else np.arange(N_ROWS)
    mixture = GaussianMixture(means[:, rows], 0.5 + np.abs(means[:, rows]))
    return evaluate(metric, mixture.forecast(y[rows]), y[rows], 1.0)


def _value_or_reason(metric: Metric) -> None:
    value = _value(metric)
    allowed = isinstance(value, float) or (isinstance(value, Undefined) and value.reason)
    require(allowed, f"it returned {value!r}")


def _row_order_is_irrelevant(metric: Metric) -> None:
    first, second = _value(metric), _value(metric, permuted=True)
    if isinstance(first, float) and isinstance(second, float):
        np.testing.assert_allclose(first, second, rtol=1e-9)
    else:
        require(first == second, "the order of rows changes whether it is defined")


LAWS: list[Law[Metric]] = [
    ("a finite value, or undefined with a reason", _value_or_reason),
    ("the order of rows does not matter", _row_order_is_irrelevant),
]
