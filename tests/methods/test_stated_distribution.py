"""A user's model that states its own distribution: how it is asked, and what it is judged by."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import ARDRegression, BayesianRidge, LinearRegression, QuantileRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from howrobust.base.method import DifferentiablePosterior, Problem
from howrobust.distributions.closed_form import Known, Normal
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.distributions.intervals import IntervalForecast
from howrobust.distributions.quantiles import QuantileForecast
from howrobust.errors import BadInput
from howrobust.methods import FittedModel, UserModel
from howrobust.methods.wrappers.method_of import method_of
from howrobust.methods.wrappers.stated_distribution import WAYS, way_of
from howrobust.methods.wrappers.stated_forms import LEVELS
from howrobust.testing.method_checks import check_method


def rows(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    return Problem(X, 3 * X[:, 0] + 0.5 * rng.normal(size=n), seed)


def mean_of(X):
    return 3 * X[:, 0]


def sd_of(X):
    return 0.1 + np.abs(X[:, 1])


class Base(RegressorMixin, BaseEstimator):
    """Knows its mean."""

    def fit(self, X, y):
        self.n_learnt_ = len(y)
        return self

    def predict(self, X):
        return mean_of(X)


class WithDistribution(Base):
    def predict_distribution(self, X):
        return GaussianMixture(mean_of(X)[None], sd_of(X)[None])


class Ngboost(Base):
    """Its distribution holds one of scipy, as `ngboost.distns.Normal` does."""

    def pred_dist(self, X):
        return type("LogNormal", (), {"dist": stats.lognorm(s=sd_of(X), scale=np.exp(mean_of(X)))})


class SkproNormal:
    """A normal distribution of skpro's shape: frames (n, 1)."""

    def __init__(self, mean, sd):
        self.frozen = stats.norm(mean, sd)

    def mean(self):
        return pd.DataFrame(self.frozen.mean())

    def var(self):
        return pd.DataFrame(self.frozen.var())

    def log_pdf(self, x):
        return pd.DataFrame(self.frozen.logpdf(x[:, 0]))

    def cdf(self, x):
        return pd.DataFrame(self.frozen.cdf(x[:, 0]))

    def ppf(self, p):
        return pd.DataFrame(self.frozen.ppf(p[:, 0]))


class Skpro(Base):
    def predict_proba(self, X):
        return SkproNormal(mean_of(X), sd_of(X))

    def predict_quantiles(self, X, alpha): ...


class ReturnStd(Base):
    def predict(self, X, return_std=False):
        return (mean_of(X), sd_of(X)) if return_std else mean_of(X)


class QuantileForest(Base):
    def predict(self, X, quantiles=None):
        if quantiles is None:
            return mean_of(X)
        return stats.norm(mean_of(X)[:, None], sd_of(X)[:, None]).ppf(quantiles)


class Quantiles(Base):
    def predict_quantiles(self, X, levels):
        return stats.norm(mean_of(X)[:, None], sd_of(X)[:, None]).ppf(levels)


class Mapie(RegressorMixin):
    """As MAPIE's split conformal regressor: no settings, fitted and then calibrated."""

    def __init__(self, confidence_level=0.9):
        self._alphas = 1 - np.atleast_1d(confidence_level)

    def fit(self, X, y):
        self.learnt = X[:, 0].tolist()
        return self

    def conformalize(self, X, y):
        self.calibrated = X[:, 0].tolist()
        return self

    def predict(self, X):
        return mean_of(X)

    def predict_interval(self, X):
        half = stats.norm.ppf(1 - self._alphas / 2) * sd_of(X)[:, None]
        ends = [mean_of(X)[:, None] - half, mean_of(X)[:, None] + half]
        return mean_of(X), np.stack(ends, axis=1)


class Catboost(Base):
    def __init__(self, loss_function="RMSEWithUncertainty", posterior_sampling=False):
        self.loss_function = loss_function
        self.posterior_sampling = posterior_sampling

    def predict(self, X):
        return np.column_stack([mean_of(X), sd_of(X) ** 2])

    def virtual_ensembles_predict(self, X, prediction_type):
        members = [np.column_stack([mean_of(X) + shift, sd_of(X) ** 2]) for shift in (-1, 1)]
        return np.stack(members, axis=1)


class Xgboost(Base):
    def __init__(self, objective="reg:quantileerror", quantile_alpha=(0.05, 0.5, 0.95)):
        self.objective = objective
        self.quantile_alpha = quantile_alpha

    def predict(self, X):
        return stats.norm(mean_of(X)[:, None], sd_of(X)[:, None]).ppf(self.quantile_alpha)


class Everything(WithDistribution, Ngboost, Skpro, Quantiles):
    """Answers however it is asked."""

    def predict(self, X, return_std=False, quantiles=None): ...

    def predict_interval(self, X): ...


def forecast(model, X=None, **settings):
    return UserModel(model, **settings).infer(rows()).predictive(rows(9, 1).X if X is None else X)


NORMAL = [WithDistribution(), Skpro(), ReturnStd(), Catboost()]


