"""What each method promises beyond the laws."""

import numpy as np
import pytest
import torch
import torchbnn
from scipy.special import logsumexp
from scipy.stats import norm
from sklearn.utils.estimator_checks import check_estimator

from howrobust.base.method import Problem
from howrobust.base.splits import random_split
from howrobust.datasets.synthetic import Heteroscedastic, Quintic
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.methods import BayesianNN, DeepEnsemble, MCDropout, ShuffledCV
from howrobust.methods.bayesian_ridge import BayesianRidge
from howrobust.methods.core.engines.training import Schedule, TrainingJob, train
from howrobust.methods.core.losses.evidence_lower_bound import EvidenceLowerBound
from howrobust.methods.core.sampling.noise import fit_noise_sd
from howrobust.methods.gaussian_process import GaussianProcess
from howrobust.methods.marginal import Marginal
from howrobust.methods.oracle import Oracle
from howrobust.methods.shuffled_cv import folds
from howrobust.metrics import score


@pytest.mark.parametrize(
    "method", [BayesianNN, DeepEnsemble, ShuffledCV, MCDropout, GaussianProcess, BayesianRidge]
)
def test_scikit_learns_estimator_checks_pass(method):
    found = check_estimator(method(), on_fail=None)
    assert [(r["check_name"], r["exception"]) for r in found if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in found) > 30


def quintic_problem(seed=0):
    train_rows, test = Quintic().realise("draw-0", seed)
    return Problem(train_rows.X, train_rows.y, seed), test


@pytest.mark.parametrize(
    ("method", "limit"),
    [(BayesianNN(), 0.8), (DeepEnsemble(), 0.85), (ShuffledCV(), 0.75), (MCDropout(), 1.1)],
    ids=lambda v: type(v).__name__,
)
def test_each_method_learns_quintic(method, limit):
    # A line reaches rmse 5.6, the truth .577.
    problem, test = quintic_problem()
    (posterior,) = method.infer_stack([problem])
    found = score(posterior.predictive(test.X), test.y)
    assert found["rmse"] < limit
    assert found["coverage_90"] > 0.8


def test_the_marginal_and_the_oracle_bracket_the_field():
    problem, test = quintic_problem()
    told = Problem(problem.X, problem.y, problem.seed, truth=Quintic())
    marginal = score(Marginal().infer(problem).predictive(test.X), test.y)
    oracle = score(Oracle().infer(told).predictive(test.X), test.y)
    assert marginal["rmse"] == pytest.approx(6.65, rel=0.05)
    assert marginal["r2"] == pytest.approx(0, abs=0.02)
    assert oracle["nll"] == pytest.approx(np.log(2), rel=1e-6)
    # Uniform noise of width 2: (y - mu)^2 has mean 1/3 and sd sqrt(4/45); rmse +- .015 at n = 300.
    assert oracle["rmse"] == pytest.approx(0.5774, abs=4 * 0.015)
    with pytest.raises(ValueError, match="truth"):
        Oracle().infer(problem)


def test_the_marginal_has_the_mean_of_the_target():
    problem, _ = quintic_problem()
    predictive = Marginal().infer(problem).predictive(problem.X[:2])
    np.testing.assert_allclose(predictive.mean(), problem.y.mean(), rtol=1e-12)


def test_the_marginal_of_a_discrete_target_has_no_spikes():
    y = np.random.default_rng(0).integers(3, 9, 2000).astype(float)
    predictive = Marginal().infer(Problem(y[:, None], y, 0)).predictive(np.zeros((2, 1)))
    at, between = (np.exp(predictive.logpdf([v, v])[0]) for v in (6.0, 6.5))
    assert at / between < 1.3


def test_the_marginal_of_a_gaussian_target_is_near_its_entropy_however_many_rows():
    rng = np.random.default_rng(0)
    test = rng.normal(size=3000)
    for n in (1000, 300_000):
        y = rng.normal(size=n)
        predictive = Marginal().infer(Problem(y[:, None], y, 0)).predictive(np.zeros((3000, 1)))
        # Kernels of .23 sds cost .02 nats; the mean of 3,000 nlls of sd .71 errs by .05 at 4 sds.
        entropy = 0.5 * np.log(2 * np.pi * np.e)
        assert -predictive.logpdf(test).mean() == pytest.approx(entropy, abs=0.07)


def test_the_divergence_is_torchbnns(problems):
    (posterior,) = BayesianNN(epochs=5, prior_sd=0.3).infer_stack(problems[:1])
    module = posterior.to_module()
    theirs = torchbnn.BKLLoss(reduction="sum", last_layer_only=False)(module)
    assert posterior.kl == pytest.approx(float(theirs[0].detach()), rel=1e-4)


