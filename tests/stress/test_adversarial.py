"""Attacks on inputs: the known answer of a linear model, and what no attack may do."""

import numpy as np
import pandas as pd
import pytest

from howrobust.base.method import DifferentiablePosterior, Posterior, Problem
from howrobust.base.stress_context import Context
from howrobust.base.tables.frame import Frame
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV
from howrobust.methods.bayesian_ridge import BayesianRidge
from howrobust.methods.gaussian_process import GaussianProcess
from howrobust.methods.marginal import Marginal
from howrobust.planning.entry_points import load_stress
from howrobust.stress.adversarial import (
    ATTACK_DRAWS,
    QUERIES,
    Adversarial,
    AdversarialNll,
)

ATTACKS = [Adversarial(), AdversarialNll()]
WEIGHTS, NOISE = np.array([2.0, -0.3, 0.0, 5.0]), 0.5


class Line(Posterior):
    """Mean x'w with a constant sd; it keeps the draws and seeds it was asked for."""

    def __init__(self):
        self.asked = []

    def predictive(self, X, draws=None, seed=0):
        self.asked.append((draws, seed))
        return GaussianMixture((X @ WEIGHTS)[None], NOISE)


class KnownLine(Line, DifferentiablePosterior):
    def gradients(self, X, y, draws=None, seed=0):
        self.asked.append((draws, seed))
        square = -2 * (y - X @ WEIGHTS)[:, None] * WEIGHTS
        return square, square / (2 * NOISE**2)


class Hidden(Posterior):
    """A posterior without its gradients."""

    def __init__(self, posterior):
        self.posterior = posterior

    def predictive(self, X, draws=None, seed=0):
        return self.posterior.predictive(X, draws, seed)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)) * [1, 10, 3, 0.1] + [0, 100, 5, -5]
    y = X @ WEIGHTS + NOISE * rng.normal(size=200)
    X.flags.writeable = y.flags.writeable = False
    return X, y


def attacked_by(stress, posterior, rows, level, seed=1):
    X, y = rows
    return stress.apply(X, y, Context.of(X, posterior), level, seed)


def rise(stress, posterior, rows, stressed, draws=ATTACK_DRAWS, seed=77):
    """How much the attacked loss of every row has grown."""
    X, y = rows
    after, before = (
        stress.loss(posterior.predictive(inputs, draws, seed), y) for inputs in (stressed, X)
    )
    return after - before


@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
def test_the_error_of_a_linear_model_grows_by_the_known_amount(rows, stress):
    """The loss grows with |r|, whose gradient has the same signs all over the box."""
    X, y = rows
    for level in stress.levels:
        stressed = attacked_by(stress, KnownLine(), rows, level)
        found = np.mean((y - stressed @ WEIGHTS) ** 2)
        reach = level * np.abs(WEIGHTS) @ X.std(axis=0)
        assert found == pytest.approx(np.mean((np.abs(y - X @ WEIGHTS) + reach) ** 2), rel=1e-12)


@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
def test_random_search_comes_close_to_the_gradients_of_a_linear_model(rows, stress):
    """Three weights count.

    A proposal moves a given feature alone with probability (1/4) (3/4)^3 = .11, half of these the
    right way from X. 99 proposals then miss one of three with probability 3 (1 - .05)^99 = .02,
    which costs that row a part of its rise.
    """
    by_gradient, by_search = (
        rise(stress, KnownLine(), rows, attacked_by(stress, posterior, rows, 0.1)).mean()
        for posterior in (KnownLine(), Line())
    )
    assert 0.98 * by_gradient < by_search < (1 + 1e-9) * by_gradient


@pytest.mark.parametrize("kind", [Line, KnownLine])
@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
def test_no_row_improves_or_leaves_its_box(rows, stress, kind):
    X, _ = rows
    for level in stress.levels:
        stressed = attacked_by(stress, kind(), rows, level)
        assert (rise(stress, kind(), rows, stressed) >= 0).all()
        # A sum and a difference near 100 round at 1e-14.
        assert (np.abs(stressed - X) <= level * X.std(axis=0) + 1e-12).all()


