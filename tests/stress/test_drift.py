"""Each growth is exact: least squares has residuals of mean 0 that no feature correlates with.

The growth is a difference of mean squared errors. Rounding leaves them 1e-13 of the clean error and
the residuals 1e-13 from orthogonal, at features within 1e2 of their sd from the origin; the least
growth here is above 1e-3 of the clean error, so that 1e-8 is a loose bound of what is left.
"""

import numpy as np
import pytest

from howrobust.base.stress_context import Context
from howrobust.stress.drift import DriftGain, DriftOffset

EXACT = 1e-8


def test_a_gain_costs_least_squares_the_known_amount_in_each_feature(line):
    context = Context.of(line.X)
    for level in DriftGain.levels:
        stressed = DriftGain().apply(line.X, line.y, context, level, seed=1)
        known = level**2 * line.weights**2 * line.X.var(axis=0)
        np.testing.assert_allclose(line.growth(stressed).mean(axis=1), known, rtol=EXACT)


def test_an_offset_costs_least_squares_the_known_amount_in_each_feature(line):
    context = Context.of(line.X)
    for level in DriftOffset.levels:
        stressed = DriftOffset().apply(line.X, line.y, context, level, seed=1)
        known = (line.weights * level * line.X.std(axis=0)) ** 2
        np.testing.assert_allclose(line.growth(stressed).mean(axis=1), known, rtol=EXACT)


@pytest.mark.parametrize("stress", [DriftGain(), DriftOffset()])
def test_a_drift_does_not_depend_on_the_origin_of_a_unit(line, stress):
    stressed = stress.apply(line.X, line.y, Context.of(line.X), stress.levels[-1], seed=1)
    shift = np.array([273.0, -50.0, 8.0])
    shifted = stress.apply(
        line.X + shift, line.y, Context.of(line.X + shift), stress.levels[-1], seed=1
    )
    # Values up to 400 are rounded a few times at 2^-53 of that.
    np.testing.assert_allclose(shifted - shift, stressed, rtol=0, atol=1e-11)


@pytest.mark.parametrize("stress", [DriftGain(), DriftOffset()])
def test_one_feature_drifts_at_a_time(line, stress):
    stressed = stress.apply(line.X, line.y, Context.of(line.X), stress.levels[0], seed=1)
    moved = (stressed.reshape(3, *line.X.shape) != line.X).any(axis=1)
    assert (moved == np.eye(3)).all()
    assert stress.apply(line.X, line.y, Context.of(line.X), 0.0, seed=1) is line.X
