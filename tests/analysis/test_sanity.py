"""What a card must get right, whatever the numbers: known copies of known methods."""

import numpy as np
import pytest
from scipy import stats

import howrobust as hr
from howrobust._run import execute
from howrobust.analysis.cards.ranking import cards
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.stress_curves import awareness
from howrobust.base.method import Posterior, SingleMethod
from howrobust.distributions.gaussian_mixture import GaussianMixture
from howrobust.execution.pools.inline import InlinePool
from howrobust.methods import BayesianRidge
from howrobust.planning.data_spec import DataSpec, given_rows
from howrobust.planning.entry_points import load_stress
from howrobust.planning.method_spec import MethodSpec
from howrobust.planning.options import RunOptions
from howrobust.planning.plan import plan_of
from howrobust.planning.selection import Selection, with_thirds
from howrobust.planning.suite import Suite
from howrobust.seeds import generator


class Altered(Posterior):
    """A posterior with its sds multiplied, or its mean moved by a random slope of its own."""

    def __init__(self, posterior, sds=1.0, slope=None):
        self.posterior, self.sds, self.slope = posterior, sds, slope

    def predictive(self, X, draws=None, seed=0):
        own = self.posterior.predictive(X)
        mean = own.mean() + (0 if self.slope is None else X @ self.slope)
        return GaussianMixture(mean[None], self.sds * np.sqrt(sum(own.variance_parts())))


class HalvedSds(SingleMethod):
    """Bayesian ridge with its sds halved."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        return Altered(BayesianRidge().infer(problem), sds=0.5)


class NoisyPredictions(SingleMethod):
    """Bayesian ridge whose predictions move with the seed of the fit."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        slope = 0.1 * generator(problem.seed, "slope").standard_normal(problem.X.shape[1])
        return Altered(BayesianRidge().infer(problem), slope=slope)


def plan_for(methods, source, stress, splits=5, repeats=3):
    """Plan classes of methods, and the marginal, on a source."""
    return plan_of(
        Selection(
            suite=Suite("sanity", "known copies", [], [], [], splits, None, repeats),
            options=RunOptions("sanity"),
            methods=[*(MethodSpec(m.__name__, model=m) for m in methods), MethodSpec("marginal")],
            data=[DataSpec(source.name, source=source)],
            stresses=with_thirds([load_stress(name) for name in stress]),
        )
    )


@pytest.fixture(scope="module")
def linear_cards(tmp_path_factory):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    source = given_rows(X, X @ [2.0, -1.0, 0.5] + rng.normal(size=600))
    methods = [BayesianRidge, HalvedSds, NoisyPredictions]
    plan = plan_for(methods, source, ["input_noise"])
    results = execute(plan, tmp_path_factory.mktemp("linear"), pool=InlinePool())
    return cards(Scores(results))


def headline(card, part):
    (dataset,) = card.datasets
    return card.headline(dataset, part)


def test_a_copy_with_its_sds_halved_is_less_calibrated(linear_cards):
    calibrated, halved = (
        headline(linear_cards[m], "calibration") for m in ("BayesianRidge", "HalvedSds")
    )
    assert calibrated.rank == 1
    assert halved.result.lower > calibrated.result.upper
    assert halved.rank > calibrated.rank
    # 90 % intervals of half the width hold 2 Phi(1.645 / 2) - 1 = 58.9 %.
    covered = linear_cards["HalvedSds"].value("coverage_90")
    assert covered == pytest.approx(2 * stats.norm.cdf(stats.norm.ppf(0.95) / 2) - 1, abs=0.1)


def test_a_copy_with_noisy_predictions_is_less_stable(linear_cards):
    still, noisy = (
        headline(linear_cards[m], "stability") for m in ("BayesianRidge", "NoisyPredictions")
    )
    assert still.result.value == 0
    assert still.verdict == "deterministic, as claimed"
    assert still.rank is None  # what cannot differ is not ranked for it
    assert noisy.result.value > 0.05
    assert noisy.rank == 1