class Wrong(KnownLine):
    def gradients(self, X, y, draws=None, seed=0):
        square, nll = super().gradients(X, y, draws, seed)
        return -square, -nll


def test_a_row_that_no_step_makes_worse_stays_where_it_is(rows):
    X, y = rows
    # The wrong way lowers every error above half the reach of .001 * 5.5.
    stressed = attacked_by(Adversarial(), Wrong(), rows, 0.001)
    small = np.abs(y - X @ WEIGHTS) < 0.01
    assert 0 < small.sum() < len(y)
    np.testing.assert_array_equal(stressed[~small], X[~small])


class Hill(DifferentiablePosterior):
    """Mean 1 - x^2."""

    def predictive(self, X, draws=None, seed=0):
        return GaussianMixture(1 - X.T**2, 1.0)

    def gradients(self, X, y, draws=None, seed=0):
        square = 4 * X * (y[:, None] - 1 + X**2)
        return square, square / 2


@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
def test_steps_stay_at_a_top_that_one_step_overshoots(stress):
    """From .1 with a radius of .3: one step ends at -.2; ten of .075 at .025 or -.05, in turn."""
    X, y = np.array([[0.1]]), np.zeros(1)
    context = Context.of(np.array([[0.0], [2.0]]), Hill())  # the sd is 1
    (moved,) = stress.apply(X, y, context, 0.3, 1)
    assert moved == pytest.approx(-0.05)


class Fan(DifferentiablePosterior):
    """Mean 0 and sd exp(x): at y = 0, -log p is x + a constant."""

    def predictive(self, X, draws=None, seed=0):
        return GaussianMixture(np.zeros((1, len(X))), np.exp(X[:, 0]))

    def gradients(self, X, y, draws=None, seed=0):
        return np.zeros_like(X), np.ones_like(X)


def test_each_attack_follows_its_own_loss():
    X, y = np.linspace(-1, 1, 5)[:, None], np.zeros(5)
    on_error, on_density = (attacked_by(stress, Fan(), (X, y), 0.1) for stress in ATTACKS)
    np.testing.assert_array_equal(on_error, X)
    np.testing.assert_allclose(on_density, X + 0.1 * X.std())


@pytest.mark.parametrize("kind", [Line, KnownLine])
@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
def test_level_zero_is_clean_and_a_seed_names_its_inputs(rows, stress, kind):
    X, _ = rows
    assert attacked_by(stress, kind(), rows, 0.0) is X
    first, second, other = (attacked_by(stress, kind(), rows, 0.1, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, second)
    if kind is Line:
        assert not np.array_equal(first, other)


@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
def test_an_attack_has_draws_of_its_own_and_a_stated_budget(rows, stress):
    seen, unseen = KnownLine(), Line()
    for posterior in (seen, unseen):
        attacked_by(stress, posterior, rows, 0.1, seed=1)
        ((draws, seed),) = set(posterior.asked)
        assert draws == ATTACK_DRAWS
        assert seed != 1
    assert len(unseen.asked) == QUERIES
    assert len(seen.asked) == 10 + 3  # gradients, and the loss of the three candidates


def test_an_attack_needs_a_posterior(rows):
    X, y = rows
    for stress in ATTACKS:
        with pytest.raises(ValueError, match="needs a posterior"):
            stress.apply(X, y, Context.of(X), 0.1, 1)


def test_attacks_are_in_the_catalogue_and_not_nested():
    for stress in ATTACKS:
        assert type(load_stress(stress.name)) is type(stress)
        assert not stress.nested


@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
@pytest.mark.parametrize(
    "method",
    [
        BayesianNN(epochs=60),
        DeepEnsemble(epochs=60),
        ShuffledCV(epochs=60, n_folds=3, n_shuffles=1),
        MCDropout(epochs=60),
        GaussianProcess(),
        BayesianRidge(),
    ],
    ids=lambda m: type(m).__name__,
)
def test_every_method_is_attacked_along_its_gradients(stress, method):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 2))
    y = np.sin(2 * X[:, 0]) + X[:, 1] + 0.3 * rng.normal(size=150)
    (posterior,) = method.infer_stack([Problem(X[:100], y[:100], 0)])
    assert isinstance(posterior, DifferentiablePosterior)
    assert not isinstance(Hidden(posterior), DifferentiablePosterior)
    held = X[100:], y[100:]
    context = Context.of(X[:100], posterior)
    by_gradient = stress.apply(*held, context, 0.1, 1)
    blind = Context.of(X[:100], Hidden(posterior))
    by_search = stress.apply(*held, blind, 0.1, 1)
    # Of the draws that score, not of those that were attacked.
    found, other = (rise(stress, posterior, held, Z, 256).mean() for Z in (by_gradient, by_search))
    assert found > 0
    # Of two features random search visits all corners, where a loss this smooth is greatest.
    assert found == pytest.approx(other, rel=0.1)


