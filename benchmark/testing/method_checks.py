"""The laws of methods, of the posteriors they return and of the distributions those predict."""

import pickle  # nosec B403 # of what it has pickled itself
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from howrobust.base.method import Method, Posterior, Problem
from howrobust.distributions.arrays import Array
from howrobust.distributions.forecast import NotStated
from howrobust.distributions.predictive import Predictive
from howrobust.distributions.transformed.law import transformed
from howrobust.distributions.transformed.transforms import YeoJohnson
from howrobust.testing.laws import Finding, Law, describe, require, small_problem, try_laws

LEARNS = "it learns three small problems"


def check_method(make: Callable[[], Method]) -> list[Finding]:
    """Check the laws of `Method`, `Posterior` and `Predictive`.

    Parameters
    ----------
    make : callable
        Returns a new method at each call: its class, for instance.

    Returns
    -------
    list of Finding
        One for each law; the first alone where the method cannot be fitted.
    """
    problems = [small_problem(n, seed) for seed, n in enumerate((60, 47, 60))]
    if make().sees_truth:
        return [Finding("a method that is given the truth has no posterior to check", True)]
    try:
        posteriors = make().infer_stack(problems)
    except (Exception, SystemExit) as error:  # no other law can be tried
        return [Finding(LEARNS, False, describe(error))]
    test = small_problem(40, 9)
    fitted = _Fitted(make, problems, posteriors, test.X, test.y)
    return [Finding(LEARNS, True), *try_laws(fitted, LAWS)]


@dataclass(frozen=True)
class _Fitted:
    """A method, the posteriors of three problems, and other rows to predict."""

    make: Callable[[], Method]
    problems: list[Problem]
    posteriors: Sequence[Posterior]
    X: Array
    y: Array


def _one_posterior_per_problem(fitted: _Fitted) -> None:
    same = len(fitted.posteriors) == len(fitted.problems)
    require(same, "infer_stack must return one per problem")


def _stack_equals_singles(fitted: _Fitted) -> None:
    for problem, stacked in zip(fitted.problems, fitted.posteriors, strict=True):
        (alone,) = fitted.make().infer_stack([problem])
        whole, single = (_summary(p, fitted, 3) for p in (stacked, alone))
        require(whole == single, "a problem's posterior depends on its neighbours")


def _global_generators_are_left_alone(fitted: _Fitted) -> None:
    before = _global_states()
    (posterior,) = fitted.make().infer_stack(fitted.problems[:1])
    _summary(posterior, fitted, 5)
    require(_global_states() == before, "a global generator was used")


def _global_states() -> list[bytes]:
    """Return states of the global generators of Python, NumPy and, where it is loaded, torch."""
    numpy: Any = np.random.get_state(legacy=True)  # noqa: NPY002 - looked at, never used
    states = [repr(state).encode() for state in (random.getstate(), numpy[1].tolist(), numpy[2:])]
    torch = sys.modules.get("torch")
    return states + ([torch.get_rng_state().numpy().tobytes()] if torch else [])


def _same_seed_same_forecast(fitted: _Fitted) -> None:
    first, second = (_summary(fitted.posteriors[0], fitted, 5) for _ in range(2))
    require(first == second, "two forecasts with one seed differ")


def _summary(posterior: Posterior, fitted: _Fitted, seed: int) -> dict[str, bytes]:
    """Return the arrays of a forecast that its form has, by name."""
    forecast = posterior.predictive(fitted.X, seed=seed).forecast(fitted.y)
    names = {"mean", "logpdf", "quantiles"} - (forecast.missing.keys() - {"quantiles"})
    return {name: np.asarray(getattr(forecast, name)).tobytes() for name in sorted(names)}


def _subsets_of_rows_agree(fitted: _Fitted) -> None:
    def centre(step: int) -> Array:
        predictive = fitted.posteriors[0].predictive(fitted.X[::step], seed=5)
        forecast = predictive.forecast(fitted.y[::step])
        return forecast.quantiles.mean(axis=0) if "mean" in forecast.missing else forecast.mean

    np.testing.assert_allclose(centre(3), centre(1)[::3], rtol=1e-9, atol=1e-9)


def _distribution_is_one(fitted: _Fitted) -> None:
    predictive = fitted.posteriors[0].predictive(fitted.X, seed=5)
    require(predictive.n_components >= 1, "n_components is less than 1")
    for check in (_check_moments, _check_cdf, _check_sample):
        with suppress(NotStated):  # a form may give a part of a distribution alone
            check(predictive, fitted.y)


