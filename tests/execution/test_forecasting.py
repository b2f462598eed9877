"""Many rows are forecast in blocks, and nothing but memory says so."""

from dataclasses import fields

import numpy as np
import pytest

from howrobust.base.data import Truth
from howrobust.base.method import Posterior
from howrobust.distributions.forecast import Forecast
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.execution import forecast


class Line(Posterior):
    """Three lines with their own sds, as draws from a posterior."""

    def predictive(self, X, draws=None, seed=0):
        slopes = np.array([[0.9], [1.0], [1.2]])
        return GaussianMixture(slopes * X[:, 0], np.full((3, len(X)), 0.5), sampled=True)


class Known(Truth):
    """The line of slope 1."""

    def predictive(self, X):
        return GaussianMixture(X[:, :1].T, 0.5)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(forecast, "BLOCK", 64)


def whole(X, y, step):
    """The same without blocks."""
    return Line().predictive(X).forecast(y, step, Known().predictive(X), 5)


@pytest.mark.parametrize("n", [64, 65, 200])
@pytest.mark.parametrize("step", [0.0, 0.5])
def test_a_forecast_in_blocks_is_that_of_all_rows(small_blocks, n, step):
    rng = np.random.default_rng(n)
    X, y = rng.normal(size=(n, 2)), np.round(rng.normal(size=n) * 2) / 2
    found = forecast.forecast_rows(Line(), X, y, step, Known(), 5)
    expected = whole(X, y, step)
    assert found.missing == expected.missing == {}
    for field in fields(Forecast):
        if field.name == "missing":
            continue
        if field.name in ("pit", "nll_error", "crps_error") and n > 64:
            continue
        np.testing.assert_allclose(
            getattr(found, field.name), getattr(expected, field.name), rtol=1e-9, atol=1e-12
        )
    if not step:
        np.testing.assert_array_equal(found.pit, found.cdf)


def test_the_randomised_pit_of_blocks_is_uniform_and_repeats_nothing(small_blocks):
    y = np.zeros(640)
    found = forecast.forecast_rows(Line(), np.zeros((640, 1)), y, 1.0, None, 5)
    assert len(np.unique(found.pit)) == 640
    assert (np.abs(found.pit - 0.5) < 0.5).all()


def test_the_monte_carlo_error_of_blocks_is_no_less_than_that_of_all_rows(small_blocks):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 1)), rng.normal(size=500)
    found = forecast.forecast_rows(Line(), X, y, 0.0, None, 5)
    assert found.nll_error >= whole(X, y, 0.0).nll_error > 0
