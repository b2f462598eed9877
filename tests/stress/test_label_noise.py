import numpy as np
import pytest

from howrobust.datasets.synthetic import Quintic
from howrobust.stress.label_noise import LabelNoise

FUNCTIONS = {"linear": (lambda x: 3 * x - 1, 1), "quintic": (lambda x: x**5 - 10 * x + 1, 5)}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_clean_error_of_least_squares_grows_by_the_known_amount(name):
    f, degree = FUNCTIONS[name]
    n = 200_000
    x = np.linspace(-2, 2, n)
    y = f(x) + 2 * np.random.default_rng(0).random(n) - 1
    basis, _ = np.linalg.qr(np.vander(x, degree + 1))
    for p in LabelNoise.levels:
        _, noisy = LabelNoise().apply(x[:, None], y, p, seed=1)
        fitted = basis @ (basis.T @ noisy)
        growth = np.mean((fitted - f(x)) ** 2)
        # fitted - f = -p (f - mean f) + e. With v(x) the variance of a target given x, estimated by
        # the squared residuals, the part of e along f - mean f has the standard error below, and
        # e^2 the mean below; 5 standard errors and 10 times the mean are allowed.
        squared = (noisy - fitted) ** 2
        along = (f(x) - f(x).mean()) / f(x).std()
        error = np.sqrt(np.mean(along**2 * squared) / n)
        mean_square = np.sum(basis**2 * squared[:, None]) / n
        tolerance = 2 * p * f(x).std() * 5 * error + 10 * mean_square
        assert tolerance < p**2 * f(x).var() / 4
        assert abs(growth - p**2 * f(x).var()) < tolerance


def test_quintic_costs_least_squares_an_rmse_of_2_71_at_the_highest_level():
    test = Quintic().realise("draw-0", 0)[1]
    f = test.X[:, 0] ** 5 - 10 * test.X[:, 0] + 1
    assert np.sqrt(1 / 3 + 0.4**2 * f.var()) == pytest.approx(2.71, abs=0.005)


def test_the_stated_share_of_targets_is_drawn_from_the_clean_ones(rows):
    X, y = rows
    before = y
    for p in LabelNoise.levels:
        inputs, noisy = LabelNoise().apply(X, y, p, seed=1)
        changed = noisy != y
        # A row may draw its own target: p rows do on average, more than 5 in 1e-5 of seeds.
        assert round(200 * p) - 5 <= changed.sum() <= round(200 * p)
        assert np.isin(noisy, y).all()
        assert (noisy == before)[before != y].all()
        assert inputs is X
        before = noisy


def test_another_seed_changes_other_targets(rows):
    X, y = rows
    first, second = (LabelNoise().apply(X, y, 0.2, seed)[1] != y for seed in (1, 2))
    assert (first != second).any()