@pytest.mark.parametrize("model", NORMAL, ids=lambda model: type(model).__name__)
def test_a_stated_mean_and_sd_are_the_forecast(model):
    X = rows(9, 1).X
    y = mean_of(X) + 0.3
    known = stats.norm(mean_of(X), sd_of(X))
    distribution = forecast(model)
    np.testing.assert_allclose(distribution.mean(), mean_of(X), rtol=1e-12)
    np.testing.assert_allclose(distribution.logpdf(y), known.logpdf(y), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(distribution.cdf(y), known.cdf(y), rtol=1e-9)
    made = distribution.forecast(y)
    np.testing.assert_allclose(made.quantiles[3], known.ppf(0.05), rtol=1e-6)


def test_a_distribution_of_scipy_inside_another_is_the_forecast():
    X = rows(9, 1).X
    distribution = forecast(Ngboost())
    known = stats.lognorm(s=sd_of(X), scale=np.exp(mean_of(X)))
    assert isinstance(distribution, Known)
    np.testing.assert_allclose(distribution.mean(), known.mean())
    np.testing.assert_allclose(distribution.logpdf(known.mean()), known.logpdf(known.mean()))


@pytest.mark.parametrize(
    ("model", "levels"),
    [(QuantileForest(), LEVELS), (Quantiles(), LEVELS), (Xgboost(), [0.05, 0.5, 0.95])],
    ids=["quantile-forest", "predict_quantiles", "xgboost"],
)
def test_stated_quantiles_are_the_forecast(model, levels):
    X = rows(9, 1).X
    distribution = forecast(model)
    assert isinstance(distribution, QuantileForecast)
    known = stats.norm(mean_of(X), sd_of(X)).ppf(np.reshape(levels, (-1, 1)))
    np.testing.assert_allclose(distribution.quantile(levels), known, rtol=1e-12)


def test_a_conformal_interval_keeps_its_level_and_is_calibrated_on_rows_apart():
    X = rows(9, 1).X
    distribution = forecast(Mapie(0.8))
    assert isinstance(distribution, IntervalForecast)
    np.testing.assert_allclose(
        distribution.interval(0.8), stats.norm(mean_of(X), sd_of(X)).interval(0.8)
    )
    np.testing.assert_array_equal(distribution.mean(), mean_of(X))
    model = UserModel(Mapie(0.8)).infer(rows()).model
    assert (len(model.learnt), len(model.calibrated)) == (48, 12)
    assert sorted(model.learnt + model.calibrated) == sorted(rows().X[:, 0])
    several = forecast(Mapie([0.5, 0.9]))
    assert isinstance(several, QuantileForecast)
    np.testing.assert_allclose(
        several.interval(0.5), stats.norm(mean_of(X), sd_of(X)).interval(0.5)
    )


def test_a_virtual_ensemble_is_a_mixture_of_its_members():
    X = rows(9, 1).X
    noise, between = forecast(Catboost(posterior_sampling=True)).variance_parts()
    np.testing.assert_allclose(noise, sd_of(X) ** 2)
    np.testing.assert_allclose(between, 1)  # members at -1 and 1


def test_models_are_asked_in_the_documented_order():
    order = [Everything(), Ngboost(), Skpro(), ReturnStd(), QuantileForest(), Quantiles(), Mapie(),
             Catboost(), Xgboost()]  # fmt: skip
    assert [way_of(model) for model in order] == list(WAYS)
    assert way_of(Base()) is None
    # What the user says is asked before all of them.
    said = forecast(Everything(), distribution=lambda model, X: (np.zeros(len(X)), 7.0))
    np.testing.assert_allclose(said.variance_parts()[0], 49)


@pytest.mark.parametrize(
    "model",
    [
        GaussianProcessRegressor(alpha=0.25),
        BayesianRidge(),
        ARDRegression(),
        make_pipeline(StandardScaler(), BayesianRidge()),
        GridSearchCV(
            make_pipeline(StandardScaler(), BayesianRidge()), {"bayesianridge__tol": [1e-3]}
        ),
    ],
    ids=["gp", "ridge", "ard", "pipeline", "search"],
)
def test_models_of_scikit_learn_are_judged_by_the_sd_that_they_state(model):
    problem, X = rows(), rows(9, 1).X
    fitted = model.fit(problem.X, problem.y)
    core = getattr(fitted, "best_estimator_", fitted)
    mean, sd = core.predict(X, return_std=True)
    distribution = forecast(model)
    np.testing.assert_allclose(distribution.mean(), mean, rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(distribution.variance_parts()[0]), sd, rtol=1e-6)


def test_a_transformed_target_is_stated_in_units_of_the_target():
    problem, X = rows(), rows(9, 1).X
    scaled = TransformedTargetRegressor(BayesianRidge(), transformer=MinMaxScaler((2, 40)))
    inner = scaled.fit(problem.X, problem.y)
    _, sd = inner.regressor_.predict(X, return_std=True)
    slope = 1 / inner.transformer_.scale_[0]
    distribution = forecast(scaled)
    assert isinstance(distribution, Normal)
    np.testing.assert_allclose(distribution.mean(), inner.predict(X), rtol=1e-9)
    np.testing.assert_allclose(np.sqrt(distribution.variance_parts()[0]), slope * sd, rtol=1e-6)
    cube = TransformedTargetRegressor(BayesianRidge(), func=np.cbrt, inverse_func=lambda t: t**3)
    inner = cube.fit(problem.X, problem.y).regressor_
    known = stats.norm(*inner.predict(X, return_std=True)).ppf(np.reshape(LEVELS, (-1, 1))) ** 3
    np.testing.assert_allclose(forecast(cube).quantile(LEVELS), known, rtol=1e-6)


def test_own_needs_one_fit_and_residual_the_folds_too():
    fits = []

    class Counted(ReturnStd):
        def fit(self, X, y):
            fits.append(len(y))
            return super().fit(X, y)

    means = [UserModel(Counted(), noise=noise).infer(rows()).predictive(rows().X).mean()
             for noise in ("auto", "residual")]  # fmt: skip
    assert fits == [60, *[48] * 5, 60]
    np.testing.assert_array_equal(*means)


@pytest.mark.parametrize(
    "model",
    [
        GradientBoostingRegressor(loss="quantile", alpha=0.9),
        HistGradientBoostingRegressor(loss="quantile", quantile=0.9),
        QuantileRegressor(quantile=0.9),
        make_pipeline(StandardScaler(), QuantileRegressor(quantile=0.9)),
        Xgboost(quantile_alpha=0.9),
        Catboost("Quantile:alpha=0.9"),
    ],
    ids=["gbr", "hist", "linear", "pipeline", "xgboost", "catboost"],
)
def test_one_quantile_alone_is_refused_by_name(model):
    with pytest.raises(BadInput, match=r"states the 0\.9 quantile alone, which is neither"):
        method_of(model)


def test_the_median_is_a_point_forecast():
    assert method_of(QuantileRegressor(quantile=0.5)).whose_distribution() == "residual"
    assert method_of(Catboost("Quantile")).whose_distribution() == "residual"


class Wrong(Base):
    def __init__(self, answer=None):
        self.answer = answer

    def predict_distribution(self, X):
        return self.answer(X)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda X: mean_of(X), "answered ndarray when asked for its distribution"),
        (lambda X: (mean_of(X), -sd_of(X)), "9 of 9 stated sds are below 0"),
        (lambda X: (mean_of(X), np.full(len(X), np.nan)), "9 values of 9 of the stated sd"),
        (lambda X: (mean_of(X)[:4], 1.0), r"stated mean has shape \(4,\) for 9 rows"),
        (lambda X: stats.norm(0, 1), "must be arrays of shape"),
    ],
)
def test_a_wrong_answer_is_refused_in_a_sentence(answer, sentence):
    with pytest.raises((ValueError, BadInput), match=sentence):
        forecast(Wrong(answer))


