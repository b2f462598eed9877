"""Settings of which several values are given are decided on validation rows, per problem."""

import numpy as np
import pytest

from howrobust import seeds
from howrobust.base.method import Problem
from howrobust.methods import DeepEnsemble, MCDropout
from howrobust.testing.method_checks import check_method

RATES = (0.0003, 0.01, 0.1)


def make(learning_rate):
    return DeepEnsemble(epochs=20, n_members=2, learning_rate=learning_rate)


def validation_nll(method, problem):
    """The slow way: fit on the first four fifths, score on the last."""
    start = len(problem.y) - len(problem.y) // 5
    (posterior,) = method.infer_stack([Problem(problem.X[:start], problem.y[:start], problem.seed)])
    seed = seeds.derive(problem.seed, "choice")
    return -posterior.predictive(problem.X[start:], seed=seed).logpdf(problem.y[start:]).mean()


def test_the_value_with_the_least_nll_on_the_last_fifth_learns_all_rows(problems):
    posteriors = make(RATES).infer_stack(problems)
    chosen = set()
    for problem, posterior in zip(problems, posteriors, strict=True):
        scores = [validation_nll(make(rate), problem) for rate in RATES]
        best = RATES[int(np.argmin(scores))]
        chosen.add(best)
        assert posterior.facts()["learning_rate"] == best
        (alone,) = make(best).infer_stack([problem])
        forecasts = (p.predictive(problem.X) for p in (posterior, alone))
        np.testing.assert_array_equal(*(f.logpdf(problem.y) for f in forecasts))
    assert 0.0003 not in chosen  # 60 steps at such a rate learn nothing


def test_one_value_in_a_list_is_that_value(problems):
    (one,), (listed,) = (make(rate).infer_stack(problems[:1]) for rate in (0.01, (0.01,)))
    X = problems[0].X
    np.testing.assert_array_equal(one.predictive(X).mean(), listed.predictive(X).mean())
    assert "learning_rate" not in listed.facts()


def test_a_rate_at_which_training_diverges_is_out(problems):
    posteriors = make((0.01, 1e30)).infer_stack(problems)
    assert [p.facts()["learning_rate"] for p in posteriors] == [0.01] * 3
    with pytest.raises(FloatingPointError, match="diverged"):
        make((1e30, 1e31)).infer_stack(problems[:1])


def test_pairs_of_dropout_and_precision_are_chosen_together(problems):
    words = {"epochs": 30, "n_draws": 50}
    method = MCDropout(dropout=(0.01, 0.5), tau=(0.001, 1.0), **words)
    (posterior,) = method.infer_stack(problems[:1])
    pairs = [(p, tau) for p in (0.01, 0.5) for tau in (0.001, 1.0)]
    methods = [MCDropout(dropout=p, tau=tau, **words) for p, tau in pairs]
    best = pairs[int(np.argmin([validation_nll(m, problems[0]) for m in methods]))]
    facts = posterior.facts()
    assert (facts["dropout"], facts["tau"]) == best
    assert facts["noise_sd"] == pytest.approx(best[1] ** -0.5)


def test_the_laws_hold_with_several_values():
    assert [f for f in check_method(lambda: make((0.003, 0.03))) if not f.passed] == []


@pytest.mark.parametrize(
    ("method", "sentence"),
    [
        (DeepEnsemble(epochs=(1, 2)), "epochs must be one value"),
        (DeepEnsemble(learning_rate=()), "learning_rate must be greater than 0"),
        (MCDropout(dropout=(0.1, 1.5)), "dropout must be greater than 0 and less than 1"),
    ],
)
def test_several_values_are_checked_one_by_one(method, sentence, problems):
    with pytest.raises(ValueError, match=sentence):
        method.infer_stack(problems[:1])
