"""Models that know the target before they are fitted are found, and no others."""

import numpy as np
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import GammaRegressor, LassoCV, LinearRegression, Ridge, SGDRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor
from threadpoolctl import threadpool_limits
from torch import nn

from howrobust.base.method import Problem
from howrobust.errors import BadInput
from howrobust.methods import TorchRegressor, UserModel
from howrobust.methods.wrappers.admission.kept_state import (
    numbers_held,
    require_new_weights,
    share_known,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # of fits that noise leaves unfinished


@pytest.fixture(autouse=True)
def one_thread_of_every_pool():
    with threadpool_limits(limits=1):
        yield


class Rising(IsotonicRegression):
    """Knows that the first feature cannot lower the target, whatever it is fitted to."""

    def __init__(self):
        super().__init__(out_of_bounds="clip")

    def fit(self, X, y):
        return super().fit(X[:, 0], y)

    def predict(self, X):
        return super().predict(X[:, 0])


def network(d):
    return nn.Sequential(nn.Linear(d, 16), nn.ReLU(), nn.Linear(16, 1))


def pinned(d):
    torch.manual_seed(0)
    return network(d)


CHEAP = {
    "least squares": LinearRegression(),
    "no intercept": LinearRegression(fit_intercept=False),
    "positive": LinearRegression(positive=True),
    "lasso": LassoCV(cv=2, alphas=10),
    "sgd": SGDRegressor(max_iter=20),
    "tree": DecisionTreeRegressor(),
    "forest": RandomForestRegressor(5),
    "extra trees": ExtraTreesRegressor(5),
    "boosting": GradientBoostingRegressor(n_estimators=10, subsample=0.7),
    "histogram": HistGradientBoostingRegressor(max_iter=5),
    "rising": Rising(),
    "neighbour": KNeighborsRegressor(1),
    "neighbours": KNeighborsRegressor(2),
    "vectors": make_pipeline(StandardScaler(), SVR()),
    "kernel": KernelRidge(kernel="rbf"),
    "process": GaussianProcessRegressor(optimizer=None),
    "log": TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp),
    "gamma": GammaRegressor(max_iter=50),
}
DEAR = {
    "learnt process": GaussianProcessRegressor(RBF() + WhiteKernel(), normalize_y=True),
    "network": make_pipeline(StandardScaler(), MLPRegressor(max_iter=100)),
    "raw network": MLPRegressor(hidden_layer_sizes=(20,), max_iter=50),
    "short network": MLPRegressor(hidden_layer_sizes=(20,), max_iter=3),
    "torch": TorchRegressor(network, epochs=50),
    "short torch": TorchRegressor(network, epochs=2),
}


def table(seed):
    """Rows of 20 to 1,000, features of 1 to 20, and targets of several kinds, all above 0."""
    rng = np.random.default_rng(seed)
    n, d = int(rng.choice([20, 30, 50, 100, 300, 1000])), int(rng.choice([1, 1, 2, 5, 20]))
    X = rng.random((n, d)) if rng.random() < 0.5 else rng.normal(size=(n, d))
    noise, slope = rng.normal(size=n), X @ rng.normal(size=d) / np.sqrt(d)
    y = [3 * X[:, 0] + 0.1 * noise, np.exp(X[:, 0] + 0.2 * noise), X[:, 0] ** 2 + 0.1 * noise,
         np.sin(3 * X[:, 0]) + slope + 0.1 * noise, noise, np.exp(slope + noise), slope,
         100 + slope][rng.integers(8)]  # fmt: skip
    lift = max(0.0, 1e-3 - y.min()) if rng.random() < 0.5 else 1e-3 - y.min() + rng.random()
    return Problem(X, y + lift, seed)


def known(problem, model):
    def fit_and_predict(part, others):
        fitted = UserModel(model)._fitted(part, np.arange(len(part.y)))
        return np.asarray(fitted.predict(others.X)).reshape(-1)

    return share_known(problem, fit_and_predict)


def alarms(models, seeds):
    return [
        (name, seed) for seed in seeds for name in models if known(table(seed), models[name]) >= 0.5
    ]


def test_ordinary_models_on_ordinary_tables_pass():
    assert alarms(CHEAP, range(6)) == []


