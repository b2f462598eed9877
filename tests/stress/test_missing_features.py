import numpy as np
import pytest

from howrobust.base.stress_context import Context
from howrobust.stress.missing_features import MissingFeatures


def test_the_error_of_least_squares_grows_by_the_known_amount(line):
    context, w = Context.of(line.X), line.weights
    covariance = np.cov(line.X.T, ddof=0)
    for p in MissingFeatures.levels:
        growth = line.growth(MissingFeatures().apply(line.X, line.y, context, p, seed=1))
        known = p * (1 - p) * np.sum(w**2 * context.sd**2) + p**2 * w @ covariance @ w
        # Which entries are missing is drawn row by row, so that the mean over n rows has at most
        # this standard error; 5 of those.
        error = growth.std() / np.sqrt(growth.size)
        assert abs(growth.mean() - known) < 5 * error
    # At the last level the formula is far from that of features without correlations.
    assert p**2 * abs(w @ covariance @ w - np.sum(w**2 * context.sd**2)) > 5 * error


def test_missing_entries_are_filled_and_stay_missing_at_higher_levels(line):
    X = line.X.copy()
    X[:, 1] = X[:, 1] > 95  # a category; most rows are 1
    context = Context.of(X)
    assert context.fill[1] == 1
    before = np.zeros(X.shape, dtype=bool)
    for p in MissingFeatures.levels:
        stressed = MissingFeatures().apply(X, line.y, context, p, seed=1)
        missing = (stressed != X) & (stressed == context.fill)
        assert (stressed[~missing] == X[~missing]).all()
        assert (missing | ~before).all()
        before = missing
    assert (stressed[:, 1] >= X[:, 1]).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_level_zero_is_the_inputs_themselves(line, seed):
    assert MissingFeatures().apply(line.X, line.y, Context.of(line.X), 0.0, seed) is line.X
