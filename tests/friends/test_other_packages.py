"""Models of other packages, each judged by its own distribution and against its own numbers."""

import warnings
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression, QuantileRegressor

import howrobust as hr
from howrobust.base.method import Problem
from howrobust.errors import BadInput
from howrobust.methods import UserModel
from howrobust.methods.wrappers.method_of import method_of
from howrobust.metrics import score

QUICK = {"splits": 2, "repeats": 1, "stress": []}


def rows(n=160, seed=0):
    """Positive targets whose sd grows with the first feature."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, 30 + 2 * X[:, 0] + np.exp(0.4 * X[:, 1]) * rng.normal(size=n)


def fitted(model, **settings):
    """The posterior of a model fitted to 120 rows, and 40 other rows."""
    X, y = rows()
    return UserModel(model, **settings).infer(Problem(X[:120], y[:120], 3)), X[120:], y[120:]


def assessed(model, call, **settings):
    """The card of a model that is judged by its own distribution, beside a residual one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the packages
        card = hr.assess(model, *rows(), **QUICK, **settings)
    assert any(f"as {call} states it" in note for note in card.notes)
    assert {"own", "residual"} <= set(card.records()["distribution"])
    return card


@pytest.mark.parametrize("name", ["Normal", "LogNormal"])
def test_ngboost(name):
    ngboost = import_module("ngboost")
    model = ngboost.NGBRegressor(Dist=getattr(ngboost.distns, name), n_estimators=20, verbose=False)
    posterior, X, y = fitted(model)
    theirs = posterior.model.pred_dist(X)
    ours = score(posterior.predictive(X), y)
    assert ours["nll"] == pytest.approx(-np.mean(theirs.logpdf(y)), abs=1e-6)
    assert ours["rmse"] == pytest.approx(np.sqrt(np.mean((y - theirs.mean()) ** 2)))
    assert assessed(model, "pred_dist(X)").value("nll") < 3


def test_catboost_with_uncertainty_and_its_virtual_ensemble():
    catboost = import_module("catboost")
    settings = {
        "loss_function": "RMSEWithUncertainty", "iterations": 60, "verbose": False,
        "allow_writing_files": False,
    }  # fmt: skip
    posterior, X, y = fitted(catboost.CatBoostRegressor(**settings))
    mean, variance = posterior.model.predict(X).T
    known = -stats.norm(mean, np.sqrt(variance)).logpdf(y).mean()
    assert score(posterior.predictive(X), y)["nll"] == pytest.approx(known, abs=1e-6)
    sampled = catboost.CatBoostRegressor(**settings, posterior_sampling=True)
    posterior, X, y = fitted(sampled)
    mean, knowledge, data = posterior.model.virtual_ensembles_predict(
        X, prediction_type="TotalUncertainty"
    ).T
    noise, between = posterior.predictive(X).variance_parts()
    np.testing.assert_allclose(posterior.predictive(X).mean(), mean, rtol=1e-9)
    np.testing.assert_allclose(noise, data, rtol=1e-6)
    np.testing.assert_allclose(between, knowledge, rtol=1e-6, atol=1e-12)
    assessed(catboost.CatBoostRegressor(**settings), "predict(X): mean and variance")


def test_catboost_of_several_quantiles_and_of_one():
    catboost = import_module("catboost")
    settings = {"iterations": 30, "verbose": False, "allow_writing_files": False}
    several = catboost.CatBoostRegressor(
        loss_function="MultiQuantile:alpha=0.05,0.5,0.95", **settings
    )
    posterior, X, y = fitted(several)
    assert UserModel(several, noise="residual").infer(Problem(X, y, 0)).noise_sd > 0
    lower, upper = np.sort(posterior.model.predict(X), axis=1)[:, [0, 2]].T
    inside = np.mean((lower <= y) & (y <= upper))
    assert score(posterior.predictive(X), y)["coverage_90"] == pytest.approx(inside)
    with pytest.raises(BadInput, match=r"states the 0\.9 quantile alone"):
        method_of(catboost.CatBoostRegressor(loss_function="Quantile:alpha=0.9"))


@pytest.mark.parametrize("kind", ["split", "cross", "quantile"])
def test_mapie(kind):
    regression = import_module("mapie.regression")
    coverage = import_module("mapie.metrics.regression").regression_coverage_score
    model = {
        "split": lambda: regression.SplitConformalRegressor(
            LinearRegression(), confidence_level=0.9, prefit=False
        ),
        "cross": lambda: regression.CrossConformalRegressor(
            LinearRegression(), confidence_level=0.9
        ),
        "quantile": lambda: regression.ConformalizedQuantileRegressor(
            QuantileRegressor(alpha=0.0), confidence_level=0.9
        ),
    }[kind]()
    posterior, X, y = fitted(model)
    points, ends = posterior.model.predict_interval(X)
    ends = np.sort(ends, axis=1)  # quantiles that cross are exchanged
    ours = score(posterior.predictive(X), y)
    assert ours["coverage_90"] == pytest.approx(coverage(y, ends)[0])
    assert ours["rmse"] == pytest.approx(np.sqrt(np.mean((y - points) ** 2)))
    card = assessed(model, "predict_interval(X)")
    assert 0.6 < card.value("coverage_90") <= 1
    records = card.records().set_index(["measure", "distribution"])["reason"]
    assert "density" in records["nll", "own"]