@pytest.mark.slow
def test_the_rate_of_false_alarms_is_below_one_in_a_thousand():
    # None in 2,898 and 306: at 95 % the rate is below 3 / 3,204.
    assert alarms(CHEAP, range(100_000, 100_161)) == []
    assert alarms(DEAR, range(200_000, 200_051)) == []


@pytest.mark.parametrize("name", ["least squares", "forest", "boosting", "neighbours", "vectors"])
def test_what_is_learnt_of_mirrored_targets_cancels(name):
    shares = [known(table(seed), CHEAP[name]) for seed in range(20, 25)]
    np.testing.assert_allclose(shares, 0, atol=5e-3)  # the tolerance of the solver of SVR


class Remembering:
    """Keeps the last target of every row it sees, beyond the clone."""

    def __init__(self):
        self.seen = {}

    def __deepcopy__(self, memo):
        return self

    def fit(self, X, y):
        for row, value in zip(X, y, strict=True):
            self.seen[row.tobytes()] = value

    def predict(self, X):
        return np.array([self.seen.get(row.tobytes(), 0.0) for row in X])


class Continuing:
    """Goes on from the weights that it has."""

    def __init__(self):
        self.model = SGDRegressor(max_iter=1)

    def fit(self, X, y):
        self.model.partial_fit(X, y)

    def predict(self, X):
        return self.model.predict(X)


class Stale:
    """Has been fitted, and does not learn any more."""

    def __init__(self):
        self.model = None

    def fit(self, X, y):
        if self.model is None:
            self.model = RandomForestRegressor(20, random_state=0).fit(X, y)

    def predict(self, X):
        return self.model.predict(X)


def signal(n=200, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return Problem(X, X @ [1.0, 2.0, 3.0] + 0.1 * rng.normal(size=n), seed)


@pytest.mark.parametrize("kind", [Remembering, Continuing, Stale])
def test_state_that_outlives_a_clone_is_refused_by_name(kind):
    for seed in range(5):
        problem, model = signal(seed=seed), kind()
        for _ in range(20):
            model.fit(problem.X, problem.y)
        with pytest.raises(BadInput, match=f"{kind.__name__} knows the target before it is fit"):
            UserModel(model).require_fresh_start(problem)


def test_a_factory_that_loads_weights_is_refused_and_one_that_draws_them_is_not():
    weights = network(3).state_dict()

    def make(d):
        net = network(d)
        net.load_state_dict(weights)
        return net

    def with_a_new_head(d):
        return nn.Sequential(make(d), nn.Linear(1, 1))

    problem = signal()
    for factory in (make, with_a_new_head, pinned):
        name = rf"{factory.__name__}\(\) already holds learnt weights: \d+ % of its parameters"
        with pytest.raises(BadInput, match=name):
            UserModel(TorchRegressor(factory)).require_fresh_start(problem)
    for factory in (network, lambda d: nn.Sequential(nn.LazyLinear(5), nn.BatchNorm1d(5))):
        require_new_weights(factory, 3, "factory")


class Formula:
    """Knows the law of the table below; its fit learns nothing."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        return 3 * X[:, 0]


class Remembered(Formula):
    """Knows rows that it has seen, whatever it is fitted to."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def predict(self, X):
        return KNeighborsRegressor(1).fit(self.X, self.y).predict(X)


def test_a_formula_may_know_the_target_and_a_memory_may_not():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    line = Problem(X, 3 * X[:, 0] + rng.normal(size=200), 1)
    assert "its fit learns nothing" in UserModel(Formula()).require_fresh_start(line)
    assert UserModel(LinearRegression()).require_fresh_start(line) == ""
    noise = Problem(X, rng.normal(size=200), 1)
    assert UserModel(Formula()).require_fresh_start(noise) == ""
    for problem in (line, noise):
        with pytest.raises(BadInput, match="Remembered knows the target before it is fitted"):
            UserModel(Remembered(problem.X, problem.y)).require_fresh_start(problem)


def test_the_numbers_that_a_model_holds_are_counted():
    weights = torch.zeros(3, 4)
    holder = Remembered(np.zeros((5, 2)), [1.0, 2])
    assert numbers_held(holder) == 12
    assert numbers_held(lambda X: X @ weights) == 12
    assert numbers_held(nn.Linear(7, 2)) >= 16
    holder.itself = holder
    assert numbers_held(holder) == 12
