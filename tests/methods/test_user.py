"""A user's own regressor as a method."""

import pickle
import random

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import BaggingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_limits
from torch import nn

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.base.tables.frame import Frame
from howrobust.errors import BadInput
from howrobust.methods import FittedModel, TorchRegressor, UserModel
from howrobust.methods.shuffled_cv import folds
from howrobust.methods.wrappers.cv_plus import CVPlus
from howrobust.methods.wrappers.seeding import seed_names, started
from howrobust.metrics import score
from howrobust.testing.method_checks import check_method


@pytest.fixture(autouse=True)
def one_thread_of_every_pool():
    """As in a worker: beside another process, two threads of boosting wait for each other."""
    with threadpool_limits(limits=1):
        yield


def network(features):
    return nn.Sequential(nn.Linear(features, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 1))


def doubled(X):
    return 5 + 2 * X[:, 1]


def line(n=200, noise=0.5, seed=0):
    """y = 4 x_0 + noise, of three features."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = 4 * X[:, 0] + noise * rng.normal(size=n)
    X.flags.writeable = y.flags.writeable = False
    return Problem(X, y, seed)


@pytest.mark.parametrize(
    "make",
    [
        lambda: UserModel(Ridge()),
        lambda: UserModel(HistGradientBoostingRegressor()),
        lambda: UserModel(make_pipeline(StandardScaler(), SVR())),
        lambda: UserModel(BaggingRegressor(DecisionTreeRegressor(max_features=1))),
        lambda: UserModel(GridSearchCV(Ridge(), {"alpha": [0.1, 10]}, cv=KFold(3, shuffle=True))),
        lambda: UserModel(TorchRegressor(network, epochs=5)),
        lambda: FittedModel(doubled),
    ],
    ids=["ridge", "boosting", "svr", "bagging", "search", "torch", "fitted"],
)
def test_a_users_model_keeps_the_laws(make):
    assert [(f.law, f.detail) for f in check_method(make) if not f.passed] == []


def test_scikit_learns_estimator_checks_pass():
    found = check_estimator(UserModel(Ridge()), on_fail=None)
    assert [(r["check_name"], r["exception"]) for r in found if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in found) > 30


def test_the_prediction_is_that_of_a_fit_on_all_rows():
    problem = line()
    mean = UserModel(Ridge(3.0)).infer(problem).predictive(problem.X[:9]).mean()
    expected = Ridge(3.0).fit(problem.X, problem.y).predict(problem.X[:9])
    np.testing.assert_array_equal(mean, expected)


def test_the_noise_of_least_squares_left_one_out_is_that_of_its_leverages():
    # With a fold per row the partition does not matter: residuals are e_i / (1 - h_ii).
    problem = line(n=40)
    inputs = np.column_stack([np.ones(40), problem.X])
    hat = inputs @ np.linalg.pinv(inputs)
    left_out = (problem.y - hat @ problem.y) / (1 - np.diag(hat))
    posterior = UserModel(LinearRegression(), n_folds=40).infer(problem)
    assert posterior.noise_sd == pytest.approx(np.sqrt(np.mean(left_out**2)), rel=1e-10)
    assert posterior.facts() == {
        "noise_sd": posterior.noise_sd,
        "noise_floor": pytest.approx(1e-3 * problem.y.std()),
    }


def test_the_noise_is_that_of_one_partition_of_shuffled_rows():
    problem = line(n=47)
    squares = np.full(47, np.nan)
    for out in folds(47, 5, 1, problem.seed):
        rest = np.delete(np.arange(47), out)
        model = LinearRegression().fit(problem.X[rest], problem.y[rest])
        squares[out] = (problem.y[out] - model.predict(problem.X[out])) ** 2
    posterior = UserModel(LinearRegression()).infer(problem)
    assert posterior.noise_sd == pytest.approx(np.sqrt(squares.mean()), rel=1e-12)


@pytest.mark.parametrize("noise", ["residual", "cv_plus"])
def test_the_forecast_of_the_true_model_is_honest(noise):
    problem, test = line(n=400), line(n=4000, seed=1)
    posterior = UserModel(LinearRegression(), noise=noise).infer(problem)
    # An sd from 400 residuals has a relative error of 1 / sqrt(800) = 3.5 %; 4 of those.
    assert posterior.facts()["noise_sd"] == pytest.approx(0.5, rel=0.14)
    found = score(posterior.predictive(test.X), test.y)
    # 14 % of the sd moves the 90 % coverage by 2 phi(1.64) 1.64 * .14 = .047.
    assert found["coverage_90"] == pytest.approx(0.9, abs=0.05)


def test_a_fit_without_error_has_the_floor_for_noise():
    problem = line(noise=0.0)
    floor = 1e-3 * problem.y.std()
    assert UserModel(LinearRegression()).infer(problem).noise_sd == pytest.approx(floor)
    plus = UserModel(LinearRegression(), noise="cv_plus").infer(problem).predictive(problem.X[:4])
    lower, upper = plus.interval(0.9)
    np.testing.assert_allclose(upper - lower, 2 * floor, rtol=1e-9)


class Recorder(RegressorMixin, BaseEstimator):
    """Notes what it is given, and writes into it."""

    seen = []

    def __init__(self, random_state=None, inner=None):
        self.random_state = random_state
        self.inner = inner

    def fit(self, X, y):
        self.seen.append((self.random_state, self.inner and self.inner.random_state, X.copy()))
        X[:], y[:] = 0, 0
        return self

    def predict(self, X):
        X[:] = 0
        return np.zeros((len(X), 1))


def test_every_random_state_comes_from_the_seed_of_the_problem(monkeypatch):
    monkeypatch.setattr(Recorder, "seen", [])
    given = Recorder(7, DecisionTreeRegressor(random_state=7))
    problem = line(n=20)
    UserModel(given, n_folds=2).infer(problem)
    own = seeds.derive(0, "estimator", "random_state") % 2**31
    inner = seeds.derive(0, "estimator", "inner__random_state") % 2**31
    assert [(a, b) for a, b, _ in Recorder.seen] == [(own, inner)] * 3  # two folds and all rows
    assert (given.random_state, given.inner.random_state) == (7, 7)


class Named(BaseEstimator):
    """Has seeds of several names, and settings that only look like seeds."""

    def __init__(self, seed=1, bagging_seed=None, use_seed=True, seeds=3, params=None, part=None):
        self.seed = seed
        self.bagging_seed = bagging_seed
        self.use_seed = use_seed
        self.seeds = seeds
        self.params = params
        self.part = part


class OnlyWhatIsSet:
    """As CatBoost's: its settings are those that were given, and two names of a seed clash."""

    def __init__(self, depth=None, random_seed=None, random_state=None):
        given = {"depth": depth, "random_seed": random_seed, "random_state": random_state}
        self.given = {name: value for name, value in given.items() if value is not None}
        if "random_seed" in self.given and "random_state" in self.given:
            raise ValueError("only one of them")

    def get_params(self, deep=True):
        return dict(self.given)

    def set_params(self, **params):
        self.__init__(**{**self.given, **params})


