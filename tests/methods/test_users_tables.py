"""What a user's model is given: its table with labels and gaps, or numbers for a torch module."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from torch import nn

from howrobust.base.method import Problem
from howrobust.base.tables.frame import Frame
from howrobust.methods import FittedModel, TorchRegressor, UserModel
from howrobust.methods.bayesian_ridge import BayesianRidge
from howrobust.methods.shuffled_cv import folds
from howrobust.methods.wrappers.method_of import method_of
from howrobust.methods.wrappers.options import UserModelOptions

LABELS = pd.Index([f"row {k}" for k in range(50)], name="part")
CALLS = []


class Recorder(RegressorMixin, BaseEstimator):
    """Predicts 0, and records the tables that it is given."""

    def fit(self, X, y):
        CALLS.append(("fit", X))
        return self

    def predict(self, X):
        CALLS.append(("predict", X))
        return np.zeros(len(X))


class ConformalRecorder(Recorder):
    """The same with a calibration."""

    def conformalize(self, X, y):
        CALLS.append(("conformalize", X))


@pytest.fixture(autouse=True)
def calls():
    CALLS.clear()
    return CALLS


def table(n=50):
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "store": rng.integers(1, 5, n),
        "mass": np.where(rng.random(n) < 0.2, np.nan, rng.uniform(1, 2, n)),
        "part": [f"p{k}" for k in range(n)], "constant": 7,
        "when": pd.date_range("2026-01-01", periods=n, tz="Europe/Paris"),
    }, index=LABELS[:n])  # fmt: skip


def problem():
    rows = table()
    frame = Frame.of(rows, {"part": "id"})
    y = np.arange(50.0)
    return rows, Problem(frame.encode(rows), y, 3, frame=frame, index=rows.index)


@pytest.mark.parametrize("noise", ["residual", "cv_plus"])
def test_every_fit_and_fold_is_given_the_rows_of_the_table_themselves(calls, noise):
    rows, given = problem()
    posterior = UserModel(Recorder(), noise=noise).infer(given)
    held = folds(50, 5, 1, given.seed)
    fits = [X for call, X in calls if call == "fit"]
    predictions = [X for call, X in calls if call == "predict"]
    for out, X in zip(held, fits, strict=False):
        pd.testing.assert_frame_equal(X, rows.iloc[np.delete(np.arange(50), out)])
    for out, X in zip(held, predictions, strict=True):
        pd.testing.assert_frame_equal(X, rows.iloc[out])
    if noise == "residual":
        pd.testing.assert_frame_equal(fits[-1], rows)
    # Rows to be forecast come as the table that they are, or as numbers without labels.
    posterior.predictive(rows.iloc[[4, 2]])
    pd.testing.assert_frame_equal(calls[-1][1], rows.iloc[[4, 2]])
    posterior.predictive(given.X[[4, 2]])
    pd.testing.assert_frame_equal(calls[-1][1], rows.iloc[[4, 2]].reset_index(drop=True))


def test_calibration_is_given_the_labels_of_its_rows(calls):
    rows, given = problem()
    UserModel(ConformalRecorder(), noise="residual")._fitted(given, np.arange(50))
    (_, learnt), (_, apart) = calls
    out = folds(50, 5, 1, given.seed)[0]
    pd.testing.assert_frame_equal(apart, rows.iloc[out])
    pd.testing.assert_frame_equal(learnt, rows.iloc[np.delete(np.arange(50), out)])


def test_the_probe_for_learnt_weights_is_given_labels_too(calls):
    rows, given = problem()
    UserModel(Recorder()).require_fresh_start(given)
    assert calls
    for _, X in calls:
        pd.testing.assert_frame_equal(X, rows.loc[X.index])


def test_a_fitted_model_is_given_the_labels_of_its_rows(calls):
    rows, given = problem()
    FittedModel(Recorder()).infer(given)
    pd.testing.assert_frame_equal(calls[-1][1], rows)


def test_arrays_with_gaps_reach_a_model_as_arrays_with_gaps(calls):
    X = np.array([[1.0, np.nan], [2.0, 3.0], [np.nan, 4.0]] * 5)
    y = np.arange(15.0)
    posterior = UserModel(Recorder()).infer(Problem(X, y, 0))
    posterior.predictive(X[:2])
    for _, inputs in calls:
        assert isinstance(inputs, np.ndarray)
    np.testing.assert_array_equal(calls[-1][1], X[:2])
    np.testing.assert_array_equal([X for call, X in calls if call == "fit"][-1], X)
    boosted = UserModel(HistGradientBoostingRegressor(max_iter=5)).infer(Problem(X, y, 0))
    assert np.isfinite(boosted.predictive(X).mean()).all()


def test_only_a_torch_module_alone_wants_numbers():
    def make(d):
        return nn.Linear(d, 1)

    numbers = [make, nn.Linear(3, 1), TorchRegressor(make)]
    tables = [LinearRegression(), make_pipeline(SimpleImputer(), TorchRegressor(make))]
    assert [method_of(each).takes_tables for each in numbers + tables] == [False] * 3 + [True] * 2
    trained = method_of(nn.Linear(3, 1), UserModelOptions(fitted=True))
    assert trained.takes_tables
    assert FittedModel(sum).takes_tables
    assert not BayesianRidge().takes_tables


def test_a_pipeline_that_ends_in_a_module_takes_the_table():
    rows, given = problem()
    widths = []

    def make(d):
        widths.append(d)
        return nn.Linear(d, 1)

    class Numbers(BaseEstimator):
        def fit(self, X, y=None):
            self.columns_ = list(X.columns)
            return self

        def transform(self, X):
            return X[["store", "mass"]].fillna(0).to_numpy(float)

    pipeline = make_pipeline(Numbers(), TorchRegressor(make, epochs=1))
    posterior = UserModel(pipeline, n_folds=2).infer(given)
    assert widths[-1] == 2
    assert np.isfinite(posterior.predictive(rows.iloc[:3]).mean()).all()