def test_the_returned_module_draws_from_the_trained_posterior(problems):
    method = BayesianNN(epochs=60, random_state=0).fit(problems[0].X, problems[0].y)
    module = method.to_module()
    assert all(isinstance(m, torchbnn.BayesLinear | torch.nn.ReLU) for m in module)
    scaling = method.posterior_.scaling
    X = problems[0].X[:5]
    inputs = ((torch.tensor(X) - scaling.x_mean) / scaling.x_sd).float()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        drawn = torch.stack([module(inputs)[:, 0] for _ in range(4000)]).double()
    theirs = (scaling.y_mean + scaling.y_sd * drawn).numpy()
    ours = method.posterior_.predictive(X, draws=4096, seed=1)
    sd = np.sqrt(ours.variance_parts()[1])
    # Two means of 4000 draws each: sqrt(2/4000) sds apart, times 5.
    assert (np.abs(theirs.mean(axis=0) - ours.mean()) < 5 * sd * np.sqrt(2 / 4000)).all()
    np.testing.assert_allclose(theirs.std(axis=0), sd, rtol=0.1)


def test_the_evidence_bound_is_nll_plus_kl_over_n(problems):
    problem = problems[0]
    objective = EvidenceLowerBound((6,), None)
    job = TrainingJob(np.arange(60), 3)
    trained = train(objective, problem.X, problem.y, [job], Schedule(1, None, 1e-12))
    # With a rate of 1e-12 the parameters stay at their start: recompute the loss by hand.
    generator = torch.Generator().manual_seed(3)
    start = [p[None] for p in objective.start(3, generator)]
    noise = objective.noise(3, 64, 3, 0)
    X = (problem.X - problem.X.mean(0)) / problem.X.std(0)
    y = (problem.y - problem.y.mean()) / problem.y.std()
    w1, b1, w2, b2 = (p[0].numpy().astype(float) for p in start[:4])
    s1, t1, s2, t2 = (np.exp(p[0].numpy().astype(float)) for p in start[4:8])
    e1, e2 = (e.numpy().astype(float)[:60] for e in noise)
    h = np.maximum(X @ w1 + b1 + np.sqrt(X**2 @ s1**2 + t1**2) * e1, 0)
    f = h @ w2 + b2 + np.sqrt(h**2 @ s2**2 + t2**2) * e2
    nll = -norm.logpdf(y, f[:, 0], 1.0).mean()
    priors = [1 / np.sqrt(3), 1.0, 1 / np.sqrt(6), 1.0]
    kl = 0.0
    for m, s, p in zip((w1, b1, w2, b2), (s1, t1, s2, t2), priors, strict=True):
        kl += (np.log(p / s) + (s**2 + m**2) / (2 * p**2) - 0.5).sum()
    assert float(trained.losses[0]) == pytest.approx(nll + kl / 60, rel=1e-5)


def test_the_learned_noise_is_the_true_one():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(800, 1))
    y = 4 * X[:, 0] + 0.5 * rng.normal(size=800)
    for method in (
        BayesianNN(epochs=150),
        ShuffledCV(epochs=60),
        MCDropout(epochs=60, dropout=0.01),
    ):
        (posterior,) = method.infer_stack([Problem(X, y, 1)])
        # An sd from 160 validation rows has a relative error of 1/sqrt(320) = 6 %; 4 of those.
        assert posterior.noise_sd == pytest.approx(0.5, rel=0.22), type(method).__name__


def test_a_given_precision_is_the_noise():
    problem, test = quintic_problem()
    (posterior,) = MCDropout(tau=4.0, epochs=2).infer_stack([problem])
    aleatoric, _ = posterior.predictive(test.X).variance_parts()
    np.testing.assert_allclose(aleatoric, 0.25, rtol=1e-12)


def test_the_fitted_noise_does_not_count_the_spread_of_members_twice():
    rng = np.random.default_rng(0)
    n, members, spread, noise = 3000, 200, 1.0, 1.0
    centre = rng.normal(size=n)
    # Truth and members are exchangeable draws around the centre: the mixture is calibrated.
    means = centre[:, None] + spread * rng.normal(size=(n, members))
    y = centre + spread * rng.normal(size=n) + noise * rng.normal(size=n)
    rows = np.repeat(np.arange(n), members)
    found = fit_noise_sd(means.ravel(), rows, y, 1e-3)
    # The sd of 3000 residuals has a relative error of 1.3 %, noise alone about twice that; and 200
    # members stand for the normal they come from: a little more noise smooths them.
    assert found == pytest.approx(noise, rel=0.08)
    doubly = np.std(y - means.mean(axis=1))
    assert doubly > 1.35 * noise
    cover = score(GaussianMixture(means.T, found), y)["coverage_90"]
    assert cover == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / n) + 0.01)