class Plain:
    """Has no settings by name, but attributes."""

    def __init__(self):
        self.random_seed = 0
        self.forest = RandomForestRegressor(random_state=0)
        self.count = 0


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (Named(), ("bagging_seed", "seed")),
        (Named(part=Ridge(random_state=3)), ("bagging_seed", "part__random_state", "seed")),
        (Named(seed="auto", bagging_seed=[1, 2]), ()),
        (OnlyWhatIsSet(), ("random_state",)),
        (OnlyWhatIsSet(random_seed=42), ("random_seed",)),
        (make_pipeline(StandardScaler(), OnlyWhatIsSet()), ("onlywhatisset__random_state",)),
        (
            BaggingRegressor(RandomForestRegressor()),
            ("estimator__random_state", "random_state"),
        ),
        (Plain(), ("forest__random_state", "random_seed")),
        (LinearRegression(), ()),
    ],
)
def test_seeds_of_every_usual_name_are_set_and_differ(model, names):
    assert seed_names(model) == names
    before = str(vars(model))
    one, same, other = (started(model, seed) for seed in (1, 1, 2))

    def values(of):
        if isinstance(of, Plain):
            return [of.random_seed, of.forest.random_state]
        return [of.get_params()[name] for name in names]

    assert values(one) == values(same)
    drawn = {*values(one), *values(other)}
    assert len(drawn) == 2 * len(names)
    assert all(0 <= value < 2**31 for value in drawn)
    assert str(vars(model)) == before


@pytest.mark.parametrize("kind", [np.random.RandomState, np.random.default_rng])
def test_a_setting_that_holds_a_generator_gets_a_generator(kind):
    given = Named(seed=kind(3))
    first, same, other = (started(given, seed).seed.normal() for seed in (1, 1, 2))
    assert first == same != other


def test_a_model_says_why_its_restarts_could_be_the_same():
    assert UserModel(LinearRegression()).restarts().startswith("no seed was reachable")
    forest = UserModel(RandomForestRegressor()).restarts()
    assert forest.startswith("its seeds (random_state) were set, and change nothing")
    pinned = UserModel(Named(params={"random_seed": 3, "depth": 2})).restarts()
    assert "params['random_seed'] is pinned" in pinned
    assert "params['depth']" not in pinned
    assert pinned.endswith("say so with deterministic=True")
    assert UserModel(Ridge(), deterministic=True).restarts() == "deterministic, as claimed"