def test_the_marginal_wins_no_ranking(linear_cards):
    assert all(entry.rank is None for entry in linear_cards["marginal"].entries)


def test_a_method_that_does_not_beat_the_marginal_is_ranked_on_no_virtue_it_has_for_free():
    card = hr.assess(Guess(), *noise_rows(), repeats=2, splits=3, stress=["input_noise"])
    for part in ("calibration", "stability", "tolerance"):
        entry = headline(card, part)
        assert entry.rank is None
        why = "the restarts gave the same predictions" if part == "stability" else "beat marginal"
        assert why in entry.reason
    assert headline(card, "accuracy").rank == 1


class Guess(SingleMethod):
    """Five, give or take ten, whatever the rows."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def infer(self, problem):
        return FivePosterior()


class FivePosterior(Posterior):
    def predictive(self, X, draws=None, seed=0):
        return GaussianMixture(np.full((1, len(X)), 5.0), 10.0)


def noise_rows():
    rng = np.random.default_rng(1)
    return rng.normal(size=(200, 2)), rng.normal(size=200)


def test_a_constant_sd_is_reported_as_unaware_of_the_tail(tmp_path):
    results = hr.run(
        methods=["shuffled_cv[n_folds=2,n_shuffles=1,epochs=100]", "gaussian_process"],
        data=["quintic"], stress=["tail"], splits=1, out=tmp_path, workers=2,
    )  # fmt: skip
    (unaware,) = (
        e for e in results.card(results.about.labels[0]).entries if e.item.stress == "tail"
        and e.item.name == "awareness"
    )  # fmt: skip
    assert unaware.verdict == "unaware"
    assert unaware.result.value < 0.25
    # The process, whose sd goes back to its prior's there, sees more of it.
    (process,) = (
        e for e in results.card("gaussian_process").entries
        if e.item.stress == "tail" and e.item.name == "awareness"
    )  # fmt: skip
    assert process.result.value > unaware.result.value


def test_the_oracle_has_the_lowest_clean_nll(tmp_path):
    results = hr.run(
        methods=["bayesian_nn", "deep_ensemble", "bayesian_ridge"],
        data=["quintic", "heteroscedastic", "friedman1"], stress=[], splits=3, out=tmp_path,
    )  # fmt: skip
    records = results.records()
    nll = records[records["metric"] == "nll"]
    means = nll.groupby(["dataset", "method"])["value"].mean().unstack()
    assert (means.idxmin(axis=1) == "oracle").all()


def test_a_stress_aware_oracle_keeps_pace_where_the_plain_one_does_not():
    """y = x_0 + x_1 + e with x standard normal, seen with noise of sd s: p(y | seen) is known.

    Given z = x + s n, x is normal with mean z / (1 + s^2) and variance s^2 / (1 + s^2).
    """
    rng = np.random.default_rng(2)
    n, levels = 40_000, (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
    x, noise = rng.normal(size=(n, 2)), rng.normal(size=(n, 2))
    y = x.sum(axis=1) + 0.2 * rng.normal(size=n)
    plain, aware = [], []
    for s in (0.0, *levels):
        seen = x + s * noise
        mean, variance = seen / (1 + s**2), s**2 / (1 + s**2)
        aware.append((np.sqrt(np.mean((y - mean.sum(axis=1)) ** 2)), np.sqrt(2 * variance + 0.04)))
        plain.append((np.sqrt(np.mean((y - seen.sum(axis=1)) ** 2)), 0.2))

    def of(pairs):
        (clean_rmse, clean_sd), *rest = pairs
        return awareness(*np.transpose(rest), clean_rmse, clean_sd)

    # The sd is the true rmse: off by its sampling error, a relative 1 / sqrt(2 n).
    assert of(aware) == pytest.approx(1, abs=0.02)
    assert of(plain) == pytest.approx(0, abs=1e-12)
