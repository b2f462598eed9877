import numpy as np
import pytest

from howrobust.base.stress_context import Context
from howrobust.stress.input_noise import InputNoise

SDS = np.array([1.0, 10.0, 0.1])


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(40_000, 3)) * SDS + [0, 100, 5]


def test_the_error_of_a_linear_model_grows_by_the_known_amount(rows):
    weights = np.array([2.0, 0.3, -5.0])
    context = Context.of(rows)
    for level in InputNoise.levels:
        stressed = InputNoise().apply(rows, rows[:, 0], context, level, seed=1)
        grown = np.mean(((stressed - rows) @ weights) ** 2)
        known = level**2 * np.sum((weights * context.sd) ** 2)
        # A mean of n squared normals has a relative error of sqrt(2/n); 5 of those.
        assert grown == pytest.approx(known, rel=5 * np.sqrt(2 / len(rows)))


def test_levels_scale_one_draw_and_level_zero_is_clean(rows):
    context, stress = Context.of(rows), InputNoise()
    clean = stress.apply(rows, rows[:, 0], context, 0.0, seed=1)
    assert clean is rows
    small, large = (stress.apply(rows, rows[:, 0], context, v, seed=1) - rows for v in (0.1, 0.8))
    np.testing.assert_allclose(large, 8 * small, rtol=1e-9, atol=1e-11)
    other = stress.apply(rows, rows[:, 0], context, 0.1, seed=2) - rows
    assert not np.allclose(small, other)