def test_what_an_estimator_writes_into_its_arrays_reaches_nobody_else(monkeypatch):
    monkeypatch.setattr(Recorder, "seen", [])
    problem = line(n=20)
    before = problem.X.copy(), problem.y.copy()
    posterior = UserModel(Recorder(), n_folds=2).infer(problem)
    posterior.predictive(problem.X)
    np.testing.assert_array_equal(problem.X, before[0])
    np.testing.assert_array_equal(problem.y, before[1])
    np.testing.assert_array_equal(Recorder.seen[-1][2], problem.X)


def test_a_restart_is_another_fit_and_the_same_seed_the_same():
    X, y = line().X, line().y
    means = [
        UserModel(RandomForestRegressor(5)).infer(Problem(X, y, seed)).predictive(X).mean()
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(means[0], means[1])
    assert np.abs(means[0] - means[2]).max() > 0.01


class Drawing:
    """No parameters, and draws from every global generator, in fit and in predict."""

    def fit(self, X, y):
        self.start = self.draw()

    def predict(self, X):
        return np.full(len(X), self.start + self.draw())

    def draw(self):
        return random.random() + np.random.rand() + torch.rand(()).item()  # noqa: NPY002


def test_a_model_that_knows_only_global_generators_is_a_function_of_the_seed():
    X, y = line().X, line().y
    posteriors = [UserModel(Drawing()).infer(Problem(X, y, seed)) for seed in (1, 1, 2)]
    means = [p.predictive(X, seed=5).mean()[0] for p in posteriors]
    assert means[0] == means[1] != means[2]
    assert posteriors[0].predictive(X, seed=6).mean()[0] != means[0]


SOILS = np.array(["clay", "peat", "sand"])


def soils(n=90, seed=0):
    """A target that depends on a word alone."""
    rng = np.random.default_rng(seed)
    soil = rng.integers(3, size=n)
    table = pd.DataFrame({
        "depth": rng.normal(size=n),
        "soil": SOILS[soil],
        "wet": rng.random(n) < 0.5,
        "zone": pd.Categorical(SOILS[rng.integers(3, size=n)]),
    })  # fmt: skip
    return table, np.array([0.0, 10.0, -10.0])[soil] + 0.1 * rng.normal(size=n)


def encoded():
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(), ["soil"]),
            (OneHotEncoder(), make_column_selector(dtype_include="category")),
            (StandardScaler(), ["depth"]),
            ("drop", ["wet"]),
        ),
        Ridge(1e-3),
    )


@pytest.mark.parametrize("noise", ["residual", "cv_plus"])
def test_a_pipeline_that_names_columns_is_given_the_table(noise):
    table, y = soils()
    frame = Frame.of(table)
    X = frame.encode(table)
    posterior = UserModel(encoded(), noise=noise).infer(Problem(X, y, 0, frame=frame))
    forecast = posterior.predictive(X).mean()
    np.testing.assert_allclose(forecast, y, atol=1)
    # Codes that a stress has moved are rows of the table still: to the nearest that exists.
    moved = X.copy()
    moved[:, 1] += 0.4 * np.where(X[:, 1] == 1, 1, 20 * (X[:, 1] - 1))
    np.testing.assert_array_equal(posterior.predictive(moved).mean(), forecast)


def test_boosting_takes_the_categories_of_a_frame_from_its_dtypes():
    table, y = soils(300)
    frame = Frame.of(table[["zone", "depth"]])
    model = HistGradientBoostingRegressor(categorical_features="from_dtype", max_iter=3)
    posterior = UserModel(model).infer(Problem(frame.encode(table), y, 0, frame=frame))
    assert posterior.predict.model.is_categorical_.tolist() == [True, False]


def test_a_fitted_model_is_given_the_table_too():
    table, y = soils()
    frame = Frame.of(table)
    model = encoded().fit(table, y)
    X = frame.encode(table)
    posterior = FittedModel(model.predict).infer(Problem(X, y, 0, frame=frame))
    np.testing.assert_array_equal(posterior.predictive(X).mean(), model.predict(table))


