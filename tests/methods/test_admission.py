"""Estimators that are no regressors, or that are not fitted to X and y alone."""

import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import IsolationForest, StackingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from howrobust.errors import BadInput
from howrobust.methods.wrappers.method_of import method_of


class Weighted(LinearRegression):
    def fit(self, X, y, sample_weight):
        return super().fit(X, y, sample_weight)


class Grouped:
    def fit(self, X, y, *, groups): ...
    def predict(self, X): ...


class Old:
    """A classifier from before scikit-learn's tags."""

    _estimator_type = "classifier"

    def fit(self, X, y): ...
    def predict(self, X): ...


class Blind:
    def fit(self, X): ...
    def predict(self, X): ...


class Free:
    def fit(self, *args, **kwargs): ...
    def predict(self, X): ...


STACK = StackingRegressor([("line", LinearRegression())])  # no predict before fit


@pytest.mark.parametrize(
    "model",
    [STACK, make_pipeline(StandardScaler(), STACK), GridSearchCV(STACK, {"cv": [3]})],
)
def test_a_model_that_has_predict_only_once_it_is_fitted_is_taken(model):
    assert not hasattr(model, "predict")
    assert method_of(model).estimator is model


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (LogisticRegression(), "LogisticRegression is a classifier, not a regressor"),
        (make_pipeline(StandardScaler(), LogisticRegression()), "Pipeline is a classifier"),
        (KMeans(), "KMeans is a clusterer"),
        (IsolationForest(), "IsolationForest is an outlier detector"),
        (Old(), "Old is a classifier"),
        (Weighted(), "the fit of Weighted needs sample_weight, which is not passed"),
        (Grouped(), "the fit of Grouped needs groups"),
        (Blind(), "the fit of Blind takes no target"),
    ],
)
def test_what_is_no_regressor_is_refused_by_name(model, sentence):
    with pytest.raises(BadInput, match=sentence):
        method_of(model)


@pytest.mark.parametrize("model", [LinearRegression(), Free(), make_pipeline(LinearRegression())])
def test_regressors_are_taken(model):
    assert method_of(model).estimator is model