def test_quantile_forest():
    forest = import_module("quantile_forest")
    model = forest.RandomForestQuantileRegressor(n_estimators=20, min_samples_leaf=5)
    posterior, X, y = fitted(model)
    levels = [0.05, 0.5, 0.95]
    theirs = posterior.model.predict(X, quantiles=levels)
    ours = posterior.predictive(X)
    np.testing.assert_allclose(ours.quantile(levels).T, theirs, rtol=1e-9)
    inside = np.mean((theirs[:, 0] <= y) & (y <= theirs[:, 2]))
    assert score(ours, y)["coverage_90"] == pytest.approx(inside)
    assessed(model, "predict(X, quantiles=...)")


def test_skpro():
    residual = import_module("skpro.regression.residual")
    model = residual.ResidualDouble(LinearRegression())
    posterior, X, y = fitted(model)
    theirs = posterior.model.predict_proba(X)
    ours = score(posterior.predictive(X), y)
    assert ours["nll"] == pytest.approx(-np.mean(theirs.log_pdf(y[:, None]).to_numpy()), abs=1e-6)
    assert ours["crps"] == pytest.approx(np.mean(theirs.energy(y[:, None]).to_numpy()
        - 0.5 * theirs.energy().to_numpy()), rel=1e-3)  # fmt: skip
    assessed(model, "predict_proba(X)")


@pytest.mark.parametrize("package", ["xgboost", "lightgbm"])
def test_boosting_of_the_mean_has_the_residual_row_alone(package):
    module = import_module(package)
    quiet = {"verbose": -1} if package == "lightgbm" else {}
    model = getattr(module, {"xgboost": "XGBRegressor", "lightgbm": "LGBMRegressor"}[package])
    X, y = rows()
    card = hr.assess(model(n_estimators=20, n_jobs=1, **quiet), X, y, **QUICK)
    assert set(card.records()["distribution"]) == {"residual"}
    posterior, X, y = fitted(model(n_estimators=20, n_jobs=1, **quiet))
    np.testing.assert_allclose(posterior.predictive(X).mean(), posterior.predict(X), rtol=1e-9)
    quantile = {
        "xgboost": ("reg:quantileerror", "quantile_alpha"),
        "lightgbm": ("quantile", "alpha"),
    }
    objective, level = quantile[package]
    with pytest.raises(BadInput, match=r"states the 0\.9 quantile alone"):
        method_of(model(objective=objective, **{level: 0.9}))


def test_xgboost_of_several_quantiles():
    xgboost = import_module("xgboost")
    model = xgboost.XGBRegressor(
        objective="reg:quantileerror", quantile_alpha=[0.05, 0.5, 0.95], n_estimators=20, n_jobs=1
    )
    posterior, X, y = fitted(model)
    lower, upper = np.sort(posterior.model.predict(X), axis=1)[:, [0, 2]].T
    inside = np.mean((lower <= y) & (y <= upper))
    assert score(posterior.predictive(X), y)["coverage_90"] == pytest.approx(inside)


def test_skorch():
    skorch = import_module("skorch")
    torch = import_module("torch")

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.line = torch.nn.Linear(3, 1)

        def forward(self, X):
            return self.line(X.float())

    class Regressor(skorch.NeuralNetRegressor):
        def fit(self, X, y, **params):
            return super().fit(X.astype(np.float32), y.astype(np.float32)[:, None], **params)

    X, y = rows()
    model = Regressor(Net, max_epochs=20, lr=0.05, verbose=0, train_split=None)
    card = hr.assess(model, X, y, **QUICK)
    assert set(card.records()["distribution"]) == {"residual"}
    assert card.value("rmse") < 30


def test_statsmodels_through_a_stated_distribution():
    api = import_module("statsmodels.api")

    class Least:
        """The results of statsmodels as a regressor."""

        def fit(self, X, y):
            self.results = api.OLS(y, api.add_constant(X)).fit()
            return self

        def predict(self, X):
            return self.results.predict(api.add_constant(X, has_constant="add"))

    def stated(model, X):
        frame = model.results.get_prediction(api.add_constant(X, has_constant="add")).summary_frame(
            0.1
        )
        half = stats.t(model.results.df_resid).ppf(0.95)
        return stats.t(
            model.results.df_resid, frame["mean"].to_numpy(),
            ((frame["obs_ci_upper"] - frame["mean"]) / half).to_numpy(),
        )  # fmt: skip

    posterior, X, y = fitted(Least(), distribution=stated)
    frame = posterior.model.results.get_prediction(api.add_constant(X)).summary_frame(alpha=0.1)
    inside = np.mean((frame["obs_ci_lower"] <= y) & (y <= frame["obs_ci_upper"]))
    lower, upper = posterior.predictive(X).interval(0.9)
    np.testing.assert_allclose(lower, frame["obs_ci_lower"])
    np.testing.assert_allclose(upper, frame["obs_ci_upper"])
    assert score(posterior.predictive(X), y)["coverage_90"] == pytest.approx(inside)
    assessed(Least(), "distribution=", distribution=stated)


def test_catboost_takes_an_integer_column_as_categories_under_noise_too():
    catboost = import_module("catboost")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"store": rng.integers(1, 6, 200), "mass": rng.uniform(1, 9, 200)})
    y = np.array([0.0, 9.0, -9.0, 20.0, 0.0, 5.0])[table["store"]] + table["mass"]
    model = catboost.CatBoostRegressor(
        cat_features=["store"], iterations=200, verbose=False, allow_writing_files=False
    )
    card = hr.assess(model, table, y, splits=2, repeats=1, stress=["input_noise", "shuffle"])
    assert not [note for note in card.notes if "store" in note or "input_noise" in note]
    assert card.value("rmse") < 3