def _check_moments(predictive: Predictive, y: Array) -> None:
    mean, (aleatoric, between) = predictive.mean(), predictive.variance_parts()
    require(mean.shape == y.shape, f"the mean has shape {mean.shape}, not {y.shape}")
    require(np.isfinite(mean).all(), "the mean is not finite")
    require((aleatoric > 0).all() and (between >= 0).all(), "a variance part is negative")


def _check_cdf(predictive: Predictive, y: Array) -> None:
    try:
        density = predictive.logpdf(predictive.mean())
        require(bool(np.isfinite(density).all()), "the density at the mean is not finite")
        atol = 2e-3
    except NotStated:
        atol = 2e-2  # intervals or draws alone: their cdf goes by steps
    cdf = predictive.cdf(y)
    require(((cdf >= 0) & (cdf <= 1)).all(), "the cdf leaves [0, 1]")
    levels = np.array([0.05, 0.5, 0.95])
    quantiles = predictive.quantile(levels)
    require((np.diff(quantiles, axis=0) >= 0).all(), "quantiles are not in order")
    # At a point mass F jumps from below the level to above it.
    above = predictive.cdf(quantiles) - levels[:, None]
    below = predictive.cdf(np.nextafter(quantiles, -np.inf)) - levels[:, None]
    require(((above >= -atol) & (below <= atol)).all(), "quantiles do not invert the cdf")


def _check_sample(predictive: Predictive, y: Array) -> None:
    # 400 draws: their mean is within 6 standard errors of the mean, at every point.
    draws = predictive.sample(400, seed=1)
    require(draws.shape == (400, len(y)), f"sample has shape {draws.shape}")
    error = np.sqrt(sum(predictive.variance_parts()) / 400)
    near = np.abs(draws.mean(axis=0) - predictive.mean()) < 6 * error
    require(near.all(), "draws miss the mean")


def _forecasts_return_to_target_units(fitted: _Fitted) -> None:
    if fitted.make().takes_tables:  # its target is never transformed
        return
    base = fitted.posteriors[0].predictive(fitted.X, seed=5)
    # The exponent 1 changes the unit alone: quantiles at the levels that the form has are doubled.
    doubled = transformed(base, YeoJohnson(1.0, 2.0)).forecast(2 * fitted.y)
    plain = base.forecast(fitted.y)
    require(doubled.levels == plain.levels, "transformed forecasts have other levels")
    np.testing.assert_allclose(doubled.quantiles, 2 * plain.quantiles, rtol=1e-6, atol=1e-9)


def _posterior_can_be_pickled(fitted: _Fitted) -> None:
    again = pickle.loads(pickle.dumps(fitted.posteriors[0]))  # nosec B301
    first, second = (_summary(p, fitted, 5) for p in (again, fitted.posteriors[0]))
    require(first == second, "a pickled posterior forecasts something else")


def _predict_is_the_mean(fitted: _Fitted) -> None:
    problem = fitted.problems[0]
    estimator = fitted.make().set_params(random_state=0).fit(problem.X, problem.y)
    try:
        mean = estimator.predict_distribution(fitted.X).mean()
    except NotStated:  # an interval without a point forecast
        return
    predicted = estimator.predict(fitted.X)
    require(np.array_equal(predicted, mean), "predict is not the mean of the distribution")
    require(predicted.dtype == np.float64, f"predict returned {predicted.dtype}, not float64")


def _settings_are_stored_untouched(fitted: _Fitted) -> None:
    method = fitted.make()
    for name, value in method.get_params(deep=False).items():
        require(getattr(method, name) is value, f"__init__ changes {name}")


LAWS: list[Law[_Fitted]] = [
    ("one posterior per problem", _one_posterior_per_problem),
    ("law 2: a stack equals its problems alone, bit for bit", _stack_equals_singles),
    ("law 5: global generators are left alone", _global_generators_are_left_alone),
    ("the same seed gives the same forecast", _same_seed_same_forecast),
    ("a subset of rows has the same forecast", _subsets_of_rows_agree),
    ("cdf, quantiles, moments and density belong to one distribution", _distribution_is_one),
    ("forecasts of a transformed target return to its units", _forecasts_return_to_target_units),
    ("a posterior can be pickled", _posterior_can_be_pickled),
    ("predict is the mean of the distribution, float64", _predict_is_the_mean),
    ("settings are stored untouched", _settings_are_stored_untouched),
]
