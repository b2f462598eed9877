"""A third party's plug-ins: nearest neighbours, a data set, a metric, methods that misbehave."""

import os
import time

import numpy as np

from howrobust.base.data import Dataset, Provenance, Source
from howrobust.base.method import Posterior, SingleMethod
from howrobust.base.metric import Metric
from howrobust.base.split_names import numbered, split_number
from howrobust.base.splits import random_split
from howrobust.base.stress import InputStress
from howrobust.distributions.gaussian_mixture import GaussianMixture


class Nearest(SingleMethod):
    """The k nearest training targets, with the sd of their leave-one-out errors."""

    components = "neighbours"
    noise_model = "constant; leave-one-out errors"

    def __init__(self, k=5, random_state=None):
        self.k = k
        self.random_state = random_state

    def infer(self, problem):
        return Neighbours(problem.X.copy(), problem.y.copy(), self.k)


class Neighbours(Posterior):
    def __init__(self, X, y, k):
        self.X, self.y, self.k = X, y, k
        self.scale = X.std(axis=0)
        self.scale[self.scale == 0] = 1
        self.noise = 0.0
        nearest = self.targets(X, skip=1)
        self.noise = float(np.std(y - nearest.mean(axis=0))) + 1e-9

    def targets(self, X, skip=0):
        apart = (((X[:, None] - self.X[None]) / self.scale) ** 2).sum(axis=-1)
        order = np.argsort(apart, axis=1, kind="stable")[:, skip : skip + self.k]
        return self.y[order].T

    def predictive(self, X, draws=None, seed=0):
        return GaussianMixture(self.targets(X), self.noise)


class Unfaithful(SingleMethod):
    """Breaks a law: its forecast depends on a global generator."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        np.random.rand()  # noqa: NPY002
        return Neighbours(problem.X, problem.y, 3)


class Poison(SingleMethod):
    """Fails in the way it is told, on data whose first training target is above its threshold."""

    def __init__(self, how="raise", above=-np.inf, random_state=None):
        self.how = how
        self.above = above
        self.random_state = random_state

    def infer(self, problem):
        if problem.y[0] > self.above:
            if self.how == "raise":
                raise RuntimeError("poisoned\nby design")
            if self.how == "exit":
                os._exit(7)
            if self.how == "hang":
                time.sleep(3600)
            if self.how == "mutate":
                problem.y[:] = 0
            if self.how == "nan":
                problem = type(problem)(problem.X, np.full_like(problem.y, np.nan), problem.seed)
        return Neighbours(problem.X, problem.y, 3)


class Sleepy(SingleMethod):
    """Takes as many seconds as the environment says."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        time.sleep(float(os.environ.get("NEAREST_SLEEP", "0")))
        return Neighbours(problem.X, problem.y, 3)


class Line(Source):
    """y = x with a little noise."""

    name = "line"
    provenance = Provenance("a line", "tests", "none needed", "-")

    def splits(self, count=None, family=None):
        return numbered("random", count, 3, None, self.name)

    def realise(self, split, seed):
        split_number(split, "random", self.name)
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 1))
        data = Dataset(X, X[:, 0] + 0.1 * rng.normal(size=60), ("x",))
        train, test = random_split(60, seed + split_number(split, "random", self.name))
        return data.take(train), data.take(test)

    @property
    def sha256(self):
        return self.realise("random-0", 0)[0].sha256


class Shift(InputStress):
    """Every feature moved by so many sds."""

    name = "shift"
    levels = (1.0, 2.0)
    unit = "training sd"

    def apply(self, X, y, context, level, seed):
        return X + level * context.sd if level else X


class Broken(Shift):
    """Raises at its second level."""

    name = "broken"

    def apply(self, X, y, context, level, seed):
        if level > 1:
            raise RuntimeError("broken by design")
        return super().apply(X, y, context, level, seed)


def fragile(forecast, y, y_scale):
    if y_scale is not None:
        raise ZeroDivisionError("a metric with a fault")
    return 0.0


FRAGILE = Metric("fragile", "low", fragile)
WORST_ERROR = Metric("worst_error", "low", lambda f, y, s: float(np.abs(y - f.mean).max()))
