"""Differences, contests, improvements and profiles of made-up runs, against slow versions."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs
from scipy import stats
from statsmodels.stats.multitest import multipletests

from howrobust import seeds
from howrobust.analysis.differences import differences
from howrobust.analysis.profiles import profiles
from howrobust.analysis.ranking import contest, groups, improvements
from howrobust.analysis.results import COLUMNS
from howrobust.analysis.run_scores import Scores
from howrobust.analysis.split_values import ScoreKey
from howrobust.analysis.statistics import over_splits, wilson
from howrobust.base.cells import CLEAN
from howrobust.base.facts import Command, DataFacts, MethodFacts
from howrobust.base.metric import Undefined
from howrobust.base.records import _SHOWN_OF_ENVIRONMENT, CellResult, RunInfo
from howrobust.errors import BadInput
from howrobust.storage.arrays import HeldOut

N_TRAIN, N_TEST = 90, 10


class Run:
    """A run with given values (methods, J) or (methods, J, repeats) by data set.

    NaN is a split without a value. ``tables`` gives the family of the splits of data sets that are
    tables; the other data sets are generated.
    """

    def __init__(self, methods, values, metric="nll", tables=None):
        self.methods, self.metric = methods, metric
        self.values = {name: np.asarray(block, dtype=float) for name, block in values.items()}
        self.about = about(methods, values, tables or {})

    def _places(self):
        for dataset, block in self.values.items():
            block = block if block.ndim == 3 else block[..., None]
            for (m, j, repeat), value in np.ndenumerate(block):
                yield dataset, f"split-{j}", self.methods[m], repeat, value

    def records(self):
        rows = []
        for dataset, split, method, repeat, value in self._places():
            status = "failed" if np.isnan(value) else "ok"
            place = ("run", dataset, split, method, repeat, "none", 0.0, "", "")
            rows.append((*place, self.metric, value, status, ""))
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def cells(self):
        return [
            CellResult(
                key="", dataset=dataset, split=split, method=method, train_stress="none",
                level=0.0, repeat=repeat, status="failed" if np.isnan(value) else "ok",
                testset=dataset,
            )
            for dataset, split, method, repeat, value in self._places()
        ]  # fmt: skip

    def testset(self, cell):
        return HeldOut(np.zeros((N_TEST, 1)), np.zeros(N_TEST), 1.0, 0.0, N_TRAIN)


def about(methods, datasets, tables):
    data = tuple(
        DataFacts(
            name=name, title=name, source="", licence="", unit="", sha256="",
            synthetic=name not in tables, limits={}, target="y", features=["x"], n_train=N_TRAIN,
            n_test=N_TEST, split=tables.get(name, "draw"), warnings=[],
        )
        for name in datasets
    )  # fmt: skip
    return RunInfo(
        run="run", suite="made", seed="0", started=0, levels=(CLEAN,), data=data,
        methods=tuple(MethodFacts(m, "components", "constant") for m in methods), stresses=(),
        command=Command("howrobust run", []), environment=dict.fromkeys(_SHOWN_OF_ENVIRONMENT, "x"),
    )  # fmt: skip


def made(methods, values, metric="nll", tables=None):
    return Scores(Run(list(methods), values, metric, tables))


def random_scores(methods="abcd", sets=9, J=20, seed=0, tables=None):
    rng = seeds.generator(seed, "made-up run")
    values = {f"set{k}": rng.normal(size=(len(methods), J)) for k in range(sets)}
    return made(methods, values, tables=tables), values


# Differences on one data set


def test_differences_are_those_of_every_pair_over_its_splits():
    scores, values = random_scores("abc", 1, 6, tables={"set0": "random"})
    found = differences(scores, "set0")
    assert [(d.method, d.other) for d in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    block = values["set0"]
    for d, (i, j) in zip(found, combinations(range(3), 2), strict=True):
        assert d.estimate == over_splits(block[i] - block[j], N_TEST / N_TRAIN)
        assert (d.pairs, d.missing) == (6, 0)
    expected = multipletests([d.p for d in found], method="holm")[1]
    assert [d.p_holm for d in found] == pytest.approx(expected, rel=1e-12)
    assert all(d.distinguishable == (d.p_holm < 0.05) for d in found)


def test_a_split_that_one_method_lacks_is_left_out_and_counted():
    block = np.array([[1.0, 2.0, np.nan, 4.0], [0.5, 1.0, 1.5, 9.0], [3.0, np.nan, np.nan, np.nan]])
    ab, ac, bc = differences(made("abc", {"set": block}), "set")
    assert (ab.pairs, ab.missing) == (3, 1)
    assert ab.estimate.mean == pytest.approx((0.5 + 1.0 - 5.0) / 3, rel=1e-12)
    assert (ac.pairs, ac.missing, bc.pairs) == (1, 3, 1)
    assert np.isnan([ac.p, ac.p_holm, ac.estimate.se]).all()  # one split gives no variance
    assert not ac.distinguishable
    assert ab.p_holm == ab.p  # a test that was not made is not corrected for


def test_methods_without_a_common_split_are_not_compared():
    block = [[1.0, np.nan], [np.nan, 1.0]]
    assert differences(made("ab", {"set": block}), "set") == []


def test_references_are_never_compared():
    scores, _ = random_scores(["a", "marginal", "b", "oracle"], 3, 4)
    assert [(d.method, d.other) for d in differences(scores, "set0")] == [("a", "b")]
    assert contest(scores).methods in (["a", "b"], ["b", "a"])
    assert {x.method for x in improvements(scores)} == {"a", "b"}
    assert {x.method for x in profiles(scores)} == {"a", "b"}


def test_repeats_of_a_split_are_averaged_before_they_are_compared():
    rng = seeds.generator(0, "repeats")
    block = rng.normal(size=(2, 5, 3))
    (found,) = differences(made("ab", {"set": block}), "set")
    means = block.mean(axis=2)
    assert found.pairs == 5
    assert found.estimate.mean == pytest.approx(np.mean(means[0] - means[1]), rel=1e-9)
    assert found.p == pytest.approx(stats.ttest_rel(*means).pvalue, rel=1e-9)


# Contests over data sets


def test_a_contest_ranks_and_tests_the_means_over_splits():
    scores, values = random_scores("abcde", 11)
    found = contest(scores)
    means = np.array([block.mean(axis=1) for block in values.values()])
    ranks = dict(zip("abcde", stats.rankdata(means, axis=1).mean(axis=0), strict=True))
    assert found.mean_ranks == pytest.approx(ranks, rel=1e-12)
    assert found.methods == list(found.mean_ranks) == sorted(ranks, key=ranks.get)
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*means.T).pvalue, rel=1e-9)
    column = {m: means[:, "abcde".index(m)] for m in "abcde"}
    raw = [stats.wilcoxon(column[p.method], column[p.other]).pvalue for p in found.pairs]
    assert [p.p for p in found.pairs] == pytest.approx(raw, rel=1e-9)
    adjusted = multipletests(raw, method="holm")[1]
    assert [p.p_holm for p in found.pairs] == pytest.approx(adjusted, rel=1e-9)
    assert (found.datasets, found.missing, found.note) == (list(values), [], "")


def test_a_contest_agrees_with_scikit_posthocs():
    scores, values = random_scores("abcd", 12, seed=3)
    found = contest(scores)
    means = pd.DataFrame([block.mean(axis=1) for block in values.values()], columns=list("abcd"))
    long = means.melt(var_name="method", value_name="nll")
    wilcoxon = scikit_posthocs.posthoc_wilcoxon(
        long, val_col="nll", group_col="method", p_adjust="holm"
    )
    nemenyi = scikit_posthocs.posthoc_nemenyi_friedman(means)
    for p in found.pairs:
        assert p.p_holm == pytest.approx(wilcoxon.loc[p.method, p.other], rel=1e-9)
        apart = abs(found.mean_ranks[p.method] - found.mean_ranks[p.other])
        beyond = apart > found.critical_difference
        assert beyond == (nemenyi.loc[p.method, p.other] < 0.05)


def test_a_method_that_always_wins_ranks_first_with_significant_differences():
    rng = seeds.generator(0, "winner")
    values = {f"set{k}": rng.normal([[0], [-100], [0]], size=(3, 5)) for k in range(8)}
    found = contest(made("abc", values))
    assert found.methods[0] == "b"
    assert found.mean_ranks["b"] == 1
    # 2 / 2^8 twice, times 3 and 2 of three pairs, raised to the larger: 6 / 256.
    assert [p.p_holm for p in found.pairs if "b" in (p.method, p.other)] == [6 / 256, 6 / 256]
    assert found.groups == [tuple(m for m in found.methods if m != "b")]


def test_where_high_is_better_the_highest_ranks_first():
    values = {f"set{k}": [[0.1, 0.2], [0.8, 0.9]] for k in range(6)}
    assert contest(made("ab", values, metric="r2"), "r2").methods == ["b", "a"]
    assert contest(made("ab", values)).methods == ["a", "b"]
    (first, _) = improvements(made("ab", values, metric="r2"), "r2")
    assert (first.method, first.probability) == ("a", 0.0)


@pytest.mark.parametrize("metric", ["coverage_90", "width"])
def test_a_metric_without_a_better_direction_is_rejected(metric):
    scores, _ = random_scores("ab", 2)
    for ranking in (contest, improvements):
        with pytest.raises(BadInput, match=f"{metric}.*such as nll"):
            ranking(scores, metric)


def test_a_block_with_a_missing_cell_is_dropped_and_counted_never_imputed():
    _, values = random_scores("abc", 4)
    values["set1"][1, 7] = np.nan
    found = contest(made("abc", values))
    assert found.datasets == ["set0", "set2", "set3"]
    assert found.missing == [("set1", "b")]
    assert "set1 is left out: splits of b are missing" in found.note
    del values["set1"]
    without = contest(made("abc", values))
    assert found.mean_ranks == without.mean_ranks
    assert found.pairs == without.pairs


def test_a_method_that_is_complete_nowhere_is_left_out_and_drops_no_block():
    _, values = random_scores("abc", 6)
    for block in values.values():
        block[2, 3] = np.nan
    found = contest(made("abc", values))
    assert (sorted(found.methods), found.datasets) == (["a", "b"], list(values))
    assert found.missing == [(name, "c") for name in values]
    assert "c is left out: it is complete on no data set" in found.note


def test_no_contest_is_held_under_two_data_sets_or_two_methods():
    for scores in (random_scores("ab", 1)[0], random_scores("a", 9)[0]):
        found = contest(scores)
        assert isinstance(found, Undefined)
        assert "2 methods" in found.reason
    _, values = random_scores("ab", 2)
    values["set1"][1, 7] = np.nan
    assert "set1 is left out: splits of b are missing" in contest(made("ab", values)).reason


@pytest.mark.parametrize(("methods", "sets"), [("ab", 6), ("abcd", 8), ("abcdef", 10)])
def test_a_contest_notes_when_no_difference_can_be_significant(methods, sets):
    """Two methods need 6 data sets, as 2 / 2^5 > .05; six have 15 pairs: 30 / 2^9 > .05."""
    pairs = len(methods) * (len(methods) - 1) // 2
    assert pairs * 2 / 2**sets < 0.05 < pairs * 2 / 2 ** (sets - 1)
    assert contest(random_scores(methods, sets)[0]).note == ""
    note = contest(random_scores(methods, sets - 1)[0]).note
    assert f"No difference can be significant with {sets - 1} data sets" in note
    assert f"at least {sets} data sets are needed" in note


def test_groups_are_the_maximal_sets_without_a_significant_pair():
    rng = seeds.generator(0, "groups")
    for _ in range(40):
        methods = list("abcdef")
        every = list(combinations(methods, 2))
        apart = [pair for pair in every if rng.random() < 0.4]
        joined = [
            set(s)
            for size in range(2, 7)
            for s in combinations(methods, size)
            if not any(pair in apart for pair in combinations(s, 2))
        ]
        maximal = sorted(tuple(sorted(s)) for s in joined if not any(s < t for t in joined))
        assert groups(methods, apart) == maximal
    assert groups(["a", "b"], [("a", "b")]) == []


# Improvements and profiles


def test_a_probability_of_improvement_is_mann_whitneys_u_averaged_over_data_sets():
    scores, values = random_scores("abc", 3, 8)
    values = {name: np.round(block, 1) for name, block in values.items()}  # ties
    for x in improvements(made("abc", values)):
        a, b = "abc".index(x.method), "abc".index(x.other)
        u = [stats.mannwhitneyu(-v[a], -v[b]).statistic / 64 for v in values.values()]
        assert x.probability == pytest.approx(np.mean(u), rel=1e-12)
        limits = wilson(x.probability * 24, 24)  # 8 independent runs of each of 3 sets
        assert (x.lower, x.upper) == pytest.approx(limits, rel=1e-9)
        assert x.datasets == tuple(values)
    found = {(x.method, x.other): x.probability for x in improvements(scores)}
    assert len(found) == 6
    assert found["a", "b"] + found["b", "a"] == pytest.approx(1, rel=1e-12)


def test_a_method_that_always_wins_has_a_limit_below_1():
    values = {"set": [[0.1, 0.2, 0.3], [1.1, 1.2, 1.3]]}
    first, second = improvements(made("ab", values))
    assert (first.probability, first.upper, second.probability) == (1, 1, 0)
    assert first.lower == pytest.approx(wilson(3, 3)[0], rel=1e-12)


def test_overlapping_splits_count_as_fewer_runs():
    scores, _ = random_scores("ab", 2, 20, tables={"set1": "random"})
    x = improvements(scores)[0]
    n = 4 / (1 / 20 + (1 / 20 + N_TEST / N_TRAIN))
    assert (x.lower, x.upper) == pytest.approx(wilson(x.probability * n, n), rel=1e-9)


def test_splits_are_matched_by_name_whatever_their_order():
    methods = ["a", "b", "marginal"]
    scores, _ = random_scores(methods, 2, 6)
    shuffled, _ = random_scores(methods, 2, 6)
    place = ScoreKey("set1", "marginal", "nll", *CLEAN)
    shuffled._values[place] = dict(reversed(shuffled._values[place].items()))
    for one, two in zip(profiles(scores), profiles(shuffled), strict=True):
        assert one.taus[-1] == two.taus[-1]
        assert one.share.tolist() == two.share.tolist()


def test_gaps_of_generated_data_are_drawn_anew_and_have_limits():
    run = Run(["a", "b"], random_scores("ab", 2)[1])
    first, second = run.about.data
    run.about = replace(run.about, data=(first, replace(second, split="gap")))
    assert improvements(Scores(run))[0].reason == ""


@pytest.mark.parametrize("family", ["gap", "tail"])
def test_gaps_and_tails_have_shares_without_limits_but_with_the_reason(family):
    methods = ["a", "b", "marginal"]
    scores, _ = random_scores(methods, 2, 6, tables={"set1": family})
    for found in (improvements(scores)[0], profiles(scores)[0]):
        assert np.isnan(found.lower).all()
        assert np.isnan(found.upper).all()
        assert found.reason == "no random sample of splits: gaps or tails of set1"
    assert 0 < improvements(scores)[0].probability < 1


def test_a_profile_is_the_share_of_runs_that_gain_more_than_tau_over_marginal():
    methods = ["a", "marginal", "b"]
    scores, values = random_scores(methods, 3, 7)
    found = profiles(scores)
    assert [p.method for p in found] == ["a", "b"]
    gains = {p.method: [v[1] - v[methods.index(p.method)] for v in values.values()] for p in found}
    most = max(np.max(g) for blocks in gains.values() for g in blocks)
    for p in found:
        assert (p.taus[0], p.taus[-1], p.datasets) == (0, most, tuple(values))
        for tau, share, lower, upper in zip(p.taus, p.share, p.lower, p.upper, strict=True):
            slow = np.mean([np.mean([gain > tau for gain in block]) for block in gains[p.method]])
            assert share == pytest.approx(slow, rel=1e-12)
            assert (lower, upper) == pytest.approx(wilson(share * 21, 21), rel=1e-9, abs=1e-12)


def test_a_profile_does_not_depend_on_the_unit_of_a_target():
    """Another unit adds the logarithm of the scale to every nll of a data set."""
    methods = ["a", "b", "marginal"]
    scores, values = random_scores(methods, 3)
    shifted = {name: block + 5.0 * k for k, (name, block) in enumerate(values.items())}
    for one, two in zip(profiles(scores), profiles(made(methods, shifted)), strict=True):
        assert np.mean(one.share != two.share) < 0.02  # rounding at one tau or another


def test_profiles_and_improvements_use_complete_blocks_alone():
    methods = ["a", "b", "marginal"]
    _, values = random_scores(methods, 3, 5)
    values["set1"][0, 2] = np.nan
    scores = made(methods, values)
    assert profiles(scores)[0].datasets == ("set0", "set2")
    assert improvements(scores)[0].datasets == ("set0", "set2")


def test_profiles_need_marginal_and_a_run_that_beats_it():
    assert "marginal" in profiles(random_scores("ab")[0]).reason
    worse = made(["a", "marginal"], {"set": [[2.0, 3.0], [1.0, 1.0]]})
    assert profiles(worse).reason == "no run beats marginal"
    assert isinstance(improvements(random_scores("a")[0]), Undefined)


# False alarms


def test_false_alarms_between_equal_methods_on_a_data_set_are_at_most_5_percent():
    """Three methods: each predicts the mean of another random half of the training rows."""
    tables, J, n = 400, 20, N_TRAIN + N_TEST
    rng = seeds.generator(0, "equal methods")
    y = rng.normal(size=(tables, n))
    order = np.argsort(rng.random((tables, J, n)), axis=-1)
    shuffled = np.take_along_axis(y[:, None], order, axis=-1)
    train, test = shuffled[..., N_TEST:], shuffled[..., :N_TEST]
    halves = np.argsort(rng.random((3, tables, J, N_TRAIN)), axis=-1)[..., : N_TRAIN // 2]
    centres = np.take_along_axis(train[None], halves, axis=-1).mean(axis=-1)
    losses = np.mean((test - centres[..., None]) ** 2, axis=-1)
    scores = made("abc", {"set": losses[:, 0]}, tables={"set": "random"})
    alarms = 0
    for table in range(tables):
        scores.__dict__["_values"] = values_of("set", losses[:, table])
        alarms += any(d.distinguishable for d in differences(scores, "set"))
    # At most 5 %, and 3.5 standard errors of 400 tables.
    assert alarms / tables < 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / tables)


def test_false_alarms_between_equal_methods_over_data_sets_are_at_most_5_percent():
    runs, sets = 200, 9
    rng = seeds.generator(0, "equal methods on many sets")
    scores, _ = random_scores("abcd", sets, 1)
    alarms = 0
    for _ in range(runs):
        scores.__dict__["_values"] = {
            place: value
            for k in range(sets)
            for place, value in values_of(f"set{k}", rng.normal(size=(4, 1))).items()
        }
        alarms += any(p.distinguishable for p in contest(scores).pairs)
    assert alarms / runs < 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / runs)


def values_of(dataset, block):
    """What `Scores` holds of a block (methods, J), in the place of a run's."""
    return {
        ScoreKey(dataset, "abcd"[m], "nll", *CLEAN): {
            f"split-{j}": value for j, value in enumerate(row.tolist())
        }
        for m, row in enumerate(block)
    }