def test_the_fitted_noise_maximises_the_likelihood_and_keeps_its_floor():
    rng = np.random.default_rng(1)
    means, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    rows = np.repeat(np.arange(30), 4)

    def likelihood(v):
        return logsumexp(norm.logpdf(y[:, None], means, v), axis=1).sum()

    found = fit_noise_sd(means.ravel(), rows, y, 1e-3)
    slow = max(np.geomspace(1e-2, 10, 4000), key=likelihood)
    assert likelihood(found) >= likelihood(slow) - 1e-6
    exact = fit_noise_sd(y, np.arange(30), y, 0.05)
    assert exact == pytest.approx(0.05, rel=1e-6)


def test_members_of_an_ensemble_keep_their_losses(problems):
    (posterior,) = DeepEnsemble(n_members=4, epochs=5).infer_stack(problems[:1])
    losses = posterior.facts()["restart_losses"]
    assert len(losses) == 4
    assert len(set(losses)) == 4


@pytest.mark.parametrize("n_folds", [2, 5])
def test_every_row_is_held_out_once_per_shuffle(n_folds):
    held = folds(53, n_folds, 3, seed=1)
    assert len(held) == 3 * n_folds
    for r in range(3):
        rows = np.concatenate(held[r * n_folds : (r + 1) * n_folds])
        assert sorted(rows) == list(range(53))
    assert not np.array_equal(held[0], held[n_folds])


def test_shuffled_networks_differ_by_their_rows_alone(problems):
    problem = problems[0]
    (posterior,) = ShuffledCV(epochs=3, n_folds=2, n_shuffles=1).infer_stack([problem])
    assert posterior.n_draws == 2
    again = ShuffledCV(epochs=3, n_folds=2, n_shuffles=2).infer_stack([problem])[0]
    first = posterior.predictive(problem.X).means
    np.testing.assert_array_equal(first, again.predictive(problem.X).means[:2])


def test_a_network_never_sees_the_rows_it_is_judged_on(problems):
    problem = problems[0]
    (first, _) = folds(60, 2, 1, problem.seed)
    y = problem.y.copy()
    y[first] += 100.0
    method = ShuffledCV(epochs=3, n_folds=2, n_shuffles=1)
    (before,), (after,) = (
        method.infer_stack([Problem(problem.X, target, problem.seed)]) for target in (problem.y, y)
    )
    means = [p.predictive(problem.X).means for p in (before, after)]
    # The networks share units, which the change moves: float32 rounds at 1e-7 of 50.
    np.testing.assert_allclose(means[0][0], means[1][0], atol=1e-4)
    assert not np.array_equal(means[0][1], means[1][1])
    assert after.noise_sd > 10


def test_variance_heads_find_noise_that_grows():
    train_rows, _ = Heteroscedastic().realise("draw-0", 0)
    (posterior,) = DeepEnsemble().infer_stack([Problem(train_rows.X, train_rows.y, 0)])
    aleatoric, _ = posterior.predictive(np.array([[-1.5], [1.5]])).variance_parts()
    assert np.sqrt(aleatoric[1]) > 2 * np.sqrt(aleatoric[0])


def test_a_preset_replaces_only_words_left_at_their_default():
    words = BayesianNN(preset="article", n_draws=77).settings()
    assert (words["hidden"], words["epochs"], words["n_draws"]) == ((1000,), 2000, 77)
    assert (words["loss"], words["learning_rate"], words["batch_size"]) == ("mse_kl", 0.01, None)


def test_coverage_of_the_exact_posterior_is_nominal_on_average_over_the_prior():
    """Bayesian linear model: y = X w + e, w ~ N(0, I), known noise; exact predictive."""
    noise, found = 0.5, []
    rng = np.random.default_rng(0)
    for _ in range(400):
        w, X = rng.normal(size=3), rng.normal(size=(60, 3))
        y = X @ w + noise * rng.normal(size=60)
        train_rows, test = random_split(60, int(rng.integers(2**31)))
        A = X[train_rows].T @ X[train_rows] / noise**2 + np.eye(3)
        mean = np.linalg.solve(A, X[train_rows].T @ y[train_rows]) / noise**2
        spread = np.einsum("ij,jk,ik->i", X[test], np.linalg.inv(A), X[test])
        forecast = GaussianMixture((X[test] @ mean)[None], np.sqrt(spread + noise**2))
        found.append([score(forecast, y[test])[f"coverage_{p}"] for p in (50, 90, 95)])
    for share, nominal in zip(np.mean(found, axis=0), (0.5, 0.9, 0.95), strict=True):
        # 400 sets of 6 points; points of one set share their posterior: at most sqrt(1/400) sds.
        assert abs(share - nominal) < 4 * np.sqrt(nominal * (1 - nominal) / 400)