def test_cv_plus_is_made_of_the_models_of_the_folds():
    problem = line(n=50)
    found = UserModel(LinearRegression(), noise="cv_plus").infer(problem).predictive(problem.X[:6])
    assert isinstance(found, CVPlus)
    means, residuals = [], np.full(50, np.nan)
    for k, out in enumerate(folds(50, 5, 1, problem.seed)):
        assert (found.fold[out] == k).all()
        rest = np.delete(np.arange(50), out)
        model = LinearRegression().fit(problem.X[rest], problem.y[rest])
        residuals[out] = np.abs(problem.y[out] - model.predict(problem.X[out]))
        means.append(model.predict(problem.X[:6]))
    np.testing.assert_allclose(found.means, means, rtol=1e-12)
    floored = np.maximum(residuals, 1e-3 * problem.y.std())
    np.testing.assert_allclose(found.residuals, floored, rtol=1e-12)
    estimator = UserModel(LinearRegression(), noise="cv_plus").fit(problem.X, problem.y)
    assert score(estimator.predict_distribution(problem.X), problem.y)["coverage_90"] > 0.8
    assert pickle.loads(pickle.dumps(estimator)).predict(problem.X).shape == (50,)


class Returning:
    """Predicts what it was told to, whatever X."""

    def __init__(self, value):
        self.value = value

    def fit(self, X, y):
        pass

    def predict(self, X):
        return self.value(len(X))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda n: np.zeros(n + 1), r"shape \(5,\) for 4 rows; it must return \(4,\)"),
        (lambda n: np.zeros((n, 2)), r"shape \(4, 2\)"),
        (lambda n: 0.0, r"shape \(\)"),
        (lambda n: np.r_[np.nan, np.inf, np.zeros(n - 2)], "2 values of 4 that are not finite"),
    ],
)
def test_predictions_that_are_no_number_per_row_are_refused(value, message):
    problem = line(n=20)
    with pytest.raises(ValueError, match=message):
        UserModel(Returning(value)).infer(problem)
    with pytest.raises(ValueError, match=message):
        FittedModel(lambda X: value(len(X))).infer(line(n=4))


def test_what_the_estimator_raises_is_raised():
    def broken(n):
        raise KeyError("by design")

    with pytest.raises(KeyError, match="by design"):
        UserModel(Returning(broken)).infer(line(n=20))


def test_settings_that_make_no_sense_say_so():
    problem = line(n=20)
    with pytest.raises(BadInput, match=r"is the class Ridge; give an instance of it, Ridge\(\)"):
        UserModel(Ridge).infer(problem)
    with pytest.raises(ValueError, match="noise must be one of"):
        UserModel(Ridge(), noise="gaussian").infer(problem)
    with pytest.raises(ValueError, match="n_folds must be greater than 1"):
        UserModel(Ridge(), n_folds=1).infer(problem)
    with pytest.raises(ValueError, match="n_folds must be at most the number of rows, 20"):
        UserModel(Ridge(), n_folds=21).infer(problem)


def test_a_fitted_model_is_not_refitted_and_its_noise_is_its_error_on_the_rows():
    assert UserModel.refits
    assert not FittedModel.refits
    problem = line(n=100)
    fitted = LinearRegression().fit(line(n=100, seed=5).X, line(n=100, seed=5).y)
    posterior = FittedModel(fitted.predict).infer(problem)
    residuals = problem.y - fitted.predict(problem.X)
    assert posterior.noise_sd == pytest.approx(np.sqrt(np.mean(residuals**2)), rel=1e-12)
    assert posterior.facts()["noise_floor"] == pytest.approx(1e-3 * problem.y.std())
    np.testing.assert_array_equal(posterior.predictive(problem.X).mean(), fitted.predict(problem.X))


class Copying(RegressorMixin, BaseEstimator):
    """Keeps a copy of a list that it is given, as CatBoost does; scikit-learn refuses a clone."""

    def __init__(self, columns=(), random_state=None):
        self.columns = list(columns)
        self.random_state = random_state


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_model_that_copies_its_settings_is_started_from_a_copy(wrapped):
    given = Copying([2], random_state=7)
    model = started(make_pipeline(StandardScaler(), given) if wrapped else given, 0)
    model = model[-1] if wrapped else model
    assert model is not given
    assert model.columns == [2]
    assert model.random_state != given.random_state == 7


class Columns(LinearRegression):
    """States mean and variance in two columns, as CatBoost does with RMSEWithUncertainty."""

    def __init__(self, loss_function="RMSEWithUncertainty"):
        super().__init__()
        self.loss_function = loss_function

    def predict(self, X):
        mean = super().predict(X)
        return np.column_stack([mean, np.full(len(X), 0.25)])


def test_a_model_that_predicts_mean_and_variance_is_asked_whether_it_starts_afresh():
    assert UserModel(Columns()).require_fresh_start(line(60)) == ""