def test_the_marginal_which_looks_at_no_input_cannot_be_attacked(rows):
    X, y = rows
    posterior = Marginal().infer(Problem(X, y, 0))
    assert not isinstance(posterior, DifferentiablePosterior)
    for stress in ATTACKS:
        np.testing.assert_array_equal(attacked_by(stress, posterior, rows, 0.3), X)


class Gaps(DifferentiablePosterior):
    """Mean x_0, or 9 where it is missing; the gradients of a row with a missing value are NaN."""

    def predictive(self, X, draws=None, seed=0):
        return GaussianMixture(np.nan_to_num(X[:, 0], nan=9.0)[None], 1.0)

    def gradients(self, X, y, draws=None, seed=0):
        square = np.zeros(X.shape)
        square[:, 0] = 2 * (X[:, 0] - y)
        square[np.isnan(X).any(axis=1)] = np.nan
        return square, square / 2


@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
def test_missing_values_stay_and_rows_without_a_gradient_are_not_attacked(stress):
    X, y = np.array([[1.0, 5.0], [np.nan, 5.0], [2.0, np.nan]]), np.zeros(3)
    context = Context.of(np.array([[0.0, 0.0], [2.0, 2.0]]), Gaps())
    moved = stress.apply(X, y, context, 0.3, 1)
    np.testing.assert_allclose(moved, [[1.3, 5.0], [np.nan, 5.0], [2.0, np.nan]], rtol=1e-12)


class Recording(Posterior):
    """Mean 3 x_0 - x_1; keeps all rows that it is asked about."""

    def __init__(self):
        self.asked = []

    def predictive(self, X, draws=None, seed=0):
        self.asked.append(X.copy())
        return GaussianMixture((3 * X[:, 0] - X[:, 1])[None], 1.0)


@pytest.mark.parametrize("stress", ATTACKS, ids=lambda s: s.name)
def test_an_attack_asks_about_rows_that_the_table_holds_and_reports_those(stress):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"count": rng.poisson(1.5, 60), "mass": rng.exponential(size=60)})
    frame = Frame.of(table)
    X, y = frame.encode(table), np.zeros(60)
    for level in (0.3, 0.9):
        posterior = Recording()
        context = Context.of(X, posterior, frame)
        found = frame.within(stress.apply(X, y, context, level, 1))
        asked = np.stack(posterior.asked)
        np.testing.assert_array_equal(asked[..., 0], np.rint(asked[..., 0]))
        assert asked.min() >= 0
        assert (np.abs(found - X) <= level * context.sd + 1e-12).all()
        loss = (3 * found[:, 0] - found[:, 1]) ** 2
        worst = np.max((3 * asked[..., 0] - asked[..., 1]) ** 2, axis=0)
        np.testing.assert_allclose(loss, worst, rtol=1e-12)