def test_what_cannot_be_chosen_is_refused_in_a_sentence():
    with pytest.raises(BadInput, match="LinearRegression states no distribution of its own"):
        method_of(LinearRegression(), noise="own")
    with pytest.raises(BadInput, match="noise must be one of auto, own"):
        method_of(LinearRegression(), noise="mine")
    with pytest.raises(BadInput, match="a function of the fitted model and X"):
        method_of(LinearRegression(), distribution=3)
    with pytest.raises(BadInput, match="draws is for a torch module"):
        method_of(LinearRegression(), draws=3)
    with pytest.raises(ValueError, match="does not say the level"):
        forecast(type("Silent", (Base,), {"predict_interval": lambda self, X: None})())


def test_a_stated_sd_of_zero_has_a_density():
    sd = np.sqrt(
        forecast(Base(), distribution=lambda m, X: (m.predict(X), 0.0)).variance_parts()[0]
    )
    np.testing.assert_allclose(sd, 1e-9 * rows().y.std())


class WithGradients(WithDistribution):
    def gradients(self, X, y):
        return 2 * X, 3 * X


def test_gradients_of_a_model_are_those_of_its_posterior():
    posterior = UserModel(WithGradients()).infer(rows())
    assert isinstance(posterior, DifferentiablePosterior)
    np.testing.assert_array_equal(posterior.gradients(rows().X, rows().y)[1], 3 * rows().X)
    other = UserModel(WithGradients(), distribution=lambda m, X: (m.predict(X), 1.0)).infer(rows())
    assert not isinstance(other, DifferentiablePosterior)


def test_a_model_that_states_a_distribution_keeps_the_laws():
    found = check_method(lambda: UserModel(ReturnStd()))
    assert [(f.law, f.detail) for f in found if not f.passed] == []


def test_a_fitted_model_is_judged_by_its_own_distribution_and_learns_nothing():
    fitted = FittedModel(ReturnStd())
    assert fitted.whose_distribution() == "own"
    X = rows(9, 1).X
    np.testing.assert_allclose(
        np.sqrt(fitted.infer(rows()).predictive(X).variance_parts()[0]), sd_of(X)
    )
    assert FittedModel(mean_of).whose_distribution() == "residual"
    said = FittedModel(mean_of, distribution=lambda f, X: (f(X), 2.0))
    np.testing.assert_allclose(said.infer(rows()).predictive(X).variance_parts()[0], 4.0)
